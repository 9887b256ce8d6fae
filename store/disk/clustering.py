"""Tables in the order of their owners: each file, and each row group in it, covers a short range of ids, so a question about one clip opens few of them.

A commit leaves a loose file whose rows are sorted. Loose files are merged into a run: files of disjoint ranges, sorted as one. Runs of about the
same size are merged in turn, so a row is rewritten as often as the logarithm of the table's size says, and a clip lies in one file per run.
"""

import math
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction, RemoveAction

from tubelet.store.disk import tables
from tubelet.store.disk.files import require_space
from tubelet.store.disk.key_ranges import describe_rows
from tubelet.store.schema import HALF, Table

RUN = "run"  # files of a run are named run-ID-NUMBER.parquet
LOOSE, RUNS = 16, 8  # files of a commit, and larger runs of one size, from which on they are merged
TIER_BYTES = 1 << 26  # of the largest run of the lowest tier
SMALL_BYTES = 1 << 20  # of a file that holds few row groups, in whatever order they are
FILE_ROWS = 1 << 20  # about 13 MB of token statistics


class Merging(Enum):
    """How much is merged."""

    CROWDED = "the files of a size of which there are too many"
    SMALL = "all small files, at the end of an ingest"
    WHOLE = "every file of a table"


@dataclass(frozen=True)
class FileRun:
    """Files that were written together, or one file of a commit."""

    files: tuple[str, ...]
    bytes: int

    @property
    def tier(self) -> int:
        """Runs of a tier are of about the same size; each tier is as many times larger as runs are merged."""
        return max(0, math.ceil(math.log(max(self.bytes, 1) / TIER_BYTES, RUNS)))


def is_run(file: str) -> bool:
    return os.path.basename(file).startswith(f"{RUN}-")


def find_runs(sizes: Mapping[str, int]) -> list[FileRun]:
    """The runs that a version of a table is made of, from the bytes of each file."""
    grouped: dict[str, list[str]] = {}
    for file in sizes:
        name = os.path.basename(file)
        grouped.setdefault(name.rpartition("-")[0] if is_run(file) else name, []).append(file)
    return [FileRun(tuple(files), sum(map(sizes.__getitem__, files))) for files in grouped.values()]


def choose_files(sizes: Mapping[str, int], merging: Merging) -> list[str]:
    """The files to merge: at a commit of a size of which there are too many, afterwards the small ones, or all of them."""
    runs = find_runs(sizes)
    if merging is Merging.WHOLE:
        single = len(runs) == 1 and (is_run(next(iter(sizes))) or runs[0].bytes <= SMALL_BYTES)
        return [] if not runs or single else list(sizes)
    small = [run for run in runs if run.tier == 0]
    chosen = small if merging is Merging.SMALL and len(small) > 1 else choose_runs(runs)
    return [file for run in chosen for file in run.files]


def choose_runs(runs: Sequence[FileRun]) -> list[FileRun]:
    """The runs to merge: those of the lowest tier that has too many, none where every tier has few."""
    for tier in sorted({run.tier for run in runs}):
        same = [run for run in runs if run.tier == tier]
        if len(same) > (RUNS if tier else LOOSE):
            return same
    return []


def merge_files(path: Path, table: Table, files: Sequence[str]) -> int:
    """Merge files of a table's newest version into a run, in one commit; the version after it."""
    delta = tables.open_newest(path)
    require_space(path, sum(map(os.path.getsize, files)) + tables.LOG_BYTES)
    run, schema = f"{RUN}-{secrets.token_hex(8)}", pa.schema(delta.schema().to_arrow())
    now = int(time.time() * 1000)
    gone = [RemoveAction(os.path.basename(file), False, now) for file in files]
    made = [
        write_file(path / f"{run}-{number:05}.parquet", table, rows)
        for number, rows in enumerate(_sort_pieces(table, schema, files))
    ]
    delta.create_write_transaction([*gone, *made], "append", delta.schema())
    return tables.newest(path)


def _sort_pieces(table: Table, schema: pa.Schema, files: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of files in the order of the table's key, in pieces for a file each; no owner's rows are in two pieces."""
    key, held = ", ".join(table.key), tables.find_columns(files)
    columns = ", ".join(f'{"" if n in held else "NULL AS "}"{n}"' for n in schema.names)
    source = "read_parquet($files, union_by_name = true)"
    with duckdb.connect(":memory:") as connection:
        counts = connection.sql(
            f"SELECT {table.key[0]} AS owner, count(*) AS n FROM {source} GROUP BY ALL ORDER BY ALL",
            params={"files": list(files)},
        ).to_arrow_table()
        for first, last in _spans(counts["owner"].to_pylist(), counts["n"].to_numpy()):
            rows = connection.sql(
                f"SELECT {columns} FROM {source} WHERE {table.key[0]} BETWEEN $first AND $last ORDER BY {key}",
                params={"files": list(files), "first": first, "last": last},
            )
            yield rows.to_arrow_table().cast(schema)


def _spans(owners: list[str], counts: np.ndarray) -> Iterator[tuple[str, str]]:
    """First and last owner of each file."""
    file = (np.cumsum(counts) - counts) // FILE_ROWS  # in which an owner's first row lies
    begins = np.flatnonzero(np.diff(file, prepend=-1))
    for begin, end in zip(begins, [*begins[1:], len(owners)]):
        yield owners[begin], owners[end - 1]


def write_file(path: Path, table: Table, rows: pa.Table) -> AddAction:
    """Write a file of sorted rows, whole on disk before its table names it."""
    types = {c.name: c.type for c in table.columns}
    floats = [name for name in rows.column_names if types.get(name) == "FLOAT"]
    halves = [name for name in rows.column_names if types.get(name) == HALF]
    others = [name for name in rows.column_names if name not in {*floats, *halves}]
    with open(path, "wb") as sink:
        pq.write_table(
            rows,
            sink,
            row_group_size=tables.GROUP_ROWS,
            compression="zstd",
            compression_level=1,
            use_dictionary=others,
            use_byte_stream_split=floats,
            write_statistics=[*floats, *others],
        )
        sink.flush()
        os.fsync(sink.fileno())
    return AddAction(
        path.name,
        path.stat().st_size,
        {},
        int(time.time() * 1000),
        False,
        describe_rows(rows, table.key[0]),
    )
