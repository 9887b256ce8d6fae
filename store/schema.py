"""The one list of tables and columns, each with its meaning and unit.

`tubelet schema`, the SQL page, docs/schema.md and every reader and writer take them from here.
Types are DuckDB's names, as a query sees them. ``HALF`` columns lie on disk as little-endian half-precision
bytes and look like ``FLOAT[]`` to SQL. Times do not depend on the machine's time zone: the SQL session is in UTC.
"""

from dataclasses import dataclass

import pyarrow as pa

from tubelet.store.statistics import TOKEN_STATISTICS

SEGMENTATION, TRACKING = "segmentation", "tracking"  # what a layer of an encoder may suit
GRID, PARTNER = "grid", "partner"  # roles of a clip in the ingest that made it
FORMAT = 1  # of everything on disk; a store of a higher format is refused
HALF = "FLOAT[]"
MOMENT = "TIMESTAMP WITH TIME ZONE"  # UTC without a zone on disk, a moment with its zone to SQL

ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "BOOLEAN": pa.bool_(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    MOMENT: pa.timestamp("us"),
    HALF: pa.binary(),
    "DOUBLE[]": pa.list_(pa.float64()),
    "INTEGER[]": pa.list_(pa.int32()),
}


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    meaning: str
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """A table: what one row is, what makes it unique, and its columns in order."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def arrow(self) -> pa.Schema:
        return pa.schema([pa.field(c.name, ARROW_TYPES[c.type], c.name not in self.key) for c in self.columns])

    @property
    def owner(self) -> str | None:
        """The table that owns these rows: they are committed and removed together."""
        return OWNERS.get(self.key[0]) if len(self.key) > 1 else None


OWNERS = {"clip_id": "clips", "pair_id": "pairs", "basis_id": "bases", "projection_id": "projections"}


ADDRESS = (
    Column("clip_id", "VARCHAR", "clip of the token"),
    Column("slice", "SMALLINT", "temporal position in the clip, from 0"),
    Column("y", "SMALLINT", "row of the patch, from the top, from 0"),
    Column("x", "SMALLINT", "column of the patch, from the left, from 0"),
)
CLIP, SLICE = ADDRESS[0], ADDRESS[1]
DIM = Column("dim", "SMALLINT", "component of the embedding, from 0")
EMBEDDING = Column("embedding", HALF, "vector of the token, rounded to half precision")

VIDEOS = Table(
    "videos",
    "distinct file content",
    ("video_id",),
    (
        Column("video_id", "VARCHAR", "first 16 hex digits of the SHA-256 of the file's bytes"),
        Column("name", "VARCHAR", "file name"),
        Column("path", "VARCHAR", "absolute path where it was last found; all known paths are in `places`"),
        Column("bytes", "BIGINT", "size of the file", "bytes"),
        Column("modified_ns", "BIGINT", "modification time; with path and bytes it avoids hashing again", "ns since 1970"),
        Column("container", "VARCHAR", "container format, FFmpeg's name"),
        Column("codec", "VARCHAR", "video codec, FFmpeg's name"),
        Column("width", "INTEGER", "width as displayed: rotation and pixel aspect applied", "pixels"),
        Column("height", "INTEGER", "height as displayed: rotation and pixel aspect applied", "pixels"),
        Column("rotation", "SMALLINT", "rotation that the file requests, applied when decoding", "degrees counterclockwise"),
        Column("mirrored", "BOOLEAN", "whether the file requests that left and right be swapped, applied before the rotation"),
        Column("transfer", "VARCHAR", "transfer characteristics, FFmpeg's name; smpte2084 (PQ) and arib-std-b67 (HLG) are HDR, taken without tone mapping"),
        Column("primaries", "VARCHAR", "color primaries, FFmpeg's name; NULL where the file does not say"),
        Column("bit_depth", "SMALLINT", "bits of a stored sample; the encoder gets 8", "bits"),
        Column("fps", "DOUBLE", "average frame rate according to the header", "frames/s"),
        Column("frames", "INTEGER", "frames as decoded, in the decoder's order", "frames"),
        Column("corrupt_frames", "INTEGER", "frames that FFmpeg decodes but marks as damaged", "frames"),
        Column("gaps", "INTEGER[]", "numbers of the frames before which damaged packets lost frames; no window lies over one", "frame"),
        Column("duration_s", "DOUBLE", "from the first frame to the end of the last, by time stamps", "s"),
        Column("label", "VARCHAR", "folder of the file below the path given to ingest, at the last known place; NULL at its top"),
        Column("thumbnail", "VARCHAR", "JPEG of one frame, relative to the store"),
        Column("added_at", MOMENT, "when the video was committed", "UTC"),
    ),
)

PLACES = Table(
    "places",
    "path at which a video was found",
    ("place_id",),
    (
        Column("place_id", "VARCHAR", "hash of video and path"),
        Column("video_id", "VARCHAR", "content of the file when it was read"),
        Column("path", "VARCHAR", "absolute path of the file"),
        Column("name", "VARCHAR", "file name"),
        Column("label", "VARCHAR", "folder of the file below the path given to ingest; NULL at its top"),
        Column("bytes", "BIGINT", "size of the file", "bytes"),
        Column("modified_ns", "BIGINT", "modification time when the content was last read", "ns since 1970"),
        Column("added_at", MOMENT, "when this row was committed", "UTC"),
    ),
)

ENCODERS = Table(
    "encoders",
    "encoder, weights and layer",
    ("encoder_id",),
    (
        Column("encoder_id", "VARCHAR", "name, layer where it is not the output, and hash of name, weights, layer and of settings that change its numbers"),
        Column("name", "VARCHAR", "name in `tubelet encoders`"),
        Column("family", "VARCHAR", "architecture"),
        Column("layer", "VARCHAR", "which level of the encoder is stored: `last`, a number from 0, or several joined in order: a range such as `0-1`, or `all`"),
        Column("dim", "INTEGER", "length of an embedding", "dimensions"),
        Column("patch", "SMALLINT", "side of a patch", "pixels"),
        Column("tubelet", "SMALLINT", "frames that become one slice", "frames"),
        Column("parameters", "BIGINT", "parameters of the encoder"),
        Column("weights_sha256", "VARCHAR", "SHA-256 of the weights' names, shapes and values"),
        Column("weights_source", "VARCHAR", "where the weights come from; says so when they are untrained"),
        Column("preprocessing", "VARCHAR", "how pixels become the encoder's input"),
        Column("suits", "VARCHAR", "what this layer is best for, as measured: `segmentation` or `tracking`; NULL where layers were not compared"),
    ),
)

CLIPS = Table(
    "clips",
    "encoded window",
    ("clip_id",),
    (
        Column("clip_id", "VARCHAR", "hash of video, encoder, window, geometry and precision"),
        Column("video_id", "VARCHAR", "video of the clip"),
        Column("encoder_id", "VARCHAR", "encoder of the clip"),
        Column("first_frame", "INTEGER", "first frame of the window, from 0", "frame"),
        Column("frames", "INTEGER", "frames fed to the encoder", "frames"),
        Column("step", "INTEGER", "distance of one frame to the next", "frames"),
        Column("role", "VARCHAR", "`grid`: one of the windows that start every `--stride` frames; `partner`: encoded only because a pair needs it"),
        Column("start_s", "DOUBLE", "time of the first frame since the video's first frame", "s"),
        Column("stop_s", "DOUBLE", "time at which the last frame ends", "s"),
        Column("corrupt_frames", "INTEGER", "frames of the window that FFmpeg marks as damaged", "frames"),
        Column("slices", "INTEGER", "temporal positions of the token grid"),
        Column("height", "INTEGER", "rows of the token grid", "patches"),
        Column("width", "INTEGER", "columns of the token grid", "patches"),
        Column("dim", "INTEGER", "length of an embedding", "dimensions"),
        Column("geometry", "VARCHAR", "how a frame becomes the encoder's picture: `crop` the whole short side and the middle of the long one, `meta` seven eighths of that as V-JEPA's authors do, `fit` the whole frame"),
        Column("crop_height", "INTEGER", "height of the picture the encoder saw", "pixels"),
        Column("crop_width", "INTEGER", "width of the picture the encoder saw", "pixels"),
        Column("precision", "VARCHAR", "arithmetic of the encoder"),
        Column("embedding_path", "VARCHAR", "embedding file, relative to the store; NULL where only statistics were kept"),
        Column("embedding_bytes", "BIGINT", "size of the embedding file", "bytes"),
        Column("embedding_sha256", "VARCHAR", "SHA-256 of the embedding file"),
        Column("encode_s", "DOUBLE", "seconds in the encoder", "s"),
        Column("created_at", MOMENT, "when the clip was encoded", "UTC"),
    ),
)

TOKEN_STATS = Table(
    "token_stats",
    "token",
    ("clip_id", "slice", "y", "x"),
    ADDRESS + tuple(Column(s.name, "FLOAT", s.meaning, s.unit) for s in TOKEN_STATISTICS.values()),
)

SLICE_STATS = Table(
    "slice_stats",
    "clip and slice",
    ("clip_id", "slice"),
    (CLIP, SLICE)
    + tuple(Column(s.name, "FLOAT", f"mean over the slice's patches of: {s.meaning}", s.unit) for s in TOKEN_STATISTICS.values()),
)

DIM_STATS = Table(
    "dim_stats",
    "clip, slice and dimension",
    ("clip_id", "slice", "dim"),
    (
        CLIP,
        SLICE,
        DIM,
        Column("mean", "FLOAT", "mean over the slice's patches"),
        Column("std", "FLOAT", "population standard deviation over the slice's patches"),
        Column("min", "FLOAT", "smallest value in the slice"),
        Column("max", "FLOAT", "largest value in the slice"),
    ),
)

TOKEN_SAMPLES = Table("token_samples", "sampled token of a clip, the same ones on every machine", ("clip_id", "slice", "y", "x"), (*ADDRESS, EMBEDDING))

PAIR = Column("pair_id", "VARCHAR", "pair of the measurement")
SHARED_SLICE = Column("shared_slice", "SMALLINT", "number among the slices that are compared, from 0")

PAIRS = Table(
    "pairs",
    "pair of clips whose tokens were compared",
    ("pair_id",),
    (
        Column("pair_id", "VARCHAR", "hash of both clips, kind and source"),
        Column("video_id", "VARCHAR", "video of both clips"),
        Column("encoder_id", "VARCHAR", "encoder of both clips"),
        Column("clip_a", "VARCHAR", "clip of the earlier window"),
        Column("clip_b", "VARCHAR", "clip of the later window; the same clip where kind is `repeated`, that of the same window in fp32 where it is `rounding`"),
        Column("kind", "VARCHAR", "`shifted` windows share frames; controls: `repeated` encodes one window twice, `rounding` in two precisions, `disjoint` windows of a video share no frame"),
        Column("shift", "SMALLINT", "how much later window B begins; shared slice k of A is slice k + shift", "slices"),
        Column("shared_slices", "SMALLINT", "slices compared: those of the same frames; where kind is `disjoint`, those of the same position", "slices"),
        Column("source", "VARCHAR", "`live`: float32 tensors on the device, before rounding; `stored`: half-precision embedding files"),
        Column("precision", "VARCHAR", "arithmetic of the encoder"),
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
        Column("first", "FLOAT", "mean absolute difference on the first shared slice, where window B begins"),
        Column("last", "FLOAT", "mean absolute difference on the last shared slice, where window A ends"),
        Column("edge", "FLOAT", "mean of first and last"),
        Column("middle", "FLOAT", "mean over the middle third of the shared slices (all of fewer than three)"),
        Column("mean", "FLOAT", "mean over all shared slices"),
        Column("edge_signed", "FLOAT", "mean over the first and last shared slice of: value at its own window's edge minus value further inside"),
        Column("std", "FLOAT", "population standard deviation of the dimension over all tokens of both clips: what makes differences relative"),
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
        Column("relative", "FLOAT", "mean over dimensions of: mean absolute difference over the dimension's standard deviation; constant dimensions are left out"),
        Column("q25", "FLOAT", "lower quartile over dimensions of the mean absolute difference"),
        Column("q50", "FLOAT", "median over dimensions of the mean absolute difference"),
        Column("q75", "FLOAT", "upper quartile over dimensions of the mean absolute difference"),
        Column("token_cosine", "FLOAT", "mean over patches of the cosine of the two embeddings", "-1 to 1"),
        Column("relative_l2", "FLOAT", "mean over patches of the distance of the two embeddings over the mean of their lengths"),
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

BASIS = Column("basis_id", "VARCHAR", "basis it belongs to")
PROJECTION = Column("projection_id", "VARCHAR", "hash of basis and clip")

BASES = Table(
    "bases",
    "fitted basis: a projection or a clustering of one encoder's tokens",
    ("basis_id",),
    (
        Column("basis_id", "VARCHAR", "hash of encoder, kind, parameters and the tokens of the fit"),
        Column("encoder_id", "VARCHAR", "the only encoder whose clips it applies to"),
        Column("kind", "VARCHAR", "`pca`, `umap`, `kmeans` or `dimensions` (plain ones)"),
        Column("scope", "VARCHAR", "what it was fitted on: a `clip`, a `video`, or a sample of the `corpus`"),
        Column("scope_id", "VARCHAR", "that clip or video; NULL for the corpus"),
        Column("parameters", "VARCHAR", "settings of the fit, sign convention included, as JSON"),
        Column("tokens", "INTEGER", "tokens that the fit saw"),
        Column("explained_variance", "DOUBLE[]", "sample variance along each component (of umap: of its reduction)"),
        Column("total_variance", "DOUBLE", "sample variance of all dimensions together"),
        Column("created_at", MOMENT, "when it was fitted", "UTC"),
    ),
)

BASIS_VECTORS = Table(
    "basis_vectors",
    "row of the numbers that make up a basis",
    ("basis_id", "name", "number"),
    (
        BASIS,
        Column("name", "VARCHAR", "`mean`, `component`, `center`, `limits` of a component's color scale, `position` means, `foreground`, `training`, `coordinates`"),
        Column("number", "INTEGER", "number of the row among those of its name, from 0"),
        Column("vector", "DOUBLE[]", "its numbers"),
    ),
)

BASIS_CLIPS = Table("basis_clips", "clip whose tokens a fit used", ("basis_id", "clip_id"), (BASIS, Column("clip_id", "VARCHAR", "clip of the tokens")))

PROJECTIONS = Table(
    "projections",
    "clip whose coordinates or clusters in a basis are stored",
    ("projection_id",),
    (
        PROJECTION,
        Column("basis_id", "VARCHAR", "basis that was applied"),
        Column("clip_id", "VARCHAR", "clip it was applied to"),
        Column("created_at", MOMENT, "when it was applied", "UTC"),
    ),
)

PROJECTED = (PROJECTION, Column("basis_id", "VARCHAR", "basis that was applied"), *ADDRESS)

TOKEN_PROJECTIONS = Table(
    "token_projections",
    "token of a clip, in a umap basis",
    ("projection_id", "slice", "y", "x"),
    (*PROJECTED, *(Column(f"c{i}", "FLOAT", f"coordinate {i}; NULL where there is none") for i in (1, 2, 3))),
)

CLUSTERS = Table(
    "clusters",
    "token of a clip, in a kmeans basis",
    ("projection_id", "slice", "y", "x"),
    (*PROJECTED, Column("cluster", "SMALLINT", "number of the nearest center, 0 the largest cluster of the fit; NULL where there is none")),
)

SKETCHES = Table(
    "sketches",
    "measurement of how much of an exact search the search by index finds",
    ("sketch_id",),
    (
        Column("sketch_id", "VARCHAR", "hash of basis, clips, queries and candidates"),
        Column("basis_id", "VARCHAR", "pca basis that the codes are coordinates in"),
        Column("encoder_id", "VARCHAR", "encoder of the clips"),
        Column("clips", "INTEGER", "clips that were searched"),
        Column("queries", "INTEGER", "sampled tokens that were looked for"),
        Column("candidates", "INTEGER", "tokens ranked again exactly"),
        Column("recall", "DOUBLE", "share of the 20 tokens of exact search that were found", "0 to 1"),
        Column("measured_at", MOMENT, "when it was measured", "UTC"),
    ),
)

FITS = (BASES, BASIS_VECTORS, BASIS_CLIPS, PROJECTIONS, TOKEN_PROJECTIONS, CLUSTERS, SKETCHES)

FAILURES = Table(
    "failures",
    "failed file or clip",
    ("failure_id",),
    (
        Column("failure_id", "VARCHAR", "hash of path, content, encoder, stage, error and frame"),
        Column("path", "VARCHAR", "absolute path of the file"),
        Column("video_id", "VARCHAR", "content of the file; NULL where it could not be read"),
        Column("encoder_id", "VARCHAR", "encoder that failed; NULL where none was reached"),
        Column("stage", "VARCHAR", "what failed: read, open, decode, window or encode"),
        Column("error", "VARCHAR", "the reason, in words"),
        Column("first_frame", "INTEGER", "first frame that is missing because of it", "frame"),
        Column("at", MOMENT, "when it failed", "UTC"),
    ),
)

# In the order in which a commit writes them.
TABLES = {t.name: t for t in (TOKEN_STATS, SLICE_STATS, DIM_STATS, TOKEN_SAMPLES, ENCODERS, VIDEOS, PLACES, FAILURES, *reversed(MEASUREMENTS), *reversed(FITS), CLIPS)}

TOKENS = Table(
    "tokens",
    "token, with its embedding (a view over the embedding files)",
    ("clip_id", "slice", "y", "x"),
    (
        Column("video_id", "VARCHAR", "video of the token"),
        Column("encoder_id", "VARCHAR", "encoder of the token"),
        *ADDRESS,
        EMBEDDING,
    ),
)

# What SQL sees, in the order in which a person reads it.
RELATIONS = {t.name: t for t in (VIDEOS, PLACES, ENCODERS, CLIPS, TOKENS, TOKEN_STATS, SLICE_STATS, DIM_STATS, TOKEN_SAMPLES, *MEASUREMENTS, *FITS, FAILURES)}


def markdown() -> str:
    """Every relation and column as Markdown tables: what docs/schema.md holds."""
    return "\n\n".join(_markdown_table(table) for table in RELATIONS.values())


def _markdown_table(table: Table) -> str:
    head = f"**{table.name}**: one row per {table.row}\n\n| column | type | meaning | unit |\n|---|---|---|---|\n"
    return head + "\n".join(f"| `{c.name}` | {c.type} | {c.meaning} | {c.unit} |" for c in table.columns)
