"""The one list of tables and columns, each with its meaning and unit.

`tubelet schema`, the SQL page, docs/schema.md and every reader and writer take them from here.

    columns  what a column and a table are, and the columns that several tables have
    annotations  labels, masks, points and tags that people bring
    functions    SQL functions over them
    corpus   videos, places, encoders, clips, failures
    tokens   tokens and their statistics
    pairs    measurements of pairs
    surprise what a predictor expects of a slice
    fits     bases and what lies in them
    probes   trained probes and their predictions
    scores   how well tokens segment and track
    models   models of tokens that are kept as files: transitions and decoders
    texts    texts that were searched for, and what compares tokens with them
    shared   the names that several tables use, and the one meaning of each
    saved    queries that people keep
    functions  what queries can call besides DuckDB's own
    renames  what columns were called in stores of format 1
"""

from tubelet.store.schema import functions
from tubelet.store.schema.annotations import (
    ANNOTATED,
    ANNOTATIONS,
    LABELS,
    MASKS,
    PER_VIDEO,
    POINTS,
    TAGS,
)
from tubelet.store.schema.columns import (
    ADDRESS,
    FORMAT,
    GRID,
    HALF,
    MOMENT,
    PARTNER,
    SEGMENTATION,
    TRACKING,
    Column,
    Table,
)
from tubelet.store.schema.corpus import CLIPS, ENCODERS, FAILURES, PLACES, VIDEOS
from tubelet.store.schema.fits import (
    BASES,
    BASIS_CLIPS,
    BASIS_VECTORS,
    CLUSTERS,
    DIRECTIONS,
    FITS,
    PROJECTIONS,
    SKETCHES,
    TOKEN_PROJECTIONS,
)
from tubelet.store.schema.models import (
    DECODER_SCORES,
    DECODERS,
    MODELS,
    TRANSITION_SCORES,
    TRANSITIONS,
)
from tubelet.store.schema.pairs import (
    DIM_SENSITIVITY,
    MEASUREMENTS,
    PAIRS,
    SENSITIVITY,
    SLICE_SENSITIVITY,
    TOKEN_SENSITIVITY,
)
from tubelet.store.schema.probes import (
    MASK_CLASSES,
    MASK_PREDICTIONS,
    PREDICTIONS,
    PROBE_ATTENTION,
    PROBE_WEIGHTS,
    PROBED,
    PROBES,
)
from tubelet.store.schema.saved import SAVED_QUERIES
from tubelet.store.schema.scores import SCORES
from tubelet.store.schema.surprise import (
    MASKED_TOKENS,
    MASKING_PROJECTIONS,
    MASKING_TABLES,
    MASKINGS,
    SLICE_SURPRISE,
    SURPRISE,
    SURPRISE_TABLES,
)
from tubelet.store.schema.texts import SEARCHED, TEXT_HEADS, TEXTS
from tubelet.store.schema.tokens import (
    DIM_STATS,
    POOLED,
    SLICE_STATS,
    TOKEN_SAMPLES,
    TOKEN_STATS,
    TOKENS,
)

__all__ = [
    "ADDRESS",
    "ANNOTATIONS",
    "BASES",
    "BASIS_CLIPS",
    "BASIS_VECTORS",
    "CLIPS",
    "CLUSTERS",
    "DECODERS",
    "DECODER_SCORES",
    "DIM_SENSITIVITY",
    "DIM_STATS",
    "DIRECTIONS",
    "ENCODERS",
    "FAILURES",
    "FITS",
    "FORMAT",
    "GRID",
    "HALF",
    "KEPT_MODELS",
    "LABELS",
    "MASKED_TOKENS",
    "MASKINGS",
    "MASKING_PROJECTIONS",
    "MASKING_TABLES",
    "MASKS",
    "MASK_CLASSES",
    "MASK_PREDICTIONS",
    "MEASUREMENTS",
    "MODELS",
    "MOMENT",
    "PAIRS",
    "PARTNER",
    "PER_VIDEO",
    "PLACES",
    "POINTS",
    "POOLED",
    "PREDICTIONS",
    "PROBES",
    "PROBE_ATTENTION",
    "PROBE_WEIGHTS",
    "PROJECTIONS",
    "RELATIONS",
    "SAVED_QUERIES",
    "SCORES",
    "SEARCHED",
    "SEGMENTATION",
    "SENSITIVITY",
    "SKETCHES",
    "SLICE_SENSITIVITY",
    "SLICE_STATS",
    "SLICE_SURPRISE",
    "SURPRISE",
    "SURPRISE_TABLES",
    "TABLES",
    "TAGS",
    "TEXTS",
    "TEXT_HEADS",
    "TOKENS",
    "TOKEN_PROJECTIONS",
    "TOKEN_SAMPLES",
    "TOKEN_SENSITIVITY",
    "TOKEN_STATS",
    "TRACKING",
    "TRANSITIONS",
    "TRANSITION_SCORES",
    "VIDEOS",
    "Column",
    "Table",
    "markdown",
]  # fmt: skip

KEPT_MODELS = (TRANSITIONS, DECODERS, TEXT_HEADS)  # tables whose rows have a file of weights

# In the order in which a commit writes them.
TABLES = {
    t.name: t
    for t in (
        TOKEN_STATS,
        SLICE_STATS,
        DIM_STATS,
        TOKEN_SAMPLES,
        POOLED,
        ENCODERS,
        VIDEOS,
        PLACES,
        FAILURES,
        *reversed(ANNOTATED),
        TAGS,
        *reversed(MEASUREMENTS),
        *reversed(SURPRISE_TABLES),
        *reversed(FITS),
        *reversed(PROBED),
        *reversed(MODELS),
        *reversed(SEARCHED),
        SCORES,
        SAVED_QUERIES,
        CLIPS,
    )
}

# What SQL sees, in the order in which a person reads it.
RELATIONS = {
    t.name: t
    for t in (
        VIDEOS,
        PLACES,
        ENCODERS,
        CLIPS,
        TOKENS,
        TOKEN_STATS,
        SLICE_STATS,
        DIM_STATS,
        TOKEN_SAMPLES,
        POOLED,
        *MEASUREMENTS,
        *SURPRISE_TABLES,
        *FITS,
        *PROBED,
        *MODELS,
        *SEARCHED,
        DIRECTIONS,
        SCORES,
        LABELS,
        MASKS,
        POINTS,
        ANNOTATIONS,
        TAGS,
        SAVED_QUERIES,
        FAILURES,
    )
}


def markdown() -> str:
    """Every relation and column, and every function, as Markdown tables: what docs/schema.md holds."""
    tables = (_markdown_table(table) for table in RELATIONS.values())
    return "\n\n".join([*tables, f"**Functions**, besides DuckDB's own\n\n{functions.markdown()}"])


def _markdown_table(table: Table) -> str:
    head = f"**{table.name}**: one row per {table.row}\n\n| column | type | meaning | unit |\n|---|---|---|---|\n"
    return head + "\n".join(
        f"| `{c.name}` | {c.type} | {c.meaning} | {c.unit} |" for c in table.columns
    )
