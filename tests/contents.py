"""What a store holds, apart from clocks: two stores with the same contents are the same result."""

from tubelet.store import Store
from tubelet.store.schema import TABLES

CLOCKS = {"added_at", "created_at", "encode_s", "failed_at", "measured_at"}


def contents(root: object) -> dict[str, list[tuple]]:
    """Every table as sorted rows, without the columns that tell the time."""
    store = Store(root)
    try:
        return {name: _rows(store, name) for name in TABLES}
    finally:
        store.close()


def rows(root: object, sql: str) -> list[dict]:
    """The answer of a store that is opened for this query alone."""
    store = Store(root)
    try:
        return store.rows(sql)
    finally:
        store.close()


def columns_of(name: str) -> str:
    """The columns of a table that do not tell the time, for a query."""
    return ", ".join(f"{name}.{c.name}" for c in TABLES[name].columns if c.name not in CLOCKS)


def _rows(store: Store, name: str) -> list[tuple]:
    return [
        tuple(map(str, row.values()))
        for row in store.rows(f"SELECT {columns_of(name)} FROM {name} ORDER BY ALL")
    ]
