"""What an attentive probe looks at: its attention over the tokens of a clip, from the vectors that the store keeps of it. Neither torch nor an encoder runs here.

A probe has one query, so that the score of a token is its product, normalized, with one vector per head (see `training/attentive/network.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Float32, Float64
from tubelet.latent.clips import Clip
from tubelet.latent.probes.options import ProbeError
from tubelet.store import Store
from tubelet.store.questions.model_rows import ListedAttentiveProbe
from tubelet.store.questions.probes import attention_vectors, attentive_probes, predicted_folds

EPS = 1e-5  # of LayerNorm


@dataclass(frozen=True)
class ProbeAttention:
    """The vectors ``(heads, D)`` of the model of each fold, and the fold whose model never saw a video."""

    probe: ListedAttentiveProbe
    vectors: Mapping[int, Float64[np.ndarray, "heads D"]]
    folds: Mapping[str, int]

    def of_clip(self, clip: Clip) -> Float32[np.ndarray, "S H W"]:
        """Attention to each token, mean over heads, 1 where it is spread evenly; NaN for tokens that are not finite.

        By the model that never saw the video; of a video that was not predicted, the mean over all models.
        """
        if clip.encoder_id != self.probe.encoder_id:
            raise ProbeError(
                f"the probe {self.probe.probe_id} learned from {self.probe.encoder_id} and says nothing about {clip.encoder_id}"
            )
        normalized = normalize_tokens(clip.grid.reshape(-1, clip.grid.shape[-1]))
        fold = self.folds.get(clip.video_id)
        asked = self.vectors.values() if fold is None else [self.vectors[fold]]
        found = np.mean([_attend(vectors, normalized) for vectors in asked], axis=0)
        return found.reshape(clip.positions).astype(np.float32)

    def is_held_out(self, video_id: str) -> bool:
        """Whether a video was predicted by a model that never saw it."""
        return video_id in self.folds


def normalize_tokens(tokens: np.ndarray) -> Float32[np.ndarray, "n D"]:
    """LayerNorm without its weights."""
    values = tokens.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    values /= np.sqrt((values**2).mean(axis=1, keepdims=True) + np.float32(EPS))
    return values


def _attend(vectors: np.ndarray, normalized: np.ndarray) -> np.ndarray:
    """Softmax over tokens of each head, mean over heads, times the number of tokens."""
    sound = np.isfinite(normalized).all(axis=1)
    found = np.full(len(normalized), np.nan)
    if sound.any():
        scores = vectors @ normalized[sound].T.astype(np.float64)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        found[sound] = weights.mean(axis=0) * sound.sum()
    return found


def list_attention(store: Store, encoder_id: str) -> dict[str, ListedAttentiveProbe]:
    """The attentive probes of an encoder by what readers call them, the newest first."""
    return {
        name_probe(probe): probe
        for probe in attentive_probes(encoder_id).read(store, ListedAttentiveProbe)
    }


def name_probe(probe: ListedAttentiveProbe) -> str:
    score = "" if probe.score is None else f" {probe.score:.3f}"
    return f"{probe.label_name}{score} ({probe.probe_id[:8]})"


def read_attention(store: Store, encoder_id: str, probe_id: str) -> ProbeAttention:
    """Read the attention of one probe of an encoder. Raises ProbeError where the store has none of it."""
    known = {probe.probe_id: probe for probe in list_attention(store, encoder_id).values()}
    if probe_id not in known:
        raise ProbeError(
            f"{store.name} holds no attention of a probe {probe_id} of {encoder_id}: train one with `tubelet probe --kind attentive --label NAME --store {store.shell_name}`"
        )
    vectors: dict[int, list] = {}
    for row in attention_vectors(probe_id).answer(store).to_pylist():
        vectors.setdefault(row["fold"], []).append(row["vector"])
    folds = predicted_folds(probe_id).answer(store).to_pylist()
    return ProbeAttention(
        known[probe_id],
        {fold: np.array(rows) for fold, rows in vectors.items()},
        {row["video_id"]: row["fold"] for row in folds},
    )
