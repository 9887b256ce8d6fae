"""The basis in which everything of one window is drawn: what was seen, predicted and is true have one color where they are alike."""

import numpy as np

FITTED = 2_048  # tokens, evenly spaced: more change the first components little


class ColorBasis:
    """The first three principal components of some tokens (N, D), and the colors in which tokens appear in it."""

    def __init__(self, tokens: np.ndarray) -> None:
        some = tokens[:: -(-len(tokens) // FITTED)].astype(np.float64)
        self._mean = some.mean(0)
        self._axes = _find_axes(some - self._mean)
        self._low, self._high = np.quantile(self.project(tokens), (0.02, 0.98), axis=0)

    def color(self, tokens: np.ndarray) -> np.ndarray:
        """(N, D) to (N, 3) in 0..255."""
        span = np.maximum(self._high - self._low, 1e-9)
        return np.clip((self.project(tokens) - self._low) / span, 0, 1) * 255

    def project(self, tokens: np.ndarray) -> np.ndarray:
        """(N, D) to (N, 3)."""
        return (tokens - self._mean) @ self._axes.T


def _find_axes(centered: np.ndarray) -> np.ndarray:
    """Three orthonormal axes (3, D), the widest first, from the smaller of the two matrices of products; each points to its largest component."""
    count, dim = centered.shape
    if count < dim:
        found = np.linalg.eigh(centered @ centered.T)[1][:, ::-1][:, :3].T @ centered
        axes = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    else:
        axes = np.linalg.eigh(centered.T @ centered)[1][:, ::-1][:, :3].T
    axes = np.concatenate([axes, np.zeros((3 - len(axes), dim))])
    largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)
    return axes * np.where(largest < 0, -1.0, 1.0)
