"""DuckDB over one snapshot: a connection in memory whose views are the tables of the schema, then locked down.

Every connection is read-only in effect: no file outside the store, no Python variables, no settings, no extensions.
"""

import atexit
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import PythonUDFType

from tubelet.store.disk import late_files, tables
from tubelet.store.disk.layout import Layout
from tubelet.store.disk.scratch import make_scratch, remove_scratch
from tubelet.store.disk.snapshot import Snapshot
from tubelet.store.disk.tables import Version
from tubelet.store.questions import single_tokens
from tubelet.store.questions.catalog import (
    EVERYTHING,
    WORD,
    Catalog,
    read_parquet,
    write_empty_view,
    write_refusing_view,
    write_table_view,
)
from tubelet.store.questions.narrowing import find_keys
from tubelet.store.schema import CLIPS, HALF, TABLES, TOKENS, Table

TOKENS_WORD = re.compile(rf"\b{TOKENS.name}\b", re.IGNORECASE)
TOKEN_CALL = re.compile(r"\btoken\b|\bpatches:", re.IGNORECASE)  # directions name patches
CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_persistent_secrets": "false",
}


def connect(
    layout: Layout,
    snapshot: Snapshot,
    sql: str,
    settings: Mapping[str, str] | None = None,
    names: Collection[str] = EVERYTHING,
) -> duckdb.DuckDBPyConnection:
    """A locked connection with the views and functions of these names, which are all of them by default; `settings` are set before the lock.

    DuckDB examines every embedding file when it creates the `tokens` view (10 microseconds each), so that view
    refuses to be read in a query that does not name it.
    """
    connection = duckdb.connect(":memory:", config=CLOSED)
    try:
        _prepare(connection, Catalog(layout, snapshot, names_tokens(sql)), frozenset(names))
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
    """Have a query on this connection or cursor read only the files that may hold the keys that it asks for: views of its own hide the others.

    Raises FilesGone where one of them is not here, of a store in a bucket.
    """
    for name, narrowed in find_versions(layout, snapshot, sql, parameters).items():
        if late_files.comes_late(layout, name):
            late_files.require_here(narrowed.files)
        try:
            connection.execute(_narrow_view(TABLES[name], narrowed))
        except duckdb.BinderException:  # these files are older than a column that others have
            columns = narrowed.columns & tables.find_columns(narrowed.files)
            connection.execute(_narrow_view(TABLES[name], replace(narrowed, columns=columns)))


def find_versions(
    layout: Layout, snapshot: Snapshot, sql: str, parameters: Any = None
) -> dict[str, Version]:
    """The tables of which a query gets views of its own, with the files that it may read: where its conditions leave some of them, and, of a
    store in a bucket, where files may not be here.
    """
    named = snapshot.versions.keys() & {word.lower() for word in WORD.findall(sql)}
    held = {
        name: tables.open_table(layout.table(name), snapshot.versions[name])
        for name in sorted(named)
    }
    late = {name for name in held if late_files.comes_late(layout, name)}
    asked = {}
    if any(version.ranges for version in held.values()):
        asked = find_keys(sql, parameters)
    files = {
        name: version.files_of(asked[name]) if name in asked else version.files
        for name, version in held.items()
    }
    return {
        name: replace(held[name], files=found)
        for name, found in files.items()
        if name in late or found != held[name].files
    }


def _narrow_view(table: Table, held: Version) -> str:
    return write_table_view(table, held).replace("CREATE VIEW", "CREATE TEMP VIEW", 1)


def _prepare(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, names: frozenset[str]
) -> None:
    connection.execute("SET python_enable_replacements = false")
    connection.create_function(
        "half_to_float", half_to_float, ["BLOB"], HALF, type=PythonUDFType.ARROW
    )
    if not catalog.tokens:
        catalog.create(connection, names)
        connection.execute(write_refusing_view(TOKENS))
        return
    catalog.create(connection, [CLIPS.name])
    single_tokens.create_function(connection, catalog.layout)
    catalog.create(connection, names - {CLIPS.name})
    _create_tokens_view(connection, _embedding_paths(connection, catalog.layout))


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


def _create_tokens_view(connection: duckdb.DuckDBPyConnection, paths: list[str]) -> None:
    """DuckDB looks into the first file for the columns; where that one is damaged, into the next, so that the rest can still be queried."""
    for first in range(len(paths)):
        try:
            connection.execute(_tokens_view(paths[first:] + paths[:first]))
            return
        except duckdb.Error:
            continue
    connection.execute(write_empty_view(TOKENS))


def _tokens_view(paths: list[str]) -> str:
    """Ids come from the file's name, so that a condition on them opens only the files it needs."""
    source = read_parquet(paths, "filename = true")
    return f"""CREATE VIEW tokens AS SELECT
        split_part(filename, '/', -2) AS video_id, split_part(filename, '/', -3) AS encoder_id,
        parse_filename(filename, true) AS clip_id, slice, y, x, half_to_float(embedding) AS embedding
        FROM {source}"""


def _lock_down(
    connection: duckdb.DuckDBPyConnection, root: Path, settings: Mapping[str, str]
) -> None:
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
