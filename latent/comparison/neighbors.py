"""Nearest neighbors that two layers share (Huh et al. 2024): whether the same units are close, independent of the geometry of the space."""

import numpy as np

from tubelet.array_types import Float


def mark_neighbors(gram: Float[np.ndarray, "n n"], neighbors: int) -> Float[np.ndarray, "n n"]:
    """1 at the nearest units of each by cosine of centered states, itself left out, and 0 elsewhere; ties go to the earlier unit."""
    lengths = np.sqrt(np.maximum(np.diagonal(gram), 1e-30))
    cosines = gram / lengths
    np.fill_diagonal(cosines, -np.inf)
    last = np.partition(cosines, -neighbors, axis=1)[:, -neighbors, None]
    nearer, equal = cosines > last, cosines == last
    missing = neighbors - nearer.sum(axis=1, keepdims=True)
    marked = (nearer | (equal & (np.cumsum(equal, axis=1) <= missing))).astype(cosines.dtype)
    if not np.diagonal(gram).any():
        marked[:] = np.nan  # nothing varies: there are no neighbors
    return marked


def count_neighbors(wanted: int, units: int) -> int:
    """At most half of the other units, so that chance stays below a half."""
    return max(1, min(wanted, (units - 1) // 2))
