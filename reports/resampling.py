"""How sure: intervals over videos by resampling them, and shares with their intervals.

A mean's interval is a studentised bootstrap (bootstrap-t): the mean of each resample, measured in its own standard error.
It covers 95% from five videos on, skewed values included, where a percentile interval of five videos covers 80 to 85%.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

RESAMPLES, BLOCK = 1000, 100
FEWEST = 5  # videos; below it resamples repeat each other: no interval, no test and no agreement is given
LEVEL = 0.95
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
SEED = 20261121


@dataclass(frozen=True)
class Estimates:
    """Estimates ``(D,)`` with the ends of their 95% intervals; NaN where there is none."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __post_init__(self) -> None:
        if not self.value.shape == self.low.shape == self.high.shape:
            raise ValueError(f"{self.value.shape = }, {self.low.shape = }, {self.high.shape = }")


def counts(videos: int, resamples: int = RESAMPLES, seed: int = SEED) -> Iterator[np.ndarray]:
    """Blocks ``(up to 100, V)`` of how often each video is drawn in a resample of as many videos, with replacement."""
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, BLOCK):
        block = min(BLOCK, resamples - start)
        drawn = rng.integers(0, videos, (block, videos)) + np.arange(block)[:, None] * videos
        yield np.bincount(drawn.ravel(), minlength=block * videos).reshape(block, videos).astype(np.float32)


def means(values: np.ndarray, weights: np.ndarray | None = None, seed: int = SEED) -> Estimates:
    """Means over videos of ``(V, D)`` with bootstrap-t intervals. NaN counts for nothing; `weights` ``(V, D)`` of the others default to 1.

    Fewer than five videos, or a column of fewer, have no interval.
    """
    weights = np.isfinite(values).astype(np.float32) if weights is None else np.where(np.isfinite(values), weights, 0).astype(np.float32)
    total = weights.sum(0, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        mean = np.nansum(values * weights, axis=0, dtype=np.float64) / total
    centered = np.where(weights > 0, values - mean, 0).astype(np.float32)
    scored = np.quantile(_scores(centered, weights, seed), TAILS, axis=0) if len(values) >= FEWEST else np.full((2, values.shape[1]), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(np.einsum("vd,vd->d", weights, centered**2) / total / total)
    scored = np.where((weights > 0).sum(0) >= FEWEST, scored, np.nan)
    return Estimates(mean, mean - scored[1] * error, mean - scored[0] * error)


def _scores(centered: np.ndarray, weights: np.ndarray, seed: int) -> np.ndarray:
    """(mean of a resample - mean) / standard error of the resample, ``(resamples, D)``; 0 where nothing varies."""
    squares, partial = centered**2 * weights, np.flatnonzero((weights != 1).any(0))
    weighted, scores = centered * weights, []
    for drawn in counts(len(centered), seed=seed):
        total = np.full((len(drawn), centered.shape[1]), len(centered), np.float32)
        total[:, partial] = np.maximum(drawn @ weights[:, partial], 1e-6)
        mean = (drawn @ weighted) / total
        error = np.sqrt(np.maximum((drawn @ squares) / total - mean**2, 0) / total)
        scores.append(np.divide(mean, error, out=np.zeros_like(mean), where=error > 1e-6 * np.abs(mean)))
    return np.concatenate(scores)


def medians(values: np.ndarray, resamples: int = 400, seed: int = SEED) -> np.ndarray:
    """Medians of resampled videos, ``(resamples, D)`` of ``(V, D)``; all columns of a resample come from the same videos.

    The lower median: the smallest value that at least half of the drawn videos do not exceed.
    """
    order = np.argsort(values, axis=0)
    ordered, found = np.take_along_axis(values, order, 0), []
    for drawn in counts(len(values), resamples, seed):
        half = [(np.cumsum(drawn[:, order[:, d]], axis=1) < len(values) / 2).sum(1) for d in range(values.shape[1])]
        found.append(np.stack([ordered[at, d] for d, at in enumerate(half)], 1))
    return np.concatenate(found)


def share(hits: int, of: int) -> tuple[float, float, float]:
    """A share and Wilson's 95% interval."""
    interval = stats.binomtest(hits, of).proportion_ci(LEVEL, method="wilson")
    return hits / of, float(interval.low), float(interval.high)
