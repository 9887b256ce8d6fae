"""A compact code of each token: 64 signed bytes, or fewer where embeddings are shorter.

A code is the token's unit vector in a PCA basis of the corpus's unit vectors, each component in steps of its own range; products of codes
with a query's own coordinates rank tokens nearly as cosines do. The codes of a clip are a file of their own below `codes/` in the store: a
cache, rebuildable, whole where it exists.
"""

import io
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from latent import clips, half
from latent.basis import Basis
from latent.clips import ClipRow
from latent.query import Query
from store import Store

COMPONENTS = 64
STEPS = 127  # of a code, on either side of zero
ROOM = 1.5  # codes reach so far beyond the basis's quantiles


@dataclass(frozen=True)
class Sketch:
    """Codes are coordinates in `basis`, which is linear and takes unit vectors."""

    basis: Basis

    @cached_property
    def step(self) -> np.ndarray:
        """What one step of a code stands for, float32 ``(k,)``."""
        return np.maximum(np.abs(self.basis.limits).max(axis=1) * ROOM / STEPS, np.finfo(np.float32).tiny).astype(np.float32)

    def coded(self, grid: np.ndarray) -> np.ndarray:
        """Codes of a half-precision grid ``(S, H, W, D)``, int8 ``(S*H*W, k)``; zeros where a token has no direction."""
        return np.concatenate([self._codes(half.unit(tokens)) for tokens in half.slices(grid)])

    def scores(self, codes: np.ndarray, query: Query) -> np.ndarray:
        """Cosines of codes int8 ``(n, k)`` to the query as far as the codes tell, the largest over its tokens: ``(n,)``."""
        weights = query.vectors @ self.basis.model.components.T * self.step  # (q, k)
        return (codes.astype(np.float32) @ weights.T + query.vectors @ self.basis.model.mean).max(axis=1)

    def write(self, store: Store, clip: ClipRow) -> None:
        """Write the codes of a clip. Raises LatentError for a clip kept without embeddings."""
        sink = io.BytesIO()
        np.save(sink, self.coded(clips.read(store, clip)))
        store.write_codes(self.basis.basis_id, clip.clip_id, sink.getbuffer())

    def read(self, store: Store, clip: ClipRow) -> np.ndarray | None:
        """Codes of a clip; None where they are not written, or are not whole."""
        try:
            codes = np.load(store.layout.codes(self.basis.basis_id, clip.clip_id))
        except (OSError, ValueError):
            return None
        return codes if codes.shape == (int(np.prod(clip.positions)), self.basis.components) else None

    def _codes(self, unit: np.ndarray) -> np.ndarray:
        steps = np.rint(self.basis.model.applied(np.nan_to_num(unit)) / self.step)
        return np.where(np.isfinite(unit).all(axis=1, keepdims=True), np.clip(steps, -STEPS, STEPS), 0).astype(np.int8)
