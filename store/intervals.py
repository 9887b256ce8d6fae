"""Uncertainty: intervals of means over videos (or scenes, or groups of videos), of shares, and of the strongest of many.

The interval of a mean is the wider, end by end, of two that fail in different cases: Student's t, which holds from three values on but is
off to one side for skewed ones, and a studentized bootstrap, which follows the skew but knows only the values that were seen.
Of a quantity that cannot be negative both lower ends are taken on the logarithmic scale, so that none lies below 0.

Coverage is simulated in `tests/store/test_intervals.py`. No interval of a mean holds where a rare video carries most of it: with one
strong video in ten, five videos contain none in six samples of ten.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

RESAMPLES, BLOCK = 1000, 100
COUNTED = 32768  # draws counted at once: they fit in a processor's cache
FEWEST = 5  # videos; below it resamples repeat each other, and a report gives no interval, no test and no agreement
FEWEST_SCORES = 2  # below it nothing says how far scores vary
LEVEL = 0.95
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
NORMAL = 1.959963984540054  # standard deviations
SEED = 20261121
ANGLES = 200_001
MANY = 1_000_000  # units of which Student's t is the normal distribution
SMALLEST = 1e-6  # standard errors below this part of the mean are rounding


@dataclass(frozen=True)
class Estimates:
    """Estimates ``(D,)`` with the ends of their 95% intervals; NaN where there is none."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __post_init__(self) -> None:
        if not self.value.shape == self.low.shape == self.high.shape:
            raise ValueError(f"{self.value.shape = }, {self.low.shape = }, {self.high.shape = }")


@dataclass(frozen=True)
class Interval:
    """`mean` of `count` scores and its 95% interval; no interval (NaN) for a single score, no mean without one."""

    mean: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        if not self.count:
            return "none"
        return (
            f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"
            if np.isfinite(self.low)
            else f"{self.mean:.3f} (one score: no interval)"
        )


@dataclass(frozen=True)
class Spread:
    """Summary of columns ``(D,)``: mean, standard error as in resamples, the same as for Student's t, and values that count."""

    mean: np.ndarray
    error: np.ndarray
    student_error: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, weights: np.ndarray) -> "Spread":
        total, used = weights.sum(0, dtype=np.float64), (weights > 0).sum(0)
        known = np.where(weights > 0, values, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (known * weights).sum(0, dtype=np.float64) / total
            error = (
                np.sqrt(
                    np.einsum(
                        "vd,vd->d",
                        weights,
                        np.where(weights > 0, known - mean, 0) ** 2,
                        dtype=np.float64,
                    )
                )
                / total
            )
            return cls(mean, error, error * np.sqrt(used / np.maximum(used - 1, 0)), used)


def interval(scores: Sequence[float], lowest: float = -np.inf, highest: float = np.inf) -> Interval:
    """The mean of scores and its interval, both within `lowest` and `highest`; the same in every run. Raises ValueError for scores beyond those."""
    values = np.asarray(scores, np.float64).reshape(-1, 1)
    if (values < lowest).any() or (values > highest).any():
        raise ValueError(
            f"scores from {values.min():.3g} to {values.max():.3g} are not within {lowest:g} and {highest:g}"
        )
    if len(values) < FEWEST_SCORES:
        return Interval(
            float(values.mean()) if len(values) else np.nan, np.nan, np.nan, len(values)
        )
    if np.isfinite([lowest, highest]).all() and values.min() == values.max() in (lowest, highest):
        return _of_equal(float(values[0, 0]), len(values), (lowest, highest))
    found = means(values, positive=lowest == 0 and highest == np.inf, fewest=FEWEST_SCORES)
    low, high = np.clip([found.low[0], found.high[0]], lowest, highest)
    return Interval(float(found.value[0]), float(low), float(high), len(values))


def _of_equal(value: float, number: int, ends: tuple[float, float]) -> Interval:
    """The interval of scores that all are the best, or the worst, that there is: that none differed does not mean that none will."""
    lowest, highest = ends
    _, low, high = share(number if value == highest else 0, number)
    width = highest - lowest
    return Interval(value, lowest + low * width, lowest + high * width, number)


def means(
    values: np.ndarray,
    weights: np.ndarray | None = None,
    positive: bool = False,
    fewest: int = FEWEST,
    seed: int = SEED,
) -> Estimates:
    """Means over videos of ``(V, D)`` with 95% intervals. NaN is ignored; `weights` ``(V, D)`` of the others default to 1.

    `positive`: no value can be below 0, and no end is. A column of fewer than `fewest` values has no interval.
    """
    weights = _weights(values, weights)
    spread = Spread.of(values, weights)
    low, high = student_ends(spread, TAILS, positive)
    if len(values) >= FEWEST:
        centered = np.where(weights > 0, values - spread.mean, 0).astype(np.float32)
        boot_low, boot_high = _bootstrap_ends(centered, weights, spread, positive, seed)
        low, high = np.fmin(low, boot_low), np.fmax(high, boot_high)
    few = spread.values < fewest
    return Estimates(spread.mean, np.where(few, np.nan, low), np.where(few, np.nan, high))


def ratio(above: np.ndarray, below: np.ndarray) -> Interval:
    """Sums of `above` over sums of `below`, one number of each per unit ``(U,)``; no interval (NaN) below five units, no value where `below` adds up to 0."""
    value, parts = linearize(above, below)
    found = means(parts[:, None])
    return Interval(value, float(found.low[0]), float(found.high[0]), len(parts))


def linearize(above: np.ndarray, below: np.ndarray) -> tuple[float, np.ndarray]:
    """A ratio of sums, and numbers per unit whose mean it is and which vary as it does, to first order: what `means` says of them holds for it."""
    mean = below.mean() if len(below) else np.nan
    if not mean:
        return np.nan, np.full(len(below), np.nan)
    value = above.mean() / mean
    return float(value), value + (above - value * below) / mean


def strongest(
    values: np.ndarray, weights: np.ndarray | None = None, found: Estimates | None = None
) -> tuple[int, float, float] | None:
    """The column of ``(V, D)`` with the largest mean, and a 95% interval that accounts for that selection; None below five videos.

    Values cannot be below 0; `found` are their `means`, where these are known. The largest of many means is large by chance, too, so its
    lower end is that of Student's t at the level of all columns together (Bonferroni): whichever column is chosen, the interval holds.
    Chance never makes the largest too small, so the upper end is that of the column alone.
    """
    weights = _weights(values, weights)
    spread = Spread.of(values, weights)
    enough = np.isfinite(spread.mean) & (spread.values >= FEWEST)
    if not enough.any():
        return None
    at = int(np.argmax(np.where(enough, spread.mean, -np.inf)))
    one = slice(at, at + 1)
    alone = (
        means(values[:, one], weights[:, one], positive=True)
        if found is None
        else Estimates(found.value[one], found.low[one], found.high[one])
    )
    column = Spread(
        *(getattr(spread, name)[one] for name in ("mean", "error", "student_error", "values"))
    )
    low, _ = student_ends(column, (TAILS[0] / enough.sum(), TAILS[1]), positive=True)
    return at, float(min(low[0], alone.low[0])), float(alone.high[0])


def lower_for_choice(
    found: tuple[float, float], units: int, choices: int, shares: bool = False
) -> float:
    """The lower end of the best of several figures, whose value and own lower end are `found`, with the choice among them taken into account.

    As in `strongest`, but from what is kept of a figure: the end lies as much further below as Student's t at the level of all choices together
    lies beyond its own; of shares no higher than Wilson's at that level, as t is too narrow near 1.
    """
    value, low = found
    if choices < 2 or units < FEWEST_SCORES or not math.isfinite(low):
        return low
    tail = 1 - TAILS[0] / choices
    widened = value - (value - low) * student(units - 1, tail) / student(units - 1, TAILS[1])
    if not shares:
        return widened
    return max(0.0, min(widened, _wilson(value, units, student(MANY, tail))[0]))


def student_ends(
    spread: Spread, tails: tuple[float, float], positive: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of Student's t interval of columns ``(D,)``, on the logarithmic scale where no value can be negative."""
    quantiles = np.full((2, len(spread.mean)), np.nan)
    for count in np.unique(spread.values[spread.values > 1]):
        quantiles[:, spread.values == count] = [[student(int(count) - 1, tail)] for tail in tails]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if not positive:
            return tuple(spread.mean + q * spread.student_error for q in quantiles)
        relative = np.where(spread.mean > 0, spread.student_error / spread.mean, 0)
        return tuple(spread.mean * np.exp(q * relative) for q in quantiles)


@cache
def student(freedom: int, tail: float) -> float:
    """The quantile of Student's t distribution: with t = sqrt(freedom) tan(angle) its density is cos(angle) ** (freedom - 1)."""
    if tail < 0.5:
        return -student(freedom, 1 - tail)
    widest = math.pi / 2 if freedom < 1000 else 40 / math.sqrt(freedom)
    angle = np.linspace(0, widest, ANGLES)
    density = np.cos(angle) ** (freedom - 1)
    beyond = np.concatenate(
        [np.cumsum(((density[1:] + density[:-1]) / 2)[::-1])[::-1], [0]]
    )  # no sum loses the far tail in the near one
    return float(
        math.sqrt(freedom) * math.tan(np.interp(-2 * (1 - tail), -beyond / beyond[0], angle))
    )


def counts(videos: int, resamples: int = RESAMPLES, seed: int = SEED) -> Iterator[np.ndarray]:
    """Blocks ``(up to 100, V)`` of how often each video is drawn in a resample of as many videos, with replacement."""
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, BLOCK):
        block = min(BLOCK, resamples - start)
        drawn = rng.integers(0, videos, (block, videos), np.int32)
        rows = max(1, COUNTED // videos)
        pieces = (_count_drawn(drawn[at : at + rows], videos) for at in range(0, block, rows))
        yield np.concatenate(list(pieces))


def _count_drawn(drawn: np.ndarray, videos: int) -> np.ndarray:
    """How often each video is in each row of numbers of videos ``(n, V)``."""
    cells = drawn + np.arange(len(drawn))[:, None] * videos
    counted = np.bincount(cells.ravel(), minlength=drawn.size)
    return counted.reshape(drawn.shape).astype(np.float32)


def medians(values: np.ndarray, resamples: int = 400, seed: int = SEED) -> np.ndarray:
    """Medians of resampled videos, ``(resamples, D)`` of ``(V, D)``; all columns of a resample come from the same videos.

    The lower median: the smallest value that at least half of the drawn videos do not exceed.
    """
    order = np.argsort(values, axis=0)
    ordered, found = np.take_along_axis(values, order, 0), []
    for drawn in counts(len(values), resamples, seed):
        half = [
            (np.cumsum(drawn[:, order[:, d]], axis=1) < len(values) / 2).sum(1)
            for d in range(values.shape[1])
        ]
        found.append(np.stack([ordered[at, d] for d, at in enumerate(half)], 1))
    return np.concatenate(found)


def share(hits: int, of: int) -> tuple[float, float, float]:
    """A share and Wilson's 95% interval."""
    return hits / of, *_wilson(hits / of, of, NORMAL)


def _wilson(part: float, of: int, z: float) -> tuple[float, float]:
    """Both ends of Wilson's interval of a share, `z` standard deviations wide to either side."""
    center, width = (
        part + z * z / 2 / of,
        z * math.sqrt(part * (1 - part) / of + z * z / 4 / of / of),
    )
    return (
        max(0.0, (center - width) / (1 + z * z / of)),
        min(1.0, (center + width) / (1 + z * z / of)),
    )


def _weights(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    known = np.isfinite(values)
    return (
        known.astype(np.float32)
        if weights is None
        else np.where(known, weights, 0).astype(np.float32)
    )


def _bootstrap_ends(
    centered: np.ndarray, weights: np.ndarray, spread: Spread, positive: bool, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the studentized bootstrap; the upper one always on the plain scale, as the logarithmic one has no bound for a rare video."""
    scores, logarithms = _scores(centered, weights, spread.mean if positive else None, seed)
    high = spread.mean - np.quantile(scores, TAILS[0], axis=0) * spread.error
    if logarithms is None:
        return spread.mean - np.quantile(scores, TAILS[1], axis=0) * spread.error, high
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        relative = np.where(spread.mean > 0, spread.error / spread.mean, 0)
        return spread.mean * np.exp(-np.quantile(logarithms, TAILS[1], axis=0) * relative), high


def _scores(
    centered: np.ndarray, weights: np.ndarray, level: np.ndarray | None, seed: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """(mean of a resample - mean) / standard error of the resample, ``(resamples, D)``; 0 where nothing varies.

    The same of the logarithm of the mean, where the means ``(D,)`` are given as `level`.
    """
    squares, partial = centered**2 * weights, np.flatnonzero((weights != 1).any(0))
    weighted, plain, logarithmic = centered * weights, [], []
    for drawn in counts(len(centered), seed=seed):
        total = np.full((len(drawn), centered.shape[1]), len(centered), np.float32)
        total[:, partial] = np.maximum(drawn @ weights[:, partial], 1e-6)
        mean = (drawn @ weighted) / total
        error = np.sqrt(np.maximum((drawn @ squares) / total - mean**2, 0) / total)
        plain.append(
            np.divide(mean, error, out=np.zeros_like(mean), where=error > SMALLEST * np.abs(mean))
        )
        if level is not None:
            with np.errstate(invalid="ignore", divide="ignore"):
                ratio = np.maximum(mean / np.maximum(level, 1e-30), -1 + 1e-6).astype(np.float32)
            stretch = np.divide(
                np.log1p(ratio) * (1 + ratio),
                ratio,
                out=np.ones_like(ratio),
                where=np.abs(ratio) > 1e-4,
            )
            logarithmic.append(plain[-1] * stretch)
    return np.concatenate(plain), np.concatenate(logarithmic) if level is not None else None
