"""Temporal stability: the cosine between the state of a moment and that of the next, as long for every encoder, around the mean of the sample."""

import numpy as np

from tubelet.array_types import Float


def measure_stability(
    now: Float[np.ndarray, "m n D"],
    following: Float[np.ndarray, "m n D"],
    order: np.ndarray | None = None,
) -> Float[np.ndarray, " n"]:
    """Of each unit, the mean over its moments; the next moments of other units, if an order is given. NaN where no moment has a next."""
    mean = now.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    later = following if order is None else following[:, order]
    cosines = _cosine(now - mean, later - mean)
    known = np.isfinite(cosines)
    with np.errstate(invalid="ignore"):
        return np.where(known, cosines, 0).sum(axis=0) / known.sum(axis=0)


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    lengths = [np.sqrt(np.einsum("mnd,mnd->mn", x, x)) for x in (a, b)]
    product = lengths[0] * lengths[1]
    dots = np.einsum("mnd,mnd->mn", a, b)
    return np.divide(dots, product, out=np.full(product.shape, np.nan), where=product > 0)
