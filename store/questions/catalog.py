"""The views and functions of the schema that a query needs: a connection creates those that its queries name, and no others."""

import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import duckdb

from tubelet.store.disk import late_files, tables
from tubelet.store.disk.layout import Layout
from tubelet.store.disk.snapshot import Snapshot
from tubelet.store.disk.tables import Version
from tubelet.store.errors import StoreError
from tubelet.store.questions import direction_view
from tubelet.store.schema import DIRECTIONS, HALF, LABELS, MOMENT, TABLES, Column, Table
from tubelet.store.schema.annotations import FOLDER
from tubelet.store.schema.functions import FUNCTIONS, create_macro
from tubelet.store.schema.renames import source_of

IMPORTED = "imported_labels"  # the rows of `labels` that lie in its own table
WORD = re.compile(r"\w+")
LISTING = re.compile(
    r"duckdb_|information_schema|pg_|sqlite_|\b(?:show|describe|pragma)\b|\bquery(?:_table)?\b",
    re.IGNORECASE,
)  # what lists relations, or reads one whose name it computes
MACROS = {name: function for name, function in FUNCTIONS.items() if function.macro}


@dataclass(frozen=True)
class Catalog:
    """What the connections over a snapshot know; `tokens`: whether theirs has the function `token`."""

    layout: Layout
    snapshot: Snapshot
    tokens: bool

    def create(self, duck: duckdb.DuckDBPyConnection, names: Collection[str]) -> None:
        """Create the views and functions of these names, which may not exist yet. Raises StoreError."""
        for name, table in TABLE_VIEWS.items():
            if name in names:
                version = self.snapshot.versions.get(table.name)
                if version is not None and late_files.comes_late(self.layout, table.name):
                    # a query that names it gets a view of its own
                    duck.execute(write_refusing_view(table))
                else:
                    _create_table_view(duck, self.layout, table, version)
        for name, sql in VIEWS.items():
            if name in names:
                duck.execute(f"CREATE VIEW {name} AS {sql}")
        for name, function in MACROS.items():
            if name in names:
                duck.execute(create_macro(function, self.tokens))


@lru_cache(512)
def find_named(sql: str) -> frozenset[str]:
    """The views and functions that a query needs: those that it names, and those that these name in turn."""
    if LISTING.search(sql):
        return EVERYTHING
    named: set[str] = set()
    words = {word.lower() for word in WORD.findall(sql)}
    while found := (words & EVERYTHING) - named:
        named |= found
        words = {word for name in found for word in WORD.findall(DEFINITIONS[name])}
    return frozenset(named)


def _create_table_view(
    connection: duckdb.DuckDBPyConnection, layout: Layout, table: Table, version: int | None
) -> None:
    """Raises StoreError where the files have other columns than their log says: a bit that flipped in a name."""
    try:
        connection.execute(
            write_empty_view(table)
            if version is None
            else write_table_view(table, tables.open_table(layout.table(table.name), version))
        )
    except duckdb.BinderException as error:
        lacks = f"a file of {layout.table(table.name)} has other columns than its log says ({str(error).splitlines()[0]})"
        raise StoreError(
            f"{lacks}: run `tubelet check --repair --store {shlex.quote(str(layout.root))}`"
        ) from error


def _view_name(table: Table) -> str:
    return IMPORTED if table is LABELS else table.name


def write_table_view(table: Table, held: Version) -> str:
    columns = [_column(c, source_of(table, c, held.columns)) for c in table.columns]
    source = read_parquet(held.files, "union_by_name = true")
    return (
        f"CREATE VIEW {_view_name(table)} AS SELECT {', '.join(columns)} FROM {source}"
        if source
        else write_empty_view(table)
    )


def write_empty_view(table: Table) -> str:
    columns = ", ".join(f'NULL::{c.type} AS "{c.name}"' for c in table.columns)
    return f"CREATE VIEW {_view_name(table)} AS SELECT {columns} WHERE false"


def write_refusing_view(table: Table) -> str:
    """A view that shows its columns and raises when any row is requested, in whatever order DuckDB evaluates."""
    refusal = f"error('write the name {table.name} out in the query')"
    columns = ", ".join(f'{refusal}::{c.type} AS "{c.name}"' for c in table.columns)
    return f"CREATE VIEW {table.name} AS SELECT {columns} WHERE {refusal}::BOOLEAN"


def _column(column: Column, source: str | None) -> str:
    as_seen = {
        None: f"NULL::{column.type}",
        HALF: f"half_to_float({source})",
        MOMENT: f"{source} AT TIME ZONE 'UTC'",
    }
    return f'{as_seen.get(source and column.type, source)} AS "{column.name}"'


def _write_labels() -> str:
    """The label that ingest gives is one of the labels; its rows lie in `videos`, where a moved file changes them."""
    values = {"video_id": "video_id", "name": f"'{FOLDER}'", "value": "label", "source": "'ingest'"}
    columns = ", ".join(f"{values.get(c.name, 'NULL')}::{c.type}" for c in LABELS.columns)
    return f"""SELECT * FROM {IMPORTED}
        UNION ALL SELECT {columns} FROM videos WHERE label IS NOT NULL"""


def read_parquet(files: list[str], option: str) -> str:
    """What a view selects from; empty for no files."""
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f"read_parquet([{listed}], {option})" if files else ""


TABLE_VIEWS = {_view_name(table): table for table in TABLES.values()}
VIEWS = {LABELS.name: _write_labels(), DIRECTIONS.name: direction_view.VIEW}
DEFINITIONS = {
    **dict.fromkeys(TABLE_VIEWS, ""),
    **VIEWS,
    **{name: create_macro(function, True) for name, function in MACROS.items()},
}
EVERYTHING = frozenset(DEFINITIONS)
