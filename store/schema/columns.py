"""What a column and a table are, and the columns that several tables have.

Types are DuckDB's names, as a query sees them. ``HALF`` columns lie on disk as little-endian half-precision
bytes and look like ``FLOAT[]`` to SQL. Times do not depend on the machine's time zone: the SQL session is in UTC.
"""

from dataclasses import dataclass

import pyarrow as pa

SEGMENTATION, TRACKING = "segmentation", "tracking"  # what a layer of an encoder may suit
GRID, PARTNER = "grid", "partner"  # roles of a clip in the ingest that made it
FORMAT = 2  # of the tables; a store of a higher format is refused, one of a lower one is read by `renames`
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
        return pa.schema(
            [pa.field(c.name, ARROW_TYPES[c.type], c.name not in self.key) for c in self.columns]
        )

    @property
    def owner(self) -> str | None:
        """The table that owns these rows: they are committed and removed together."""
        return OWNERS.get(self.key[0]) if len(self.key) > 1 else None

    @property
    def is_bulky(self) -> bool:
        """Whether it has rows for each slice or token of a clip, or of a pair: most of what a store holds besides embeddings."""
        return self.owner in ("clips", "pairs")


OWNERS = {
    "annotation_id": "annotations",
    "clip_id": "clips",
    "pair_id": "pairs",
    "basis_id": "bases",
    "projection_id": "projections",
    "probe_id": "probes",
    "transition_id": "transitions",
    "decoder_id": "decoders",
}


ADDRESS = (
    Column("clip_id", "VARCHAR", "clip of the token"),
    Column("slice", "SMALLINT", "temporal position in the clip, from 0"),
    Column("y", "SMALLINT", "row of the patch, from the top, from 0"),
    Column("x", "SMALLINT", "column of the patch, from the left, from 0"),
)
CLIP, SLICE = ADDRESS[0], ADDRESS[1]
DIM = Column("dim", "SMALLINT", "component of the embedding, from 0")
EMBEDDING = Column("embedding", HALF, "vector of the token, rounded to half precision")
