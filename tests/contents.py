"""What a store holds, apart from clocks: two stores with the same contents are the same result."""

import atexit
from contextlib import closing

from tubelet.store import Store
from tubelet.store.schema import TABLES

CLOCKS = {"added_at", "created_at", "encode_s", "failed_at", "measured_at"}
OPEN: dict[object, Store] = {}  # the store that was asked last


def contents(root: object) -> dict[str, list[tuple]]:
    """Every table as sorted rows, without the columns that tell the time."""
    with closing(Store(root)) as store:
        return {name: _rows(store, name) for name in TABLES}


def rows(root: object, sql: str) -> list[dict]:
    """The answer of a store; the one that was asked last stays open, because tests ask one several times."""
    if root not in OPEN:
        close_all()
        OPEN[root] = Store(root)
    return OPEN[root].rows(sql)


@atexit.register
def close_all() -> None:
    """Close the store that was asked last."""
    while OPEN:
        OPEN.popitem()[1].close()


def columns_of(name: str) -> str:
    """The columns of a table that do not tell the time, for a query."""
    return ", ".join(f"{name}.{c.name}" for c in TABLES[name].columns if c.name not in CLOCKS)


def _rows(store: Store, name: str) -> list[tuple]:
    found = store.rows(f"SELECT {columns_of(name)} FROM {name} ORDER BY ALL")
    return [tuple(map(str, row.values())) for row in found]
