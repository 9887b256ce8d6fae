"""Temporal stability: the cosine between the state of a moment and that of the next, as long for every encoder, around the mean of the sample."""

from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Float


@dataclass(frozen=True)
class Steps:
    """Moments and those after them, around the mean of all moments, and their lengths; NaN where a moment has no next."""

    now: Float[np.ndarray, "m n D"]
    following: Float[np.ndarray, "m n D"]
    lengths: tuple[Float[np.ndarray, "m n"], Float[np.ndarray, "m n"]]

    @classmethod
    def of(cls, now: Float[np.ndarray, "m n D"], following: Float[np.ndarray, "m n D"]) -> "Steps":
        mean = now.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
        centered = now - mean, following - mean
        first, second = (np.sqrt(np.einsum("mnd,mnd->mn", x, x)) for x in centered)
        return cls(*centered, (first, second))

    def measure(self, order: np.ndarray | None = None) -> Float[np.ndarray, " n"]:
        """For each unit, the mean over its moments of their likeness to the next one; to the next moments of other units, if an order is given. NaN where no moment has a next."""
        later, lengths = self.following, self.lengths[1]
        if order is not None:
            later, lengths = later[:, order], lengths[:, order]
        product = self.lengths[0] * lengths
        dots = np.einsum("mnd,mnd->mn", self.now, later)
        cosines = np.divide(dots, product, out=np.full(product.shape, np.nan), where=product > 0)
        known = np.isfinite(cosines)
        with np.errstate(invalid="ignore"):
            return np.where(known, cosines, 0).sum(axis=0) / known.sum(axis=0)
