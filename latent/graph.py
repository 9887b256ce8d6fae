"""Nearest tokens of a clip over space and time: the graph along which labels spread.

Each token is joined to the ten nearest to it in embedding space, in whatever slice, and to its neighbours: right, below, and the same patch one slice on.
The graph depends on the clip alone, so it is made once and serves every click.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from latent import half
from latent.clips import Clip
from latent.linear import pca

NEAREST = 10
REDUCED = 64  # components in which distances are measured
SEEN = 3000  # tokens that the components are fitted on
STEP = 1e-3  # of the median cost, added to every edge, so that equal tokens are not reached for nothing


@dataclass(frozen=True)
class TokenGraph:
    """`costs`: sparse ``(n, n)``, n tokens in the order of their addresses; of an edge the squared distance of its ends, symmetric."""

    clip_id: str
    positions: tuple[int, int, int]
    costs: sparse.csr_array


def joined(clip: Clip) -> TokenGraph:
    """The graph of a clip's tokens; a token that is not finite is joined to none."""
    vectors = np.concatenate(list(half.slices(clip.grid)))  # (n, D)
    sound = np.flatnonzero(np.isfinite(vectors).all(axis=1))
    reduced = _reduced(vectors[sound])
    codes = np.zeros((len(vectors), reduced.shape[1]), np.float32)
    codes[sound] = reduced
    edges = np.concatenate([_alike(reduced, sound), _beside(clip.positions)])
    return TokenGraph(clip.clip_id, clip.positions, _costs(edges[np.isin(edges, sound).all(axis=1)], codes))


def _reduced(vectors: np.ndarray) -> np.ndarray:
    """Tokens ``(n, D)`` in at most 64 dimensions: their first principal components, which keep distances best."""
    if vectors.shape[1] <= REDUCED or len(vectors) < 2:
        return vectors
    return pca(vectors[:: max(len(vectors) // SEEN, 1)], REDUCED)[0].applied(vectors)


def _alike(codes: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """Edges ``(m, 2)`` from each sound token to the ten nearest."""
    from sklearn.neighbors import NearestNeighbors

    count = min(NEAREST, len(sound) - 1)
    if count < 1:
        return np.empty((0, 2), np.int64)
    found = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(codes).kneighbors(return_distance=False)
    return np.column_stack([np.repeat(sound, count), sound[found.ravel()]])


def _beside(positions: tuple[int, int, int]) -> np.ndarray:
    """Edges ``(m, 2)`` between patches side by side, one above the other, and one slice apart."""
    numbers = np.arange(np.prod(positions)).reshape(positions)
    ends = [(numbers[:-1], numbers[1:]), (numbers[:, :-1], numbers[:, 1:]), (numbers[:, :, :-1], numbers[:, :, 1:])]
    return np.concatenate([np.column_stack([a.ravel(), b.ravel()]) for a, b in ends])


def _costs(edges: np.ndarray, codes: np.ndarray) -> sparse.csr_array:
    """Each edge once in each direction, however often it was found."""
    low, high = np.sort(edges, axis=1).T
    pairs = np.unique(low * len(codes) + high)
    low, high = pairs // len(codes), pairs % len(codes)
    distances = np.square(codes[low] - codes[high]).sum(axis=1, dtype=np.float64)
    costs = distances + STEP * (float(np.median(distances)) if distances.any() else 1.0) + np.finfo(np.float32).tiny
    both = np.concatenate([low, high]), np.concatenate([high, low])
    return sparse.csr_array((np.concatenate([costs, costs]), both), shape=(len(codes), len(codes)))
