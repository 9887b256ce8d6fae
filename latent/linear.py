"""Linear projections: principal components, and plain dimensions.

Sign convention: each principal component points where its entry of largest absolute value is positive (the first of equals).
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse.linalg

from tubelet.array_types import Float, Float32, Float64

BLOCK = (
    2304  # tokens a product: float32 inside, float64 across, so that long sums keep their digits
)
FEW = 32  # times as many dimensions as components: then Lanczos is quicker than all eigenvectors


@dataclass(frozen=True)
class Linear:
    """Coordinates ``(x - mean) @ components.T``; `mean` float32 ``(D,)``, `components` float32 ``(k, D)`` of unit length."""

    mean: Float32[np.ndarray, " D"]
    components: Float32[np.ndarray, "k D"]

    def transform(self, vectors: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, "n k"]:
        """Prepared tokens ``(n, D)`` to coordinates ``(n, k)``, float32."""
        return (vectors - self.mean) @ self.components.T

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The numbers that make up the basis, as rows."""
        return {"mean": self.mean[None], "component": self.components}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], parameters: dict) -> "Linear":
        """Read it from the output of `arrays`."""
        return cls(arrays["mean"][0].astype(np.float32), arrays["component"].astype(np.float32))


@dataclass(frozen=True)
class Variance:
    """Sample variances (divided by n - 1) of each component ``(k,)``, and of all dimensions together."""

    explained: Float[np.ndarray, " k"]
    total: float


def pca(vectors: Float32[np.ndarray, "n D"], components: int) -> tuple[Linear, Variance]:
    """The first principal components of float32 tokens ``(n, D)``, n at least 2; fewer if there are not as many as requested."""
    count, dim = vectors.shape
    kept = min(components, count - 1, dim)
    mean = vectors.mean(axis=0, dtype=np.float64)
    scatter = _scatter(vectors, mean.astype(np.float32))
    values, axes = _leading(scatter, kept)
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(kept)])
    variance = Variance(np.maximum(values, 0) / (count - 1), float(np.trace(scatter)) / (count - 1))
    return Linear(
        mean.astype(np.float32), np.ascontiguousarray((axes * signs).T, np.float32)
    ), variance


def dimensions(numbers: tuple[int, ...], dim: int) -> Linear:
    """Plain dimensions d_i, d_j, ... as a projection."""
    components = np.zeros((len(numbers), dim), np.float32)
    components[np.arange(len(numbers)), numbers] = 1
    return Linear(np.zeros(dim, np.float32), components)


def _scatter(
    vectors: Float32[np.ndarray, "n D"], mean: Float32[np.ndarray, " D"]
) -> Float64[np.ndarray, "D D"]:
    """Sum of outer products of centered tokens, float64 ``(D, D)``."""
    total = np.zeros((vectors.shape[1],) * 2)
    for start in range(0, len(vectors), BLOCK):
        centered = vectors[start : start + BLOCK] - mean
        total += centered.T @ centered
    return total


def _leading(
    scatter: Float64[np.ndarray, "D D"], count: int
) -> tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, "D k"]]:
    """Largest eigenvalues ``(count,)``, falling, and their eigenvectors ``(D, count)``."""
    dim = len(scatter)
    if count * FEW <= dim and np.trace(scatter) > 0:
        start = np.random.RandomState(0).standard_normal(dim)
        values, axes = scipy.sparse.linalg.eigsh(scatter, count, v0=start)
    else:
        values, axes = scipy.linalg.eigh(scatter, subset_by_index=[dim - count, dim - 1])
    order = np.argsort(-values, kind="stable")
    return values[order], axes[:, order]
