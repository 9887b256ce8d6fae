"""The tokens of whole clips, as the embedding files that hold them: what an attentive probe sees. Files are read batch by batch, never all at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tubelet.array_types import Bool
from tubelet.latent.probes.options import ProbeError
from tubelet.latent.probes.states import StoredLayer, choose_layers, count_rows
from tubelet.store import Store
from tubelet.store.encoder_names import find_encoder
from tubelet.store.questions.corpus import OF_GRID, UNTRAINED

HELD = f"""SELECT e.encoder_id, e.layer, {UNTRAINED} AS untrained
FROM encoders e WHERE EXISTS (FROM clips c WHERE c.encoder_id = e.encoder_id AND c.embedding_path IS NOT NULL AND {OF_GRID})
ORDER BY e.encoder_id"""
CLIPS = f"""SELECT c.encoder_id, c.video_id, count(*) AS clips FROM clips c
WHERE c.embedding_path IS NOT NULL AND {OF_GRID} GROUP BY ALL ORDER BY ALL"""
FILES = f"""SELECT c.clip_id, c.video_id, c.embedding_path, c.slices, c.grid_height, c.grid_width, c.embed_dim FROM clips c
WHERE c.encoder_id = $encoder AND c.embedding_path IS NOT NULL AND {OF_GRID} ORDER BY c.clip_id"""


@dataclass(frozen=True)
class TokenFile:
    """The file of a clip, and the shape ``(S, H, W, D)`` of what it holds."""

    clip_id: str
    path: Path
    shape: tuple[int, int, int, int]

    @property
    def tokens(self) -> int:
        slices, height, width, _ = self.shape
        return slices * height * width


@dataclass(frozen=True)
class TokenFiles:
    """Files of clips, in the order of their ids."""

    files: tuple[TokenFile, ...]
    video_ids: np.ndarray

    @property
    def clip_ids(self) -> tuple[str, ...]:
        return tuple(file.clip_id for file in self.files)

    def only(self, video_ids: Sequence[str]) -> "TokenFiles":
        kept = np.isin(self.video_ids, list(video_ids))
        return TokenFiles(self.take(kept), self.video_ids[kept])

    def take(self, kept: Bool[np.ndarray, " n"]) -> tuple[TokenFile, ...]:
        return tuple(file for file, keep in zip(self.files, kept) if keep)


def find_token_places(
    store: Store, encoders: Sequence[str], layers: Sequence[str]
) -> list[StoredLayer]:
    """Every encoder whose clips keep their tokens. Raises ProbeError where there is none, or none at a layer that is asked for."""
    wanted = {find_encoder(store, name) for name in encoders}
    found = [
        StoredLayer(row["encoder_id"], row["layer"], False, row["untrained"])
        for row in store.rows(HELD)
        if not wanted or row["encoder_id"] in wanted
    ]
    if lacking := sorted(wanted - {place.encoder_id for place in found}):
        raise ProbeError(_no_tokens(f"{lacking[0]} in {store.name}"))
    if not found:
        raise ProbeError(_no_tokens(f"{store.name}"))
    return choose_layers(found, layers)


def _no_tokens(where: str) -> str:
    return f"no clip of {where} keeps its tokens, which an attentive probe learns from: ingest with `--keep embeddings`, or pass --kind linear"


def count_token_clips(store: Store) -> dict[str, dict[str, int]]:
    """Number of clips that keep their tokens, by encoder and video."""
    return count_rows(store.rows(CLIPS))


def read_token_files(store: Store, place: StoredLayer) -> TokenFiles:
    """The files of all clips of an encoder that keep their tokens."""
    rows = store.rows(FILES, {"encoder": place.encoder_id})
    files = tuple(
        TokenFile(
            row["clip_id"],
            store.layout.embedding_file(row["embedding_path"], row["clip_id"]),
            (row["slices"], row["grid_height"], row["grid_width"], row["embed_dim"]),
        )
        for row in rows
    )
    return TokenFiles(files, np.array([row["video_id"] for row in rows], dtype=str))
