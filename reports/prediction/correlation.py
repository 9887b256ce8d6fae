"""Rank correlation of surprise with a control: over the slices of each video, and over videos. The unit is the video in both.

Within videos: Spearman's correlation over a video's slices, the mean over videos with its interval. Its chance level comes from shifting the
surprise of each video by a random number of slices, around its end, so that neighboring slices stay as alike as they are.
Between videos: of the videos' means; its interval is Fisher's, with the error of Bonett and Wright (2000), its chance level that of independent ranks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from tubelet.latent.nulls import none_if_nan
from tubelet.store.intervals import FEWEST, NORMAL, interval

SLICES_FEWEST = 4  # of a video: fewer hardly have an order
SHIFTS, SEED = 300, 20261129


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """One coefficient with its 95% interval, the range that chance gives in 95% of cases, and the videos that it rests on; None where unknown."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    chance_low: float | None = None
    chance_high: float | None = None
    videos: int = 0


def correlate_within(curves: Sequence[tuple[np.ndarray, np.ndarray]]) -> Correlation:
    """Pairs of curves, one per video: surprise and control by slice. Constant and short ones are left out."""
    ranked = [(_standardize(a), _standardize(b)) for a, b in curves if _can_be_ranked(a, b)]
    if not ranked:
        return Correlation()
    found = interval([float(a @ b) for a, b in ranked], -1 - 1e-9, 1 + 1e-9)
    low, high = _shift_all(ranked)
    return Correlation(
        value=found.mean,
        low=none_if_nan(found.low),
        high=none_if_nan(found.high),
        chance_low=low,
        chance_high=high,
        videos=len(ranked),
    )


def correlate_between(surprise: np.ndarray, control: np.ndarray) -> Correlation:
    """Correlate two numbers per video; nothing below five videos."""
    count = len(surprise)
    if count < FEWEST or not _can_be_ranked(surprise, control):
        return Correlation(videos=count)
    value = float(_standardize(surprise) @ _standardize(control))
    chance = min(1.0, NORMAL / math.sqrt(count - 1))
    bound = max(-1 + 1e-9, min(1 - 1e-9, value))
    width = NORMAL * math.sqrt((1 + value * value / 2) / (count - 3))
    low, high = (math.tanh(math.atanh(bound) + sign * width) for sign in (-1, 1))
    return Correlation(
        value=value, low=low, high=high, chance_low=-chance, chance_high=chance, videos=count
    )


def _can_be_ranked(a: np.ndarray, b: np.ndarray) -> bool:
    known = np.isfinite(a).all() and np.isfinite(b).all()
    return known and len(a) >= SLICES_FEWEST and np.ptp(a) > 0 and np.ptp(b) > 0


def _standardize(values: np.ndarray) -> np.ndarray:
    """Ranks with mean 0 and length 1: their product is Spearman's correlation."""
    ranks = stats.rankdata(values)
    centered = ranks - ranks.mean()
    return centered / np.linalg.norm(centered)


def _shift_all(ranked: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """The range of the mean in 95% of random shifts."""
    generator = np.random.default_rng(SEED)
    total = np.zeros(SHIFTS)
    for a, b in ranked:
        shifted = np.array([np.roll(a, by) @ b for by in range(len(a))])
        total += shifted[generator.integers(0, len(a), SHIFTS)]
    low, high = np.quantile(total / len(ranked), (0.025, 0.975))
    return float(low), float(high)
