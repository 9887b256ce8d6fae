"""Merging the files of a table, and rewriting one of format 1 under today's names; what is damaged is never merged."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import duckdb
import pyarrow as pa

from tubelet.store.disk import clustering, damage, late_files, tables
from tubelet.store.disk.clustering import Merging
from tubelet.store.disk.layout import Layout
from tubelet.store.disk.tables import Version
from tubelet.store.errors import FilesGone
from tubelet.store.schema import Table
from tubelet.store.schema.renames import is_outdated, source_of

BATCH = 1 << 17  # rows that are rewritten at a time


def merge_table(layout: Layout, table: Table, version: int, merging: Merging) -> int:
    """Merge files of a table; the version after it, the same one where nothing was to be done.

    Unless only crowded files are merged, a table with columns of format 1 is rewritten too. It counts once a snapshot names the new version:
    until then the old files are there, and the next writer restores them. Raises StoreError for a damaged file, if asked for.
    """
    asked, path = merging is not Merging.CROWDED, layout.table(table.name)
    held = tables.open_table(path, version)
    if asked and is_outdated(table, held.columns) and _is_sound(layout, held, refuse=True):
        version = tables.overwrite(path, table, _todays_rows(table, held))
        held = tables.open_table(path, version)
    if table.owner:
        chosen = replace(held, files=clustering.choose_files(held.sizes, merging))
        return _merge_runs(layout, table, version, chosen, asked)
    at_least = 1 if asked else tables.LOOSE_FILES
    if len(held.files) <= at_least or not _is_sound(layout, held, refuse=asked):
        return version
    return tables.compact(path, table, at_least)


def _merge_runs(layout: Layout, table: Table, version: int, chosen: Version, asked: bool) -> int:
    """Merge files of a table whose rows have an owner; those files alone are read."""
    if not chosen.files or not _is_sound(layout, chosen, refuse=asked):
        return version
    return clustering.merge_files(layout.table(table.name), table, chosen.files)


def _is_sound(layout: Layout, chosen: Version, refuse: bool) -> bool:
    """Whether files are as they were committed. Raises StoreError for one that is not, if asked to refuse it."""
    with suppress(FilesGone):  # which is damage
        late_files.bring(layout, chosen)
    if refuse:
        damage.require_sound(layout, chosen.files, "merging it")
    return refuse or damage.find_changed(layout, chosen.files) is None


def _todays_rows(table: Table, held: tables.Version) -> pa.RecordBatchReader:
    """The rows of a version under the names of the schema, as they lie on disk."""
    return pa.RecordBatchReader.from_batches(
        table.arrow, _batches(table, held) if held.files else iter(())
    )


def _batches(table: Table, held: tables.Version) -> Iterator[pa.RecordBatch]:
    columns = ", ".join(
        f'{source_of(table, c, held.columns) or "NULL"} AS "{c.name}"' for c in table.columns
    )
    with duckdb.connect(":memory:") as connection:
        rows = connection.sql(
            f"SELECT {columns} FROM read_parquet(?, union_by_name = true)", params=[held.files]
        )
        for batch in rows.to_arrow_reader(BATCH):
            yield batch.cast(table.arrow)
