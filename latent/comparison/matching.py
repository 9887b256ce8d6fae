"""Intervals that overlap: the cells of one grid averaged over a cell of another, along time, height or width."""

import numpy as np

from tubelet.array_types import Float64

LEAST = 0.5  # of a cell must be covered, or there is nothing to compare there


def measure_cover(
    low: np.ndarray | float, high: np.ndarray | float, start: float, stop: float
) -> np.ndarray:
    """Which part of ``[start, stop)`` lies within each interval ``[low, high)``."""
    return np.maximum(np.minimum(high, stop) - np.maximum(low, start), 0) / (stop - start)


def overlap_weights(
    low: float, high: float, cells: int, span: tuple[float, float]
) -> Float64[np.ndarray, " n"]:
    """Weights ``(cells,)`` that sum to 1: how much of the span each of the equal cells of ``[low, high)`` covers; all 0 where none does."""
    edges = np.linspace(low, high, cells + 1)
    found = measure_cover(edges[:-1], edges[1:], *span)
    found[found < 1e-6] = 0  # edges that differ in rounding alone
    return found / found.sum() if found.sum() else found
