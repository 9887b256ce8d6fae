"""Ids that identify their content: they are hashes of it, so the same work has the same name everywhere."""

import hashlib
import json
import re
from pathlib import Path

from tubelet.store import stalling

BLOCK = 1 << 20  # bytes read at once
DIGITS = 16  # hex digits of an id: 64 bits
ONLY = "only"  # the layer of an encoder that has but one
OUTPUTS = ("last", ONLY)  # layers that go without saying: what an encoder puts out


def hash_parts(*parts: object) -> str:
    """Id of a tuple of plain values; JSON keeps the parts apart."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()[:DIGITS]


def video_id(path: Path) -> str:
    """Id of a file's bytes. Raises OSError where the file cannot be read."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            stalling.step()
    return digest.hexdigest()[:DIGITS]


def encoder_id(name: str, weights_sha256: str, layer: str, settings: str = "") -> str:
    """Readable id of an encoder, fit for a folder's name: its name, its layer where that is not the output, then the hash of both, of the
    weights, and of settings that change its numbers, where they differ from the defaults."""
    readable = name if layer in OUTPUTS else f"{name}-{layer}"
    return f"{re.sub('[^A-Za-z0-9._-]', '-', readable)}-{hash_parts(name, weights_sha256, layer, *filter(None, [settings]))}"
