"""The tokens of a masking: one Parquet row per token of the window, as it was seen or predicted, and the encoder's output for it with the whole window visible.

Both are half precision in the space that the predictor answers in. A file is written before the commit of the row that names it; its name
holds its hash, so that two commands that measure the same mask never write over what the other has committed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tubelet.array_types import Bool, Float16
from tubelet.store.disk.embeddings import HALF, KEYS
from tubelet.store.disk.files import explain_disk_errors
from tubelet.store.errors import StoreError
from tubelet.store.schema import MASKING_TABLES
from tubelet.store.store import Store

SHOWN, TARGET, HIDDEN, GRID = "embedding", "target", "hidden", b"grid"
ROW = "SELECT tokens_path, tokens_sha256 FROM maskings WHERE clip_id = $1 AND masking_id = $2"
ID = "masking_id"
OF_CLIPS = "SELECT DISTINCT masking_id AS id FROM maskings WHERE clip_id IN (SELECT unnest($1::VARCHAR[])) ORDER BY ALL"
NAMED = """SELECT DISTINCT masking_id, tokens_path FROM maskings
WHERE tokens_path IS NOT NULL AND masking_id IN (SELECT unnest($1::VARCHAR[])) ORDER BY ALL"""


@dataclass(frozen=True)
class MaskedTokens:
    """Which tokens of a window a mask hid, what was seen or predicted of each, and the output of the encoder for it."""

    hidden: Bool[np.ndarray, "S H W"]
    shown: Float16[np.ndarray, "S H W D"]
    target: Float16[np.ndarray, "S H W D"]


def write_masked(
    store: Store, clip_id: str, masking_id: str, tokens: MaskedTokens
) -> dict[str, str | int]:
    """Write the tokens of a masking; the columns that name them in its row, until whose commit they are invisible."""
    data = _serialize(clip_id, tokens)
    digest = hashlib.sha256(data).hexdigest()
    with explain_disk_errors(store.root):
        store.layout.require_writable()
        path = store.layout.masked(masking_id, digest)
        store.layout.home.put(path, data)
    return {
        "tokens_path": store.layout.relative(path),
        "tokens_bytes": len(data),
        "tokens_sha256": digest,
    }


def read_masked(store: Store, clip_id: str, masking_id: str) -> MaskedTokens:
    """The tokens of a kept masking. Raises StoreError where it kept none, or its file is not the one that was committed."""
    found = store.rows(ROW, [clip_id, masking_id])
    if not found or found[0]["tokens_path"] is None:
        raise StoreError(
            f"masking {masking_id} kept no tokens: an older version measured it; `tubelet mask` with the same mask measures it again"
        )
    path = store.layout.masked_file(found[0]["tokens_path"], masking_id)
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != found[0]["tokens_sha256"]:
        raise StoreError(
            f"the file of tokens of masking {masking_id} is missing or has changed: run `tubelet check --repair --store {store.shell_name}`, then the mask again"
        )
    return _parse(data)


def list_maskings(store: Store, clips: Sequence[str]) -> list[str]:
    """The maskings of some clips."""
    return store.query(OF_CLIPS, [list(clips)])["id"].to_pylist()


def name_rows(maskings: Sequence[str]) -> dict[str, Sequence[str]]:
    """All rows of some maskings, as a commit takes them out."""
    return {f"{table.name}.{ID}": maskings for table in MASKING_TABLES}


def find_masked(store: Store, maskings: Sequence[str]) -> list[Path]:
    """The files of some maskings. Raises UnsafePath."""
    rows = store.rows(NAMED, [list(maskings)])
    return [store.layout.masked_file(row["tokens_path"], row["masking_id"]) for row in rows]


def _serialize(clip_id: str, tokens: MaskedTokens) -> memoryview:
    shape = tokens.shown.shape
    places = np.indices(shape[:3], dtype=np.int16).reshape(3, -1)
    columns = {
        KEYS[0]: pa.array([clip_id] * places.shape[1]),
        **dict(zip(KEYS[1:], map(pa.array, places), strict=True)),
        HIDDEN: pa.array(tokens.hidden.ravel()),
        SHOWN: _pack(tokens.shown),
        TARGET: _pack(tokens.target),
    }
    table = pa.table(columns).replace_schema_metadata({GRID: ",".join(map(str, shape))})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", use_dictionary=KEYS, write_statistics=KEYS)
    return memoryview(sink.getvalue())


def _pack(grid: np.ndarray) -> pa.FixedSizeBinaryArray:
    half = np.ascontiguousarray(grid, HALF)
    kind = pa.binary(HALF.itemsize * half.shape[3])
    return pa.FixedSizeBinaryArray.from_buffers(kind, half[..., 0].size, [None, pa.py_buffer(half)])


def _parse(data: bytes) -> MaskedTokens:
    table = pq.read_table(pa.BufferReader(data))
    shape = tuple(int(n) for n in table.schema.metadata[GRID].split(b","))
    shown, target = (
        np.frombuffer(b"".join(table[name].to_pylist()), HALF).reshape(shape)
        for name in (SHOWN, TARGET)
    )
    return MaskedTokens(np.array(table[HIDDEN]).reshape(shape[:3]), shown, target)
