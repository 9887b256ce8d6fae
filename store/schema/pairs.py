"""What is measured of pairs of clips: window sensitivity by slice, dimension and patch."""

from tubelet.store.schema.columns import ADDRESS, DIM, MOMENT, Column, Table

PAIR = Column("pair_id", "VARCHAR", "pair of the measurement")
SHARED_SLICE = Column(
    "shared_slice", "SMALLINT", "number among the slices that are compared, from 0"
)

PAIRS = Table(
    "pairs",
    "pair of clips whose tokens were compared",
    ("pair_id",),
    (
        Column("pair_id", "VARCHAR", "hash of both clips, kind, source and change"),
        Column("video_id", "VARCHAR", "video of both clips"),
        Column("encoder_id", "VARCHAR", "encoder of both clips"),
        Column("clip_a", "VARCHAR", "clip of the earlier window"),
        Column(
            "clip_b",
            "VARCHAR",
            "clip of the later window; the same clip where kind is `repeated`, `changed` or `nested`, that of the same window in fp32 where it is `rounding`",
        ),
        Column(
            "kind",
            "VARCHAR",
            "`shifted` windows share frames; controls: `repeated` encodes one window twice, `rounding` in two precisions, `disjoint` windows of a video share no frame; `changed` compares a window with itself after a change of its pixels, `nested` with its own first slices alone",
        ),
        Column(
            "shift",
            "SMALLINT",
            "how much later window B begins; shared slice k of A is slice k + shift",
            "slices",
        ),
        Column(
            "shared_slices",
            "SMALLINT",
            "slices compared: those of the same frames; where kind is `disjoint`, those of the same position",
            "slices",
        ),
        Column(
            "source",
            "VARCHAR",
            "`live`: float32 tensors on the device, before rounding; `stored`: half-precision embedding files",
        ),
        Column("precision", "VARCHAR", "arithmetic of the encoder"),
        Column(
            "change",
            "VARCHAR",
            "what `--change` did to the window before it was encoded again, such as `noise`; NULL unless kind is `changed` or `nested`",
        ),
        Column("strength", "DOUBLE", "of the change, in its own unit; NULL where it has none"),
        Column(
            "pixel_change",
            "DOUBLE",
            "mean absolute difference of the pixels that the encoder is given, over the frames that both windows have; NULL unless kind is `changed` or `nested`",
            "share of the range of a pixel",
        ),
        Column("measured_at", MOMENT, "when the pair was measured", "UTC"),
    ),
)

SENSITIVITY = Table(
    "sensitivity",
    "pair, shared slice and dimension; a difference is the value in clip B minus the value in clip A",
    ("pair_id", "shared_slice", "dim"),
    (
        PAIR,
        SHARED_SLICE,
        Column("slice_a", "SMALLINT", "the slice in clip A"),
        Column("slice_b", "SMALLINT", "the slice in clip B"),
        DIM,
        Column("mean_abs", "FLOAT", "mean absolute difference over the patches"),
        Column("rms", "FLOAT", "root mean square difference over the patches"),
        Column("mean_signed", "FLOAT", "mean difference over the patches"),
        Column("max_abs", "FLOAT", "largest absolute difference over the patches"),
    ),
)

DIM_SENSITIVITY = Table(
    "dim_sensitivity",
    "pair and dimension: summary of its curve of mean absolute differences over the shared slices",
    ("pair_id", "dim"),
    (
        PAIR,
        DIM,
        Column(
            "first",
            "FLOAT",
            "mean absolute difference on the first shared slice, where window B begins",
        ),
        Column(
            "last",
            "FLOAT",
            "mean absolute difference on the last shared slice, where window A ends",
        ),
        Column("edge", "FLOAT", "mean of first and last"),
        Column(
            "middle",
            "FLOAT",
            "mean over the middle third of the shared slices (all of fewer than three)",
        ),
        Column("overall", "FLOAT", "mean over all shared slices"),
        Column(
            "edge_signed",
            "FLOAT",
            "mean over the first and last shared slice of: value at its own window's edge minus value further inside",
        ),
        Column(
            "pair_std",
            "FLOAT",
            "population standard deviation of the dimension over all tokens of both clips: what makes differences relative",
        ),
        Column(
            "relative_edge",
            "FLOAT",
            "relative edge sensitivity: edge over pair_std; NULL where the dimension is constant in the pair",
        ),
    ),
)

SLICE_SENSITIVITY = Table(
    "slice_sensitivity",
    "pair and shared slice",
    ("pair_id", "shared_slice"),
    (
        PAIR,
        SHARED_SLICE,
        Column("mean_abs", "FLOAT", "mean absolute difference over patches and dimensions"),
        Column(
            "relative",
            "FLOAT",
            "mean over dimensions of: mean absolute difference over the dimension's standard deviation; constant dimensions are left out",
        ),
        Column("q25", "FLOAT", "lower quartile over dimensions of the mean absolute difference"),
        Column("q50", "FLOAT", "median over dimensions of the mean absolute difference"),
        Column("q75", "FLOAT", "upper quartile over dimensions of the mean absolute difference"),
        Column(
            "token_cosine",
            "FLOAT",
            "mean over patches of the cosine of the two embeddings",
            "-1 to 1",
        ),
        Column(
            "relative_l2",
            "FLOAT",
            "mean over patches of the distance of the two embeddings over the mean of their lengths",
        ),
    ),
)

TOKEN_SENSITIVITY = Table(
    "token_sensitivity",
    "pair, shared slice and patch",
    ("pair_id", "shared_slice", "y", "x"),
    (
        PAIR,
        SHARED_SLICE,
        *ADDRESS[2:],
        Column("l2", "FLOAT", "Euclidean distance of the two embeddings"),
        Column("cosine", "FLOAT", "cosine of the two embeddings", "-1 to 1"),
    ),
)

MEASUREMENTS = (PAIRS, SLICE_SENSITIVITY, DIM_SENSITIVITY, TOKEN_SENSITIVITY, SENSITIVITY)
