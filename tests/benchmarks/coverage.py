"""How often intervals cover a simulated truth, as the tables of docs/sensitivity.md say: 3,000 means per figure, in brackets those of a percentile bootstrap."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from tests.benchmarks.measure import Row
from tubelet.store import intervals

REPEATED = 3000
COUNTS = 3, 5, 10, 40
RESAMPLES = 400
Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


def _strong(times: float) -> Draw:
    return lambda rng, shape: (
        rng.lognormal(-0.02, 0.2, shape) * np.where(rng.random(shape) < 0.1, times, 1)
    )


KINDS: Mapping[str, tuple[Draw, float]] = {
    "normal, spread 0.3 of the mean": (lambda rng, shape: np.abs(rng.normal(1, 0.3, shape)), 1.0),
    "lognormal, 0.3": (lambda rng, shape: rng.lognormal(0, 0.3, shape), np.exp(0.3**2 / 2)),
    "lognormal, 0.7": (lambda rng, shape: rng.lognormal(0, 0.7, shape), np.exp(0.7**2 / 2)),
    "lognormal, 1.0": (lambda rng, shape: rng.lognormal(0, 1.0, shape), np.exp(1.0**2 / 2)),
    "half normal": (lambda rng, shape: np.abs(rng.normal(0, 1, shape)), np.sqrt(2 / np.pi)),
    "shares near 1 (beta 9, 0.5)": (lambda rng, shape: rng.beta(9, 0.5, shape), 9 / 9.5),
    "one video in ten five times as strong": (_strong(5), 1.4),
    "one video in ten ten times as strong": (_strong(10), 1.9),
}


def rows() -> Iterator[Row]:
    for kind, (draw, truth) in KINDS.items():
        for count in COUNTS:
            values = draw(np.random.default_rng([count, 1]), (count, REPEATED))
            share = _share(*_ends(values, truth))
            resampled = _share(*_percentiles(values, truth))
            what = f"{kind}, {count} videos: intervals that cover the mean"
            yield Row(what, f"{share:.2f}", f"percentiles {resampled:.2f}", share, "0.95")


def _share(low: np.ndarray, truth: float, high: np.ndarray) -> float:
    return float(((low <= truth) & (truth <= high)).mean())


def _ends(values: np.ndarray, truth: float) -> tuple[np.ndarray, float, np.ndarray]:
    """The ends of the project's intervals of columns, with the truth between them: those of scores where videos are too few for a report."""
    if len(values) < intervals.FEWEST:
        found = [intervals.interval(column, 0) for column in values.T]
        return np.array([one.low for one in found]), truth, np.array([one.high for one in found])
    means = intervals.means(values, positive=True)
    return means.low, truth, means.high


def _percentiles(values: np.ndarray, truth: float) -> tuple[np.ndarray, float, np.ndarray]:
    """The ends of percentile intervals of columns, with the truth between them."""
    rng, count = np.random.default_rng(0), len(values)
    weights = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES) / count
    low, high = np.percentile(weights @ values, [2.5, 97.5], axis=0)
    return low, truth, high
