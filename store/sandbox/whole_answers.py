"""A whole answer as a file, written piece by piece: its memory does not grow with its rows.

for data in encode_pieces(stream(store, query), "parquet"): file.write(data)
write_answer(store, query, Path("rows.parquet"), "parquet")
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from tubelet.store.disk.outputs import open_whole
from tubelet.store.errors import QueryError
from tubelet.store.sandbox import formats
from tubelet.store.sandbox.json_text import json_text
from tubelet.store.sandbox.untrusted import Limits, Query, stream
from tubelet.store.sandbox.worker_pool import Restarted
from tubelet.store.store import Store

GROUP_ROWS, GROUP_BYTES = (
    1 << 16,
    1 << 23,
)  # of a row group, or of a batch of rows: the first that is reached
TRIES = 3  # of a file whose answer had to begin again
SAMPLE_ROWS = 200  # rows whose size stands for that of all


class Written:
    """A file that only grows; what was written since the last call is removed."""

    def __init__(self) -> None:
        self.closed, self._place, self._parts = False, 0, list[bytes]()

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._place += len(data)
        return len(data)

    def take(self) -> bytes:
        data, self._parts = b"".join(self._parts), []
        return data

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True


def encode_pieces(pieces: Iterable[pa.Table], format_: str) -> Iterator[bytes]:
    """An answer's pieces, the first of them perhaps empty, as the bytes of csv, json, jsonl, parquet or arrow."""
    return ENCODERS[format_](_group(pieces))


def write_answer(
    store: Store, query: str | Query, output: Path, format_: str, limits: Limits
) -> int:
    """Write the whole answer to a file, which appears when it is complete; how many rows it has. Raises QueryError."""
    for _ in range(TRIES):
        with contextlib.suppress(Restarted):
            return _write(stream(store, query, limits), output, format_)
    raise QueryError("the store was compacted while the answer came: run the query again")


def estimate_bytes(shown: pa.Table, rows: int, format_: str) -> int:
    """About how many bytes an answer of so many rows takes, from those that are shown."""
    sample = shown.take(
        pa.array(range(0, len(shown), max(1, len(shown) // SAMPLE_ROWS)), pa.int64())
    )
    head, full = (sum(map(len, encode_pieces([part], format_))) for part in (sample[:0], sample))
    return head + round((full - head) * rows / max(len(sample), 1))


def _write(pieces: Iterator[pa.Table], output: Path, format_: str) -> int:
    rows = 0

    def counted() -> Iterator[pa.Table]:
        nonlocal rows
        for piece in pieces:
            rows += len(piece)
            yield piece

    with open_whole(output, seekable=False) as file:
        for data in encode_pieces(counted(), format_):
            file.write(data)
    return rows


def _group(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Pieces joined to larger ones; at least one, with the columns."""
    kept: list[pa.Table] = []
    for piece in pieces:
        kept.append(piece)
        if sum(map(len, kept)) >= GROUP_ROWS or sum(one.nbytes for one in kept) >= GROUP_BYTES:
            yield pa.concat_tables(kept)
            kept = [piece[:0]]
    if kept:
        yield pa.concat_tables(kept)


def _csv(groups: Iterator[pa.Table]) -> Iterator[bytes]:
    yield formats.csv(next(groups))
    for group in groups:
        yield formats.csv(group, header=False)


def _json(groups: Iterator[pa.Table]) -> Iterator[bytes]:
    """The list that `formats.json` writes of a whole table."""
    before = "[\n"
    for group in groups:
        if len(group):
            yield (before + formats.json(group).decode()[2:-3]).encode()
            before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"


def _json_lines(groups: Iterator[pa.Table]) -> Iterator[bytes]:
    for group in groups:
        rows = formats.to_rows(group)
        lines = (json_text(row, default=formats.plain_text) + "\n" for row in rows)
        yield "".join(lines).encode()


def _parquet(groups: Iterator[pa.Table]) -> Iterator[bytes]:
    return _binary(
        map(formats.without_intervals, groups),
        lambda sink, schema: pa.parquet.ParquetWriter(sink, schema, compression="zstd"),
    )


def _arrow(groups: Iterator[pa.Table]) -> Iterator[bytes]:
    """An Arrow IPC file."""
    return _binary(
        (group.rename_columns(formats.distinct(group.column_names)) for group in groups),
        pa.ipc.new_file,
    )


def _binary(groups: Iterator[pa.Table], writer_of: Callable) -> Iterator[bytes]:
    first, sink = next(groups), Written()
    with writer_of(pa.PythonFile(sink, "w"), first.schema) as writer:
        for group in chain([first], groups):
            writer.write_table(group)
            yield sink.take()
    yield sink.take()


ENCODERS: dict[str, Callable[[Iterator[pa.Table]], Iterator[bytes]]] = {
    "csv": _csv,
    "json": _json,
    "jsonl": _json_lines,
    "parquet": _parquet,
    "arrow": _arrow,
}
