"""Surprise: how far a predictor's tokens are from the encoder's own, beside what a copy and a mean token reach."""

from tubelet.store.schema.columns import ADDRESS, MOMENT, Column, Table

CONTEXT = Column(
    "context", "SMALLINT", "slices that the encoder saw before the ones to predict", "slices"
)
HORIZON = Column(
    "horizon", "SMALLINT", "how far after the last slice seen the predicted one lies", "slices"
)
PRECISION = Column("precision", "VARCHAR", "arithmetic of the encoder")

ERRORS = (
    Column("l1", "FLOAT", "mean absolute error of the prediction"),
    Column("cosine", "FLOAT", "cosine of prediction and target", "-1 to 1"),
    Column("copy_l1", "FLOAT", "the same error of a copy of the last slice seen"),
    Column("copy_cosine", "FLOAT", "the same cosine of a copy of the last slice seen", "-1 to 1"),
    Column("mean_l1", "FLOAT", "the same error of the mean token of the context"),
    Column("mean_cosine", "FLOAT", "the same cosine of the mean token of the context", "-1 to 1"),
    Column(
        "l1_over_copy",
        "FLOAT",
        "l1 over copy_l1: above 1 the predictor is worse than copying; NULL where copying has no error",
    ),
    Column("l1_over_mean", "FLOAT", "l1 over mean_l1; NULL where the mean token has no error"),
    Column(
        "cosine_over_copy",
        "FLOAT",
        "1 - cosine over 1 - copy_cosine; NULL where copying has no error",
    ),
    Column(
        "cosine_over_mean",
        "FLOAT",
        "1 - cosine over 1 - mean_cosine; NULL where the mean token has no error",
    ),
    Column(
        "pixel_change",
        "DOUBLE",
        "control: mean absolute difference of the pixels of the predicted slice to the last frame seen",
        "share of the range of a pixel",
    ),
    Column(
        "motion",
        "FLOAT",
        "control: mean displacement between neighboring frames of the predicted slice, from the gradients of the pixels",
        "pixels per frame",
    ),
)

PROVENANCE = (
    Column(
        "target",
        "VARCHAR",
        "what the prediction is compared with: levels of the encoder, their normalization, and what it saw",
    ),
    Column("predictor_sha256", "VARCHAR", "SHA-256 of the predictor's weights"),
    PRECISION,
    Column("measured_at", MOMENT, "when the prediction was made", "UTC"),
)

SURPRISE = Table(
    "surprise",
    "token that was predicted from a context",
    ("clip_id", "slice", "y", "x", "context", "horizon"),
    (*ADDRESS, CONTEXT, HORIZON, *ERRORS),
)

SLICE_SURPRISE = Table(
    "slice_surprise",
    "slice that was predicted from a context: means over its patches, and ratios of these means",
    ("clip_id", "slice", "context", "horizon"),
    (
        *ADDRESS[:2],
        CONTEXT,
        HORIZON,
        *ERRORS,
        *PROVENANCE,
    ),
)

SEED = Column("seed", "BIGINT", "seed of what is drawn by chance")
MASKING = Column("masking_id", "VARCHAR", "hash of clip, mask, ratio, seed and predictor")
NEAR = (
    Column("near_l1", "FLOAT", "the same error of a copy of the nearest token that is seen"),
    Column(
        "near_cosine", "FLOAT", "the same cosine of a copy of the nearest seen token", "-1 to 1"
    ),
)

MASKINGS = Table(
    "maskings",
    "clip and mask under which its hidden tokens were predicted: means over these tokens, and ratios of these means",
    ("clip_id", "masking_id"),
    (
        ADDRESS[0],
        MASKING,
        Column(
            "mask_kind",
            "VARCHAR",
            "`multi-block`, `multi-block-long`, `tube`, `random`, `future`, `past`, `every-other` or `painted`",
        ),
        Column(
            "mask_ratio",
            "DOUBLE",
            "share of the tokens that was asked to be hidden; NULL where the kind decides it",
        ),
        SEED,
        Column(
            "painted",
            "VARCHAR",
            "of a painted mask: its patches as slice.y.x, and after - the last slice that it hides, where that was told",
        ),
        Column("seen_tokens", "INTEGER", "tokens that the encoder saw", "tokens"),
        Column("hidden_tokens", "INTEGER", "tokens that were predicted", "tokens"),
        *ERRORS[:2],
        *NEAR,
        *ERRORS[4:6],
        Column("l1_over_near", "FLOAT", "l1 over near_l1: above 1 worse than copying a neighbor"),
        ERRORS[7],
        *PROVENANCE,
        Column(
            "tokens_path",
            "VARCHAR",
            "file of all tokens of the window, as seen or predicted and as the encoder says them, in the store; NULL where an earlier version ran the mask",
        ),
        Column("tokens_bytes", "BIGINT", "size of the file of tokens", "bytes"),
        Column("tokens_sha256", "VARCHAR", "SHA-256 of the file of tokens"),
    ),
)

MASKED_TOKENS = Table(
    "masked_tokens",
    "token that was hidden under a mask",
    ("clip_id", "masking_id", "slice", "y", "x"),
    (ADDRESS[0], MASKING, *ADDRESS[1:], *ERRORS[:2], *NEAR, *ERRORS[4:6]),
)

MASKING_PROJECTIONS = Table(
    "masking_projections",
    "token of a window under a mask: as it was seen or predicted, and as the encoder says it itself, both in the first three principal components of the latter",
    ("clip_id", "masking_id", "slice", "y", "x"),
    (
        ADDRESS[0],
        MASKING,
        *ADDRESS[1:],
        Column("hidden", "BOOLEAN", "whether the mask hides it"),
        *(
            Column(f"c{number}", "FLOAT", f"component {number} of what was seen or predicted")
            for number in (1, 2, 3)
        ),
        *(
            Column(
                f"own_c{number}",
                "FLOAT",
                f"component {number} of the encoder's output for it when it sees the whole window",
            )
            for number in (1, 2, 3)
        ),
    ),
)

MASKING_TABLES = (MASKINGS, MASKED_TOKENS, MASKING_PROJECTIONS)
SURPRISE_TABLES = (SLICE_SURPRISE, SURPRISE, *MASKING_TABLES)
