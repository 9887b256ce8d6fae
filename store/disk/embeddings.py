"""The embedding file of a clip: one Parquet row per token, read by NumPy without decoding.

``embedding`` is required fixed-size binary: ``2 * dim`` bytes of little-endian half precision, plain, uncompressed,
without statistics. A row group is a page is a slice, so the values of a slice are contiguous in the file and a
clip is read straight into an aligned array. A file with another layout is read by pyarrow instead.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from pathlib import Path
from typing import ParamSpec

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tubelet.array_types import Float16
from tubelet.store.errors import StoreError
from tubelet.store.schema import ADDRESS

KEYS = [column.name for column in ADDRESS]
PAGE_OVERHEAD = 1 << 16  # room above a slice's bytes, so that a slice is one page
HALF = np.dtype("<f2")
FORMAT = 1  # of embedding files; that of the tables is counted apart
P = ParamSpec("P")
Data = bytes | memoryview


@dataclass(frozen=True)
class EmbeddingFile:
    """What identifies a written file."""

    bytes: int
    sha256: str

    @classmethod
    def describe(cls, data: Data) -> "EmbeddingFile":
        return cls(len(data), hashlib.sha256(data).hexdigest())


@dataclass(frozen=True)
class SliceOffsets:
    """Where the values of each slice start in a file, and the shape ``(S, H, W, D)`` they make."""

    shape: tuple[int, int, int, int]
    starts: tuple[int, ...] | None  # None: not laid out as written here; read by pyarrow

    @property
    def slice_bytes(self) -> int:
        return 2 * self.shape[1] * self.shape[2] * self.shape[3]


def serialize(clip_id: str, grid: np.ndarray) -> memoryview:
    """The file's bytes for a half-precision grid ``(S, H, W, D)``."""
    if grid.dtype != HALF or grid.ndim != 4:
        raise ValueError(
            f"an embedding file holds half precision (S, H, W, D), not {grid.dtype = } {grid.shape = }"
        )
    _, height, width, dim = grid.shape
    sink = pa.BufferOutputStream()
    pq.write_table(
        _token_table(clip_id, grid),
        sink,
        row_group_size=height * width,
        data_page_size=2 * dim * height * width + PAGE_OVERHEAD,
        use_dictionary=KEYS,
        write_statistics=KEYS,
        compression={**dict.fromkeys(KEYS, "zstd"), "embedding": "none"},
    )
    return memoryview(sink.getvalue())


def _explain(read: Callable[P, np.ndarray]) -> Callable[P, np.ndarray]:
    """Say in a sentence why an embedding file, the first argument, cannot be read."""

    @wraps(read)
    def explained(*arguments: P.args, **named: P.kwargs) -> np.ndarray:
        try:
            return read(*arguments, **named)
        except (OSError, pa.ArrowException) as error:
            number = getattr(error, "errno", None)
            what = os.strerror(number) if number else "it is damaged"
            ways = "check its permissions and its disk, or run `tubelet check --repair --store STORE`, then ingest again"
            raise StoreError(f"{arguments[0]} cannot be read ({what}): {ways}") from error

    return explained


@_explain
def read(
    path: Path,
    first: int = 0,
    stop: int | None = None,
    into: Float16[np.ndarray, "S H W D"] | None = None,
) -> Float16[np.ndarray, "S H W D"]:
    """Slices ``[first, stop)`` of a clip as half precision ``(S, H, W, D)``; all of them by default, and into an array that is given. Raises
    StoreError where the file cannot be read, or does not have that shape."""
    stat = os.stat(path)
    offsets = _offsets(str(path), stat.st_mtime_ns, stat.st_size)
    wanted = range(offsets.shape[0])[first:stop]
    shape = (len(wanted), *offsets.shape[1:])
    if into is not None and into.shape != shape:
        raise StoreError(
            f"{path} holds a grid of {shape}, and its clip says {into.shape}: run `tubelet check --repair --store STORE`, then ingest again"
        )
    if into is not None and not into.flags.c_contiguous:
        raise ValueError("tokens are read into an array without gaps")
    grid = np.empty(shape, HALF) if into is None else into
    if offsets.starts is None:
        grid[:] = _read_with_pyarrow(path, offsets.shape)[first:stop]
        return grid
    rows = grid.view(np.uint8).reshape(len(wanted), offsets.slice_bytes)
    with open(path, "rb", buffering=0) as file:
        for row, index in zip(rows, wanted):
            if os.preadv(file.fileno(), [row.data], offsets.starts[index]) != offsets.slice_bytes:
                raise StoreError(
                    f"{path} ends early: run `tubelet check --repair --store STORE`, then ingest again"
                )
    return grid


@_explain
def read_tokens(path: Path, numbers: Sequence[int]) -> Float16[np.ndarray, "n D"]:
    """Single tokens as half precision ``(n, D)``, by their numbers in address order; one read per token. Raises StoreError."""
    stat = os.stat(path)
    offsets = _offsets(str(path), stat.st_mtime_ns, stat.st_size)
    _, height, width, dim = offsets.shape
    if offsets.starts is None:
        return _read_with_pyarrow(path, offsets.shape).reshape(-1, dim)[np.asarray(numbers)]
    tokens = np.empty((len(numbers), dim), HALF)
    with open(path, "rb", buffering=0) as file:
        for row, number in zip(tokens.view(np.uint8), numbers):
            index, place = divmod(int(number), height * width)
            if (
                os.preadv(file.fileno(), [row.data], offsets.starts[index] + place * 2 * dim)
                != 2 * dim
            ):
                raise StoreError(
                    f"{path} ends early: run `tubelet check --repair --store STORE`, then ingest again"
                )
    return tokens


def _token_table(clip_id: str, grid: np.ndarray) -> pa.Table:
    slices, height, width, dim = grid.shape
    address = np.indices((slices, height, width), dtype=np.int16).reshape(3, -1)
    values = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(2 * dim), address.shape[1], [None, pa.py_buffer(np.ascontiguousarray(grid))]
    )
    ids = pa.DictionaryArray.from_arrays(np.zeros(address.shape[1], np.int32), [clip_id]).cast(
        pa.string()
    )
    fields = [
        pa.field("clip_id", pa.string(), nullable=False),
        *(pa.field(name, pa.int16(), nullable=False) for name in KEYS[1:]),
        pa.field("embedding", pa.binary(2 * dim), nullable=False),
    ]
    metadata = {
        "tubelet.format": FORMAT,
        "dtype": "float16",
        "grid": f"{slices},{height},{width},{dim}",
    }
    schema = pa.schema(fields, {key: str(value) for key, value in metadata.items()})
    return pa.Table.from_arrays([ids, *map(pa.array, address), values], schema=schema)


@lru_cache(maxsize=4096)
def _offsets(path: str, modified_ns: int, size: int) -> SliceOffsets:
    """Slice offsets from the footer; time and size are in the key, so a replaced file is read again."""
    footer = pq.read_metadata(path)
    grid = (footer.metadata or {}).get(b"grid")
    if grid is None:
        raise StoreError(
            f"{path} is not an embedding file of Tubelet: run `tubelet check --store STORE`"
        )
    slices, height, width, dim = (int(n) for n in grid.split(b","))
    shape = slices, height, width, dim
    return SliceOffsets(shape, _slice_starts(footer, shape))


def _slice_starts(footer: pq.FileMetaData, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    slices, height, width, dim = shape
    if footer.num_row_groups != slices:
        return None
    chunks = [footer.row_group(i).column(len(KEYS)) for i in range(slices)]
    page_headers = [chunk.total_compressed_size - 2 * height * width * dim for chunk in chunks]
    plain = all(
        chunk.compression == "UNCOMPRESSED"
        and chunk.num_values == height * width
        and not chunk.has_dictionary_page
        and 0 < header < 100
        for chunk, header in zip(chunks, page_headers)
    )
    return (
        tuple(chunk.data_page_offset + header for chunk, header in zip(chunks, page_headers))
        if plain
        else None
    )


def _read_with_pyarrow(path: Path, shape: tuple[int, ...]) -> Float16[np.ndarray, "S H W D"]:
    column = pq.read_table(path, columns=["embedding"])["embedding"]
    return np.frombuffer(b"".join(value.as_py() for value in column), HALF).reshape(shape)
