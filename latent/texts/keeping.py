"""Heads and texts in the store: rows and a file of weights; and a vector per slice beside each clip, a cache that is rebuilt where it is missing."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from safetensors.numpy import load, save

from tubelet.array_types import Float32, Float64
from tubelet.latent import clips, half
from tubelet.latent.errors import LatentError
from tubelet.latent.texts.head import TextHead, make_head
from tubelet.store import Store, ids
from tubelet.store.clock import now
from tubelet.store.disk.models import read_model, write_model
from tubelet.store.questions.model_rows import TextHeadRow
from tubelet.store.questions.texts import text_head
from tubelet.store.rows import ClipRow
from tubelet.store.schema import TEXT_HEADS, TEXTS


@dataclass(frozen=True, kw_only=True)
class HeadWeights:
    """A head as its model has it: kind, weights, and settings as text."""

    kind: str
    text_dim: int
    weights: Mapping[str, np.ndarray]
    settings: Mapping[str, str]


@dataclass(frozen=True)
class KeptHead:
    """A head out of a store, and the id under which the vectors of its slices lie."""

    text_head_id: str
    head: TextHead

    def read_slices(self, store: Store, clip: ClipRow) -> Float32[np.ndarray, "S d"]:
        """A vector of length 1 per slice of a clip: kept ones, or else computed from its tokens and kept."""
        kept = self.load_slices(store, clip)
        if kept is not None:
            return kept
        grid = clips.read(store, clip)
        found = np.stack([self.head.read_slice(tokens) for tokens in half.slices(grid)])
        sink = io.BytesIO()
        np.save(sink, found)
        store.write_codes(self.text_head_id, clip.clip_id, sink.getbuffer())
        return found

    def load_slices(self, store: Store, clip: ClipRow) -> Float32[np.ndarray, "S d"] | None:
        """Load the stored vectors of a clip's slices; None where they are missing or damaged."""
        try:
            found = np.load(store.layout.codes_file(self.text_head_id, clip.clip_id))
        except (OSError, ValueError):
            return None
        return found if found.ndim == 2 and len(found) == clip.slices else None


def save_head(store: Store, encoder_id: str, weights_sha256: str, head: HeadWeights) -> None:
    """Keep a head; it is invisible until its row is committed."""
    head_id = ids.hash_parts("text head", encoder_id, weights_sha256)
    said = {"settings": json.dumps(dict(head.settings))}
    data = save({name: np.ascontiguousarray(one) for name, one in head.weights.items()}, said)
    row = {
        "text_head_id": head_id,
        "encoder_id": encoder_id,
        "head_kind": head.kind,
        "text_dim": head.text_dim,
        "created_at": now(),
        **write_model(store, head_id, data),
    }
    store.commit({TEXT_HEADS.name: pa.Table.from_pylist([row], TEXT_HEADS.arrow)})


def find_head(store: Store, encoder_id: str) -> KeptHead | None:
    """The head of an encoder; None where the store has none."""
    rows = text_head(encoder_id).read(store, TextHeadRow)
    if not rows:
        return None
    data = read_model(store, TEXT_HEADS, rows[0].text_head_id)
    length = int.from_bytes(data[:8], "little")
    settings = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["settings"])
    return KeptHead(rows[0].text_head_id, make_head(rows[0].head_kind, load(data), settings))


def require_head(store: Store, encoder_id: str) -> KeptHead:
    """The same. Raises LatentError where there is none."""
    found = find_head(store, encoder_id)
    if found is None:
        raise LatentError(
            f"no text was searched for with {encoder_id} yet: run `tubelet search TEXT --encoder {encoder_id} --store {store.shell_name}`"
        )
    return found


def name_text(encoder_id: str, text: str) -> str:
    """The id of a text."""
    return ids.hash_parts("text", encoder_id, text)


def save_text(store: Store, encoder_id: str, text: str, vector: Float64[np.ndarray, " d"]) -> None:
    row = {
        "text_id": name_text(encoder_id, text),
        "encoder_id": encoder_id,
        "text": text,
        "text_vector": vector.tolist(),
        "created_at": now(),
    }
    store.commit({TEXTS.name: pa.Table.from_pylist([row], TEXTS.arrow)})
