"""UMAP on PCA-reduced tokens, and where new tokens fall.

umap-learn lays out a seeded draw of at most 2,000 tokens; every token, those of the fit included, then falls at the mean of its nearest
laid-out tokens, the nearer the heavier. That is several times as fast as laying out a whole clip, preserves neighborhoods
(benchmarks: trustworthiness), and needs no pickled model: the reduced tokens and their coordinates are all there is.
"""

import contextlib
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np

from tubelet.array_types import Float, Float32, Int
from tubelet.latent.linear import Linear, Variance, pca

REDUCED = 50  # components that UMAP sees
LAID_OUT = 2000  # tokens
NEIGHBOURS = 15
EPOCHS = 200
INITIAL_EXTENT = 10.0  # of the first components, from which the layout starts
MINIMUM = 10  # tokens


@dataclass(frozen=True)
class Manifold:
    """Reduced tokens ``(m, r)`` of the fit, float32, and their coordinates ``(m, k)``; `reduction` maps others to ``(n, r)``."""

    reduction: Linear
    training: Float32[np.ndarray, "m r"]
    coordinates: Float32[np.ndarray, "m k"]
    neighbors: int

    def transform(self, vectors: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, "n k"]:
        """Prepared tokens ``(n, D)`` to coordinates ``(n, k)``, float32: means of their nearest tokens' coordinates."""
        distances, indices = _nearest(
            self.training, self.reduction.transform(vectors), self.neighbors
        )
        nearest = distances[:, :1]
        width = np.maximum(distances.mean(axis=1, keepdims=True) - nearest, 1e-6 + 1e-6 * nearest)
        weights = np.exp((nearest - distances) / width)
        return np.einsum(
            "nk,nkc->nc", weights / weights.sum(axis=1, keepdims=True), self.coordinates[indices]
        ).astype(np.float32)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The numbers that make up the basis, as rows."""
        return {**self.reduction.arrays, "training": self.training, "coordinates": self.coordinates}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], parameters: dict) -> "Manifold":
        """Read it from the output of `arrays`."""
        training, coordinates = (
            arrays[name].astype(np.float32) for name in ("training", "coordinates")
        )
        return cls(Linear.of(arrays, parameters), training, coordinates, parameters["neighbors"])


def umap(
    vectors: Float32[np.ndarray, "n D"], components: int, neighbors: int, seed: int
) -> tuple[Manifold, Variance]:
    """Lay out float32 tokens ``(n, D)``, n at least 10, in `components` dimensions; the variance is that of the reduction."""
    reduction, variance = pca(vectors, REDUCED)
    drawn = np.sort(np.random.RandomState(seed).permutation(len(vectors))[:LAID_OUT])
    training = reduction.transform(vectors[drawn])
    neighbors = min(neighbors, len(training) - 1)
    # Numba sets OpenMP's number of threads, which torch shares, for the thread that calls it first.
    with ThreadPoolExecutor(1) as apart:
        coordinates = apart.submit(_laid_out, training, components, neighbors, seed).result()
    return Manifold(reduction, training, coordinates, neighbors), variance


def version() -> str:
    """The library that lays tokens out: another one may place them differently."""
    return f"umap-learn {metadata.version('umap-learn')}"


def _laid_out(
    training: Float32[np.ndarray, "m r"], components: int, neighbors: int, seed: int
) -> Float32[np.ndarray, "m k"]:
    """UMAP's own steps on exact neighbors, from a start that is the same everywhere: the first principal components."""
    with warnings.catch_warnings(
        action="ignore", category=ImportWarning
    ):  # that TensorFlow is not there
        import umap.umap_ as learn
        from umap import layouts

    _keep_compiled(
        learn.smooth_knn_dist,
        learn.compute_membership_strengths,
        layouts._nb_optimize_layout_euclidean_single_epoch,
    )
    state = np.random.RandomState(seed)
    distances, indices = _nearest(training, training, neighbors)
    graph, *_ = learn.fuzzy_simplicial_set(
        training,
        neighbors,
        state,
        "euclidean",
        knn_indices=indices.astype(np.int32),
        knn_dists=distances.astype(np.float32),
    )
    curve = learn.find_ab_params(1.0, 0.1)
    start = _start(training, components, state)
    placed, _ = learn.simplicial_set_embedding(
        training,
        graph,
        components,
        1.0,
        *curve,
        1.0,
        5,
        EPOCHS,
        start,
        state,
        "euclidean",
        {},
        False,
        {},
        False,
    )
    return np.asarray(placed, np.float32)


def _keep_compiled(*functions: Any) -> None:
    """What Numba compiles of umap-learn, the next process reads from beside the library, or from the user's cache: twelve seconds of the processor."""
    for function in functions:
        with contextlib.suppress(RuntimeError):  # there is no folder that may be written
            function.enable_caching()


def _start(
    training: Float32[np.ndarray, "m r"], components: int, state: np.random.RandomState
) -> Float32[np.ndarray, "m k"]:
    """The first components scaled to an extent of 10, with a little noise, so that equal tokens can separate."""
    start = np.zeros((len(training), components), np.float32)
    start[:, : training.shape[1]] = training[:, :components]
    start *= INITIAL_EXTENT / max(float(np.abs(start).max()), 1e-12)
    return (start + state.normal(scale=1e-4, size=start.shape)).astype(np.float32)


def _nearest(
    among: Float32[np.ndarray, "m r"], wanted: Float32[np.ndarray, "n r"], count: int
) -> tuple[Float[np.ndarray, "n c"], Int[np.ndarray, "n c"]]:
    """Distances and indices ``(n, count)`` of the nearest rows of `among` to each row of `wanted`, exact."""
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=count, algorithm="brute").fit(among).kneighbors(wanted)
