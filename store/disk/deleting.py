"""Rows that go: few are named to delta-rs; of many, each file that holds some is written again without them.

delta-rs parses a list of values by recursion: 40,000 of them end the process by signal 11, and 10,000 take seconds.
"""

import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction, RemoveAction

from tubelet.store.disk import tables
from tubelet.store.disk.clustering import RUN, is_run, write_file
from tubelet.store.disk.files import require_space
from tubelet.store.schema import Table

FEW = 1000  # values that are named


def delete_rows(path: Path, table: Table, column: str, values: Sequence[str]) -> int:
    """Delete the rows whose `column` is one of `values`, in one commit; the version without them."""
    if len(values) <= FEW:
        return tables.delete(path, column, values)
    delta = tables.open_newest(path)
    held, now = tables.open_table(path, delta.version()), int(time.time() * 1000)
    asked = pa.array(values, pa.string())
    hit = [file for file in held.files if _holds(file, column, asked)]
    if not hit:
        return delta.version()
    require_space(path, sum(map(os.path.getsize, hit)) + tables.LOG_BYTES)
    gone = [RemoveAction(os.path.basename(file), True, now) for file in hit]
    names = _Renamed()
    made = [_rewrite(file, path / names.rename(file), table, (column, asked)) for file in hit]
    actions: list[AddAction | RemoveAction] = [*gone, *(one for one in made if one is not None)]
    delta.create_write_transaction(actions, "append", delta.schema())
    return tables.newest(path)


def drop_unreadable(path: Path) -> int:
    """Take the files that cannot be read out of a table, in one commit; the version without them."""
    delta = tables.open_newest(path)
    unread = [file for file in tables.open_table(path, delta.version()).files if not _reads(file)]
    if unread:
        now = int(time.time() * 1000)
        gone: list[AddAction | RemoveAction] = [
            RemoveAction(os.path.basename(file), True, now) for file in unread
        ]
        delta.create_write_transaction(gone, "append", delta.schema())
    return tables.newest(path)


def _reads(file: str) -> bool:
    """Whether a file is there and whole; True where only the disk or a permission stands in the way, since nothing is known of it then."""
    try:
        pq.read_table(file)
    except (FileNotFoundError, pa.ArrowException):
        return False
    except OSError as error:  # without a number it is pyarrow's, of content
        return error.errno is not None
    return True


def _holds(file: str, column: str, asked: pa.Array) -> bool:
    """Whether a file has a row to delete."""
    if column not in pq.read_schema(file).names:
        return False
    return bool(pc.any(pc.is_in(pq.read_table(file, columns=[column])[column], asked)).as_py())


def _rewrite(file: str, path: Path, table: Table, gone: tuple[str, pa.Array]) -> AddAction | None:
    """Write what is left of a file; None where nothing is."""
    column, asked = gone
    rows = pq.read_table(file)
    rows = rows.filter(pc.invert(pc.is_in(rows[column], asked)))
    return write_file(path, table, rows) if len(rows) else None


class _Renamed(dict[str, str]):
    """New names of runs, each of which stays one: its files have disjoint ranges."""

    def __missing__(self, run: str) -> str:
        self[run] = f"{RUN}-{secrets.token_hex(8)}"
        return self[run]

    def rename(self, file: str) -> str:
        name = os.path.basename(file)
        if not is_run(file):
            return f"{secrets.token_hex(16)}.parquet"
        run, _, number = name.rpartition("-")
        return f"{self[run]}-{number}"
