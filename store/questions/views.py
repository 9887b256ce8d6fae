"""DuckDB over one snapshot: a connection in memory whose views are the tables of the schema, then locked down.

Every connection is read-only in effect: no file outside the store, no Python variables, no settings, no extensions.
"""

import atexit
import re
import shlex
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import PythonUDFType

from tubelet.store.disk import tables
from tubelet.store.disk.layout import Layout
from tubelet.store.disk.scratch import make_scratch, remove_scratch
from tubelet.store.disk.snapshot import Snapshot
from tubelet.store.disk.tables import Version
from tubelet.store.errors import StoreError
from tubelet.store.questions import direction_view, single_tokens
from tubelet.store.questions.narrowing import find_keys
from tubelet.store.schema import DIRECTIONS, HALF, LABELS, MOMENT, TABLES, TOKENS, Column, Table
from tubelet.store.schema.annotations import FOLDER
from tubelet.store.schema.functions import FUNCTIONS, create_macro
from tubelet.store.schema.renames import source_of

IMPORTED = "imported_labels"  # the rows of `labels` that lie in its own table
TOKENS_WORD = re.compile(rf"\b{TOKENS.name}\b", re.IGNORECASE)
TOKEN_CALL = re.compile(r"\btoken\b|\bpatches:", re.IGNORECASE)  # directions name patches
CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_persistent_secrets": "false",
}


def connect(
    layout: Layout, snapshot: Snapshot, sql: str, settings: dict[str, str] | None = None
) -> duckdb.DuckDBPyConnection:
    """A locked connection with one view per relation; `settings` are set before the lock.

    DuckDB examines every embedding file when it creates the `tokens` view (10 microseconds each), so that view
    refuses to be read in a query that does not name it.
    """
    connection = duckdb.connect(":memory:", config=CLOSED)
    try:
        _prepare(connection, layout, snapshot, sql)
        _lock_down(connection, layout.root, settings or {})
    except BaseException:
        connection.close()
        raise
    return connection


def narrow(
    connection: duckdb.DuckDBPyConnection,
    layout: Layout,
    snapshot: Snapshot,
    sql: str,
    parameters: Any = None,
) -> None:
    """Have a query on this connection or cursor read only the files that may hold the keys that it asks for: views of its own hide the others."""
    held = {
        name: tables.open_table(layout.table(name), version)
        for name, version in snapshot.versions.items()
        if name in sql.lower()
    }
    if not any(version.ranges for version in held.values()):
        return
    for name, keys in find_keys(sql, parameters).items():
        if name in held and (files := held[name].files_of(keys)) != held[name].files:
            narrowed = replace(held[name], files=files)
            try:
                connection.execute(_narrow_view(TABLES[name], narrowed))
            except duckdb.BinderException:  # these files are older than a column that others have
                columns = narrowed.columns & tables.find_columns(files)
                connection.execute(_narrow_view(TABLES[name], replace(narrowed, columns=columns)))


def _narrow_view(table: Table, held: Version) -> str:
    return _table_view(table, held).replace("CREATE VIEW", "CREATE TEMP VIEW", 1)


def _prepare(
    connection: duckdb.DuckDBPyConnection, layout: Layout, snapshot: Snapshot, sql: str
) -> None:
    connection.execute("SET python_enable_replacements = false")
    connection.create_function(
        "half_to_float", half_to_float, ["BLOB"], HALF, type=PythonUDFType.ARROW
    )
    for name, table in TABLES.items():
        _create_table_view(connection, layout, table, snapshot.versions.get(name))
    connection.execute(_labels_with_folders())
    connection.execute(f"CREATE VIEW {DIRECTIONS.name} AS {direction_view.VIEW}")
    tokens = names_tokens(sql)
    if tokens:
        single_tokens.create_function(connection, layout)
    for function in FUNCTIONS.values():
        if function.macro:
            connection.execute(create_macro(function, tokens))
    if tokens:
        _create_tokens_view(connection, _embedding_paths(connection, layout))
    else:
        connection.execute(_refusing_view(TOKENS))


def names_tokens(sql: str) -> bool:
    """Whether a query may read the `tokens` view, or call the function `token`. It could still assemble the name of the view:
    ``query_table('tok' || 'ens')``."""
    return TOKENS_WORD.search(sql) is not None or TOKEN_CALL.search(sql) is not None


def find_clips(sql: str, parameters: Any = None) -> list[str] | None:
    """The clips whose tokens a query reads; None for all of them."""
    keys = find_keys(sql, parameters).get(TOKENS.name)
    return None if keys is None or TOKEN_CALL.search(sql) else sorted(keys)


def _embedding_paths(connection: duckdb.DuckDBPyConnection, layout: Layout) -> list[str]:
    rows = connection.execute(
        "SELECT DISTINCT embedding_path FROM clips WHERE embedding_path IS NOT NULL ORDER BY ALL"
    ).fetchall()
    paths = layout.embedding_files(name for (name,) in rows)
    return [str(path) for path in paths if not layout.is_partial or path.is_file()]


def half_to_float(column: pa.Array) -> pa.Array:
    """Half-precision bytes ``2 * dim`` long to lists of float32; the whole column in one conversion. ValueError for an odd length."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    column = column.cast(pa.large_binary())
    offsets = np.frombuffer(column.buffers()[1], np.int64, len(column) + 1, column.offset * 8)
    data = np.frombuffer(column.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    begins = offsets - offsets[0]
    if (begins % 2).any():
        raise ValueError("half_to_float takes two bytes per number")
    starts = (begins // 2).astype(np.int32)
    values = data.view("<f2").astype(np.float32)
    return pa.ListArray.from_arrays(
        starts, values, mask=column.is_null() if column.null_count else None
    )


def _create_table_view(
    connection: duckdb.DuckDBPyConnection, layout: Layout, table: Table, version: int | None
) -> None:
    """Raises StoreError where the files have other columns than their log says: a bit that flipped in a name."""
    try:
        connection.execute(
            _empty_view(table)
            if version is None
            else _table_view(table, tables.open_table(layout.table(table.name), version))
        )
    except duckdb.BinderException as error:
        lacks = f"a file of {layout.table(table.name)} has other columns than its log says ({str(error).splitlines()[0]})"
        raise StoreError(
            f"{lacks}: run `tubelet check --repair --store {shlex.quote(str(layout.root))}`"
        ) from error


def _view_name(table: Table) -> str:
    return IMPORTED if table is LABELS else table.name


def _table_view(table: Table, held: Version) -> str:
    columns = [_column(c, source_of(table, c, held.columns)) for c in table.columns]
    source = _parquet(held.files, "union_by_name = true")
    return (
        f"CREATE VIEW {_view_name(table)} AS SELECT {', '.join(columns)} FROM {source}"
        if source
        else _empty_view(table)
    )


def _column(column: Column, source: str | None) -> str:
    as_seen = {
        None: f"NULL::{column.type}",
        HALF: f"half_to_float({source})",
        MOMENT: f"{source} AT TIME ZONE 'UTC'",
    }
    return f'{as_seen.get(source and column.type, source)} AS "{column.name}"'


def _labels_with_folders() -> str:
    """The label that ingest gives is one of the labels; its rows lie in `videos`, where a moved file changes them."""
    values = {"video_id": "video_id", "name": f"'{FOLDER}'", "value": "label", "source": "'ingest'"}
    columns = ", ".join(f"{values.get(c.name, 'NULL')}::{c.type}" for c in LABELS.columns)
    return f"""CREATE VIEW {LABELS.name} AS SELECT * FROM {IMPORTED}
        UNION ALL SELECT {columns} FROM videos WHERE label IS NOT NULL"""


def _create_tokens_view(connection: duckdb.DuckDBPyConnection, paths: list[str]) -> None:
    """DuckDB looks into the first file for the columns; where that one is damaged, into the next, so that the rest can still be queried."""
    for first in range(len(paths)):
        try:
            connection.execute(_tokens_view(paths[first:] + paths[:first]))
            return
        except duckdb.Error:
            continue
    connection.execute(_empty_view(TOKENS))


def _tokens_view(paths: list[str]) -> str:
    """Ids come from the file's name, so that a condition on them opens only the files it needs."""
    source = _parquet(paths, "filename = true")
    return f"""CREATE VIEW tokens AS SELECT
        split_part(filename, '/', -2) AS video_id, split_part(filename, '/', -3) AS encoder_id,
        parse_filename(filename, true) AS clip_id, slice, y, x, half_to_float(embedding) AS embedding
        FROM {source}"""


def _empty_view(table: Table) -> str:
    columns = ", ".join(f'NULL::{c.type} AS "{c.name}"' for c in table.columns)
    return f"CREATE VIEW {_view_name(table)} AS SELECT {columns} WHERE false"


def _refusing_view(table: Table) -> str:
    """A view that shows its columns and raises when any row is requested, in whatever order DuckDB evaluates."""
    refusal = f"error('write the name {table.name} out in the query')"
    columns = ", ".join(f'{refusal}::{c.type} AS "{c.name}"' for c in table.columns)
    return f"CREATE VIEW {table.name} AS SELECT {columns} WHERE {refusal}::BOOLEAN"


def _parquet(files: list[str], option: str) -> str:
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f"read_parquet([{listed}], {option})" if files else ""


def _lock_down(connection: duckdb.DuckDBPyConnection, root: Path, settings: dict[str, str]) -> None:
    for name, value in {
        "TimeZone": "UTC",
        "temp_directory": _spill_folder(),
        "max_temp_directory_size": "20GB",
        **settings,
    }.items():
        connection.execute(f"SET GLOBAL {name} = '{value}'")
    connection.execute("SET GLOBAL allowed_directories = [$root]", {"root": str(root)})
    connection.execute("SET GLOBAL enable_external_access = false")
    connection.execute("SET GLOBAL lock_configuration = true")


@cache
def _spill_folder() -> str:
    """A folder of this process's own, that nobody else can read: DuckDB lists it among its allowed directories."""
    folder = make_scratch()
    atexit.register(remove_scratch, folder)
    return str(folder)
