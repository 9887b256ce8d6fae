"""A compact code of each token: 128 signed bytes, or fewer where embeddings are shorter.

A code is the token's unit vector in a PCA basis of the corpus's unit vectors, each component in steps of its own range; products of codes
with a query's own coordinates rank tokens nearly as cosines do. The codes of a clip are a file of their own below `codes/` in the store: a
cache, rebuildable, whole where it exists.
"""

import io
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tubelet.array_types import Float16, Float32, Int8
from tubelet.latent import clips, half
from tubelet.latent.basis import Basis
from tubelet.latent.errors import LatentError
from tubelet.latent.linear import Linear
from tubelet.latent.query import TokenQuery
from tubelet.store import Store
from tubelet.store.rows import ClipRow

COMPONENTS = 128
BLOCK = 1024  # codes widened at once: they stay in the processor's cache
LENGTH = 2  # bytes of a token's length beside its code, in half precision
HALF_MOST = 65_504.0
STEPS = 127  # of a code, on either side of zero
ROOM = 1.5  # codes reach so far beyond the basis's quantiles


@dataclass(frozen=True)
class Codes:
    """`codes` int8 ``(n, k)`` of a clip's tokens, and their lengths ``(n,)``, 0 where a token has no direction; None in files of before 0.2.0."""

    codes: Int8[np.ndarray, "n k"]
    lengths: Float32[np.ndarray, " n"] | None


@dataclass(frozen=True)
class TokenIndex:
    """Codes are coordinates in `basis`, which is linear and takes unit vectors."""

    basis: Basis

    @property
    def linear(self) -> Linear:
        """The model of the basis. Raises LatentError where it is not linear."""
        if not isinstance(self.basis.model, Linear):
            raise LatentError(
                f"basis {self.basis.basis_id} is of kind {self.basis.kind} and codes need a linear one: fit it with kind pca"
            )
        return self.basis.model

    @cached_property
    def step(self) -> Float32[np.ndarray, " k"]:
        """The value of one step of a code, float32 ``(k,)``."""
        return np.maximum(
            np.abs(self.basis.limits).max(axis=1) * ROOM / STEPS, np.finfo(np.float32).tiny
        ).astype(np.float32)

    def encode_grid(self, grid: Float16[np.ndarray, "S H W D"]) -> Int8[np.ndarray, "n k"]:
        """Codes of a half-precision grid ``(S, H, W, D)``, int8 ``(S*H*W, k)``; zeros where a token has no direction."""
        return np.concatenate([self._codes(half.unit(tokens)) for tokens in half.slices(grid)])

    def scores(
        self, codes: Int8[np.ndarray, "n k"], query: TokenQuery
    ) -> Float32[np.ndarray, " n"]:
        """Cosines of codes int8 ``(n, k)`` to the query according to the codes, the largest over its tokens: ``(n,)``."""
        return self.multiply(codes, query.vectors)

    def multiply(
        self, codes: Int8[np.ndarray, "n k"], vectors: Float32[np.ndarray, "q D"]
    ) -> Float32[np.ndarray, " n"]:
        """Products of the unit vectors of tokens with some vectors, according to the codes; the largest over these: ``(n,)``."""
        weights = (vectors @ self.linear.components.T * self.step).astype(np.float32)  # (q, k)
        constants = vectors @ self.linear.mean
        best, wide = np.empty(len(codes), np.float32), np.empty((BLOCK, codes.shape[1]), np.float32)
        for start in range(0, len(codes), BLOCK):
            block = codes[start : start + BLOCK]
            np.copyto(wide[: len(block)], block)
            products = [
                np.einsum("nk,k->n", wide[: len(block)], one) + constant
                for one, constant in zip(weights, constants)
            ]
            best[start : start + BLOCK] = (
                products[0] if len(products) == 1 else np.max(products, axis=0)
            )
        return best

    def write(self, store: Store, clip: ClipRow) -> None:
        """Write the codes of a clip. Raises LatentError for a clip stored without embeddings."""
        sink = io.BytesIO()
        grid = clips.read(store, clip)
        codes = self.encode_grid(grid)
        lengths = np.concatenate([half.lengths(tokens) for tokens in half.slices(grid)])
        halves = np.minimum(np.nan_to_num(lengths), HALF_MOST).astype("<f2")
        np.save(sink, np.concatenate([codes, halves[:, None].view(np.int8)], axis=1))
        store.write_codes(self.basis.basis_id, clip.clip_id, sink.getbuffer())

    def read(self, store: Store, clip: ClipRow) -> Int8[np.ndarray, "n k"] | None:
        """Codes of a clip; None if they are missing or incomplete."""
        held = self.load(store, clip)
        return None if held is None else held.codes

    def load(self, store: Store, clip: ClipRow) -> "Codes | None":
        """Codes of a clip with the lengths of its tokens; None if they are missing or incomplete."""
        try:
            found = np.load(store.layout.codes_file(self.basis.basis_id, clip.clip_id))
        except (OSError, ValueError):
            return None
        if found.ndim != 2 or len(found) != clip.tokens:
            return None
        size = found.shape[1] - self.basis.components
        if size not in (0, LENGTH):
            return None
        codes, rest = found[:, : self.basis.components], found[:, self.basis.components :]
        lengths = np.ascontiguousarray(rest).view("<f2")[:, 0].astype(np.float32) if size else None
        return Codes(codes, lengths)

    def _codes(self, unit: np.ndarray) -> np.ndarray:
        steps = np.rint(self.basis.model.transform(np.nan_to_num(unit)) / self.step)
        return np.where(
            np.isfinite(unit).all(axis=1, keepdims=True), np.clip(steps, -STEPS, STEPS), 0
        ).astype(np.int8)
