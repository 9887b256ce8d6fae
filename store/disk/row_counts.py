"""How many rows each clip and each pair has in the tables that are derived from it; whose are lost with a file that cannot be read."""

from collections.abc import Iterable

import pyarrow.parquet as pq

from tubelet.store.schema import (
    CLIPS,
    DIM_SENSITIVITY,
    DIM_STATS,
    PAIRS,
    POOLED,
    SENSITIVITY,
    SLICE_SENSITIVITY,
    SLICE_STATS,
    TOKEN_SENSITIVITY,
    TOKEN_STATS,
)
from tubelet.store.store import Store

OF_CLIPS = {  # by table: rows of a clip, in SQL
    TOKEN_STATS.name: "CASE WHEN has_statistics IS FALSE THEN 0 ELSE slices * grid_height * grid_width END",
    SLICE_STATS.name: "CASE WHEN has_statistics IS FALSE THEN 0 ELSE slices END",
    DIM_STATS.name: "CASE WHEN has_statistics IS FALSE THEN 0 ELSE slices * embed_dim END",
    POOLED.name: "slices * coalesce(pooled_layers, 0)",
}

OF_PAIRS = {  # rows of a pair, whose first clip is joined
    SENSITIVITY.name: "shared_slices * embed_dim",
    DIM_SENSITIVITY.name: "embed_dim",
    SLICE_SENSITIVITY.name: "shared_slices",
    TOKEN_SENSITIVITY.name: "shared_slices * grid_height * grid_width",
}


def find_lacking(store: Store, table: str, files: Iterable[str]) -> tuple[str, ...] | None:
    """Clips or pairs that should have rows in a table, and have none in these of its files; None for a table that need not hold any."""
    if table in OF_CLIPS:
        key, whole = CLIPS.key[0], f"FROM clips WHERE {OF_CLIPS[table]} > 0"
    elif table in OF_PAIRS:
        key, whole = PAIRS.key[0], "FROM pairs"
    else:
        return None
    held: set[str] = set()
    for file in files:
        held.update(pq.read_table(file, columns=[key])[key].unique().to_pylist())
    wanted = store.query(f"SELECT {key} AS key {whole} ORDER BY key")["key"].to_pylist()
    return tuple(one for one in wanted if one not in held)
