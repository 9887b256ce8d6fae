"""Rows in the order of the table's first key, and the log's entry of each file: the range of keys in it, so that a search for one skips the rest."""

import json
from bisect import bisect_left
from collections.abc import Iterable
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

Range = tuple[str, str]  # first and last key of a file


def sort_rows(rows: pa.Table, column: str) -> pa.Table:
    """Rows by a column of texts; those with the same text as they stand."""
    ids = pa.chunked_array(pc.dictionary_encode(rows[column]).unify_dictionaries().chunks)
    if not len(ids):
        return rows
    ids = ids.combine_chunks()
    rank = np.argsort(np.argsort(ids.dictionary.to_numpy(zero_copy_only=False)))
    order = rank[ids.indices.to_numpy()]
    if (order[1:] >= order[:-1]).all():
        return rows
    return rows.take(pa.array(np.argsort(order, kind="stable")))


def describe_rows(rows: pa.Table, column: str) -> str:
    """The log's statistics of a file with these rows: how many they are, and the range of a column of texts."""
    ends = pc.min_max(rows[column]).as_py()
    described = {
        "numRecords": len(rows),
        "minValues": {column: ends["min"]},
        "maxValues": {column: ends["max"]},
        "nullCount": {column: rows[column].null_count},
    }
    return json.dumps(described)


def read_ranges(delta: DeltaTable, column: str) -> tuple[dict[str, int], dict[str, Range]]:
    """The bytes of each file, and the range of a column in those whose log says it, by the file's path below the table."""
    said = pa.table(delta.get_add_actions(flatten=True))
    paths = [unquote(name) for name in said["path"].to_pylist()]
    sizes = dict(zip(paths, said["size_bytes"].to_pylist()))
    ends = (f"min.{column}", f"max.{column}")
    if not {*ends} <= {*said.column_names}:
        return sizes, {}
    return sizes, {
        path: (first, last)
        for path, first, last in zip(paths, *(said[name].to_pylist() for name in ends))
        if isinstance(first, str) and isinstance(last, str)
    }


def overlaps(ends: Range | None, wanted: list[str]) -> bool:
    """Whether a file of a range may hold one of the sorted keys. Of a long key, the log has the beginning: the range ends after all that begin so."""
    if ends is None:
        return True
    at = bisect_left(wanted, ends[0])
    return at < len(wanted) and wanted[at][: len(ends[1])] <= ends[1]


def find_files(files: list[str], ranges: dict[str, Range], keys: Iterable[str]) -> list[str]:
    """The files that may hold rows of one of the keys."""
    wanted = sorted(keys)
    return [file for file in files if overlaps(ranges.get(file), wanted)]
