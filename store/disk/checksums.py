"""Checksums of every file that no row of `clips` vouches for, so that `tubelet check` notices a single flipped bit.

tables      bytes and SHA-256 of the files that a commit added stand in its entry of `snapshots/`
pictures    thumbnails, slice pictures and codes end in a seal: their readers ignore what follows the last byte they need
markers     JSON that holds the hash of its other keys
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from tubelet.store.disk import tables
from tubelet.store.disk.layout import Layout

MAGIC = b"tubelet\0"
DIGEST = 32  # bytes
SEAL = len(MAGIC) + DIGEST
HASH = "sha256"
UNSIGNED = {"format", "serial", "versions"}
Sums = dict[str, list]  # path below the root -> [bytes, SHA-256]


def seal(data: bytes | memoryview) -> bytes:
    """The bytes followed by their hash."""
    return bytes(data) + MAGIC + hashlib.sha256(data).digest()


def is_sound(path: Path) -> bool | None:
    """Whether a sealed file is as it was written; None where it was written without a seal."""
    data = path.read_bytes()
    body, end = data[:-SEAL], data[-SEAL:]
    named, same = end[: len(MAGIC)] == MAGIC, end[len(MAGIC) :] == hashlib.sha256(body).digest()
    return named and same if named or same else None


def sign(content: Mapping) -> bytes:
    """A JSON object with the hash of its keys."""
    return json.dumps({**content, HASH: _hash(content)}, indent=1).encode()


def parse(text: str) -> dict:
    """A JSON object. Raises ValueError for anything else."""
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("it is not a JSON object")
    return content


def is_signed(content: Mapping) -> bool | None:
    """Whether an object is as `sign` made it; None for one written before there were signatures, which has only the first three keys."""
    if content.keys() <= UNSIGNED:
        return None
    return content.get(HASH) == _hash(
        {name: value for name, value in content.items() if name != HASH}
    )


def table_sums(layout: Layout, before: Mapping[str, int], after: Mapping[str, int]) -> Sums:
    """Sums of the files that tables have gained from one set of versions to another."""
    found: Sums = {}
    for name, version in after.items():
        if before.get(name) != version:
            found |= _add_sums(layout, name, before.get(name), version)
    return found


def live_files(layout: Layout, versions: Mapping[str, int]) -> set[str]:
    """Every file that the versions of the tables are made of, its log included."""
    return {name for table, version in versions.items() for name in _files(layout, table, version)}


def measure(path: Path) -> list:
    """Bytes and SHA-256 of a file."""
    with open(path, "rb") as file:
        return [path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()]


def _add_sums(layout: Layout, name: str, before: int | None, after: int) -> Sums:
    folder, known = (
        layout.table(name),
        set() if before is None else set(tables.open_table(layout.table(name), before).files),
    )
    data = [Path(file) for file in tables.open_table(folder, after).files if file not in known]
    return {
        layout.relative(path): measure(path)
        for path in data + tables.new_log_files(folder, -1 if before is None else before, after)
    }


def _files(layout: Layout, name: str, version: int) -> list[str]:
    folder = layout.table(name)
    data = [layout.relative(Path(file)) for file in tables.open_table(folder, version).files]
    return data + [layout.relative(path) for path in tables.log_files(folder, version)]


def _hash(content: Mapping) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
