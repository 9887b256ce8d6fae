"""A mean over scenes or videos, with the interval that 95 % of resamples of them give."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """`mean` of `count` scores, between `low` and `high` in 95 % of resamples; all NaN where there is no score."""

    mean: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})" if self.count else "none"


def interval(scores: Sequence[float]) -> Interval:
    """Bootstrap over the scores, always with the same resamples, so that a rerun gives the same figures."""
    values = np.asarray(scores, np.float64)
    if not len(values):
        return Interval(np.nan, np.nan, np.nan, 0)
    chosen = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(values[chosen].mean(1), [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high), len(values))
