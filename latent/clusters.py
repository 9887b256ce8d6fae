"""k-means clusters: each token belongs to the nearest center. Cluster 0 is the largest of the fit, cluster 1 the second largest, and so on."""

import warnings
from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Float32

STARTS = 3
ROUNDS = 100


@dataclass(frozen=True)
class Clusters:
    """Cluster centers, float32 ``(k, D)``."""

    centers: Float32[np.ndarray, "k D"]

    def transform(self, vectors: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, "n 1"]:
        """Prepared tokens ``(n, D)`` to the numbers of their clusters, float32 ``(n, 1)``; NaN where a token is not finite."""
        scores = vectors @ self.centers.T - self.offsets
        return np.where(np.isfinite(scores).all(axis=1), scores.argmax(axis=1), np.nan).astype(
            np.float32
        )[:, None]

    @property
    def offsets(self) -> Float32[np.ndarray, " k"]:
        """Half the squared length of each center: the nearest center has the largest product with a token less this."""
        return np.einsum("kd,kd->k", self.centers, self.centers) / 2

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The numbers that make up the basis, as rows."""
        return {"center": self.centers}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], parameters: dict) -> "Clusters":
        """Read it from the output of `arrays`."""
        return cls(arrays["center"].astype(np.float32))


def kmeans(vectors: Float32[np.ndarray, "n D"], clusters: int, seed: int) -> Clusters:
    """Centers of at most `clusters` clusters of float32 tokens ``(n, D)``: the best of three starts; fewer where fewer tokens differ."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        fitted = KMeans(
            min(clusters, len(vectors)), n_init=STARTS, max_iter=ROUNDS, random_state=seed
        ).fit(vectors)
    sizes = np.bincount(fitted.labels_, minlength=len(fitted.cluster_centers_))
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    return Clusters(fitted.cluster_centers_[order].astype(np.float32))
