"""What columns were called in stores of format 1, which are read through: a column is found under both of its names.

Rows of format 1 lie in files with the old names, rows added since in files with the new ones; one table may have both, until
`tubelet compact` rewrites it. What is read is the new name's value, else the old name's, else what follows from other columns.
"""

import re
from collections.abc import Collection

from tubelet.store.schema.columns import Column, Table

RENAMED = {
    "encoders": {"dim": "embed_dim"},
    "clips": {
        "frames": "frame_count",
        "height": "grid_height",
        "width": "grid_width",
        "dim": "embed_dim",
    },
    "dim_stats": {"mean": "dim_mean", "std": "dim_std", "min": "dim_min", "max": "dim_max"},
    "dim_sensitivity": {"mean": "overall", "std": "pair_std"},
    "bases": {"parameters": "settings"},
    "failures": {"at": "failed_at"},
}
# A column that rows of format 1 lack and that follows from others of theirs, in SQL over the old names.
DERIVED = {("dim_sensitivity", "relative_edge"): ({"edge", "std"}, 'edge / nullif("std", 0)')}
UNKNOWN = re.compile(r'(?:column named|column) "(?:[^".]+\.)?([^".]+)"', re.IGNORECASE)


def is_outdated(table: Table, held: Collection[str]) -> bool:
    """Whether a table that holds these columns still has some under their old names."""
    return not RENAMED.get(table.name, {}).keys().isdisjoint(held)


def source_of(table: Table, column: Column, held: Collection[str]) -> str | None:
    """SQL of a column's values in files of a table that hold these columns; None where they hold nothing it could come from."""
    old = [name for name, new in RENAMED.get(table.name, {}).items() if new == column.name]
    found = [f'"{name}"' for name in (column.name, *old) if name in held]
    needed, derived = DERIVED.get((table.name, column.name), (set(), None))
    if derived and needed <= set(held):
        found.append(derived)
    return None if not found else found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"


def hint_at_renamed(message: str, sql: str) -> str:
    """A sentence with the new name of a column that DuckDB does not know; nothing where no table had it under that name.

    Tables that the query names come alone, where there are any.
    """
    unknown = UNKNOWN.search(message)
    if unknown is None:
        return ""
    renamed = [
        (table, new) for table, names in RENAMED.items() if (new := names.get(unknown[1].lower()))
    ]
    named = [
        (table, new) for table, new in renamed if re.search(rf"\b{table}\b", sql, re.IGNORECASE)
    ]
    told = [f"{table}.{unknown[1]} is now {table}.{new}" for table, new in named or renamed]
    return f"Columns were renamed: {', '.join(told)}" if told else ""
