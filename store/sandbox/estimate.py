"""What a query would read, from DuckDB's plan of it, before it is run: an upper bound where the plan leaves files to be skipped until then.

The plan names the columns of each scan and, where a condition on ids already picks files, how many of them. Embeddings are what takes long, so
their bytes are counted; the rows are DuckDB's own guess.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from math import ceil
from typing import Any

import pyarrow as pa

from tubelet.store.wording import count, write_size

SCANS = ("READ_PARQUET", "PARQUET_SCAN")
LIMITS = ("LIMIT", "STREAMING_LIMIT")  # above a scan, they end it
PASSING = ("PROJECTION",)  # between a limit and the scan that it ends
AHEAD = 4  # slices that each thread of DuckDB reads of its own file before a limit stops it, as measured
HELD = """SELECT count(*) AS files, sum(bytes)::BIGINT AS bytes, sum(tokens)::BIGINT AS tokens, sum(slices)::BIGINT AS slices,
current_setting('threads')::INTEGER AS threads FROM (
SELECT DISTINCT embedding_path, embedding_bytes AS bytes, slices::BIGINT * grid_height * grid_width AS tokens, slices
FROM clips WHERE embedding_path IS NOT NULL)"""


@dataclass(frozen=True, kw_only=True)
class StoredFiles:
    """The embedding files of a store, and the threads that read them."""

    files: int = 0
    bytes: int = 0
    tokens: int = 0
    slices: int = 0
    threads: int = 1

    @classmethod
    def of(cls, row: tuple) -> "StoredFiles":
        return cls(**{field.name: value or 0 for field, value in zip(fields(cls), row)})


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a query would read: embedding files of all that there are, their bytes, and rows of every table by DuckDB's guess. Of a store in a
    bucket, only the files that would be copied first are known, where there are any.
    """

    files: int = 0
    of_files: int = 0
    embedding_bytes: int = 0
    rows: int = 0
    copied_files: int = 0
    copied_bytes: int = 0

    @property
    def table(self) -> pa.Table:
        return pa.Table.from_pylist([vars(self)])

    def describe(self) -> str:
        """A sentence that calls itself an estimate."""
        if self.copied_files:
            copied = f"{count(self.copied_files, 'file')}, {write_size(self.copied_bytes)}"
            return f"Estimate: first copies {copied}, from the bucket to this machine."
        rows = f"about {count(self.rows, 'row')}"
        if not self.files:
            return f"Estimate: scans {rows}, no embeddings."
        files = f"{self.files:,} of {count(self.of_files, 'embedding file')}"
        if not self.embedding_bytes:
            return f"Estimate: scans {rows}; opens {files} for addresses alone."
        return f"Estimate: reads at most {write_size(self.embedding_bytes)} of embeddings, {files}; scans {rows}."


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A scan of Parquet files in a plan: `files` None where it may read all, `limit` the rows after which it ends; `picked`: those rows are
    chosen elsewhere, anywhere in the files."""

    columns: frozenset[str]
    rows: int
    files: int | None = None
    limit: int | None = None
    picked: bool = False


def estimate(plan: str, held: StoredFiles, names_tokens: bool) -> Estimate:
    """What a plan reads, as DuckDB writes it in JSON; `names_tokens`: whether the query can read embeddings at all."""
    most, total, rows = 0, 0, 0
    for scan in _find_scans(json.loads(plan)):
        if names_tokens and held.files and scan.columns & {"embedding", "filename"}:
            files, read = _embeddings_of(scan, held)
            most, total = max(most, files), total + read
            all_rows = held.tokens * files // held.files if scan.rows else 0
        else:
            all_rows = scan.rows
        rows += all_rows if scan.limit is None else min(all_rows, scan.limit)
    return Estimate(
        files=most, of_files=held.files if most else 0, embedding_bytes=total, rows=rows
    )


def _embeddings_of(scan: Scan, held: StoredFiles) -> tuple[int, int]:
    """How many files a scan opens, and how many bytes of embeddings it reads: all of those files, or the slices up to its limit."""
    files = held.files if scan.files is None else min(scan.files, held.files)
    slices = held.slices * files // held.files
    if scan.limit is not None and scan.picked:
        files, slices = min(files, scan.limit), min(slices, scan.limit)
    elif scan.limit is not None:
        share = scan.limit / max(held.tokens, 1)
        slices = min(slices, ceil(share * held.slices) + AHEAD * held.threads)
        files = min(files, ceil(share * held.files) + held.threads - 1)
    read = held.bytes * slices // max(held.slices, 1)
    return files, read if "embedding" in scan.columns else 0


def _find_scans(nodes: list[dict[str, Any]], limit: int | None = None) -> Iterator[Scan]:
    for node in nodes:
        name, told, children = node["name"].strip(), node["extra_info"], node["children"]
        if name in SCANS:
            yield _read_scan(told, limit)
        elif _fetches_rows_found(told):
            yield from _find_fetched(*children)
        else:
            yield from _find_scans(children, _limit_below(name, told, limit))


def _find_fetched(fetching: dict[str, Any], picking: dict[str, Any]) -> Iterator[Scan]:
    """The scans of a join that picks rows first, and then fetches their other columns: of ORDER BY and of LIMIT."""
    picks = list(_find_scans([picking]))
    yield from picks
    files = picks[0].files if len(picks) == 1 else None
    told = picking["extra_info"]
    limit = told.get("Top", told.get("Limit"))
    rows = _whole_number(limit) + _whole_number(told.get("Offset")) if limit else None
    for scan in _find_scans([fetching]):
        yield replace(scan, rows=0, files=files, limit=rows, picked="Top" in told)


def _limit_below(name: str, told: dict[str, Any], limit: int | None) -> int | None:
    if name in LIMITS and "Limit" in told:
        rows = _whole_number(told["Limit"]) + _whole_number(told.get("Offset"))
        return rows if limit is None else min(rows, limit)
    return limit if name in PASSING else None


def _fetches_rows_found(told: dict[str, Any]) -> bool:
    return any("file_row_number" in one for one in _as_list(told.get("Conditions", [])))


def _read_scan(told: dict[str, Any], limit: int | None) -> Scan:
    files = str(told.get("Scanning Files", "")).partition("/")[0]
    return Scan(
        columns=frozenset(_as_list(told.get("Projections", []))),
        rows=_whole_number(told.get("Estimated Cardinality")),
        files=int(files) if files.isdecimal() else None,
        limit=None if "Filters" in told else limit,
    )


def _whole_number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
