"""The shape of one place's states: how many directions they use, and how far apart they are."""

import numpy as np

from tubelet.array_types import Float
from tubelet.store.intervals import Estimates, means


def effective_rank(
    own: Float[np.ndarray, "*s p"], lengths: Float[np.ndarray, "*s p"], units: int
) -> Float[np.ndarray, "*s p"]:
    """Participation ratio: the squared sum of the variances along all directions over the sum of their squares.

    `own` are the sums of products of U-centered matrices with themselves, so that the ratio is not held down by the number of units;
    `lengths` the sums of squared distances from the mean.
    """
    squares = own / (units * (units - 3))
    variance = lengths / (units - 1)
    return np.where(squares > 0, variance**2 / np.where(squares > 0, squares, 1), np.nan)


def estimate_ranks(own: Float[np.ndarray, "n p"], lengths: Float[np.ndarray, "n p"]) -> Estimates:
    """The effective rank of each place with its 95% interval, from what every unit adds to the sums; NaN where there is none.

    The interval is that of the logarithm, of which each unit changes a part to first order: a rank is a ratio whose denominator few units
    know badly, so that resamples of it are too alike. They make the ratio too large, too, by what `_measure_excess` says: the lower end is lower by that.
    """
    units = len(own)
    value = effective_rank(own.sum(axis=0), lengths.sum(axis=0), units)
    known = value > 0
    of_squares = _relate(own, known)
    of_variance = _relate(lengths, known)
    parts = np.log(np.where(known, value, np.nan)) + 2 * of_variance - 2 * of_squares
    ends = means(parts)
    with np.errstate(over="ignore"):
        low = np.exp(ends.low - _measure_excess(of_squares, of_variance))
        return Estimates(value, np.maximum(low, np.minimum(1, value)), np.exp(ends.high))


def _relate(parts: Float[np.ndarray, "n p"], known: np.ndarray) -> Float[np.ndarray, "n p"]:
    """How far each unit's part is from the mean, relative to it."""
    mean = np.where(known, parts.mean(axis=0), 1)
    return parts / mean - 1


def _measure_excess(
    squares: Float[np.ndarray, "n p"], variance: Float[np.ndarray, "n p"]
) -> Float[np.ndarray, " p"]:
    """By how much the logarithm of the ratio is too large on average, to second order."""
    spread = [
        np.square(part).sum(axis=0) / (len(part) - 1) / len(part) for part in (squares, variance)
    ]
    return np.maximum(2 * spread[0] - spread[1], 0)


def measure_lengths(
    states: Float[np.ndarray, "m n D"],
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Measure, for each unit, the squared distance from the mean and the squared length over its moments."""
    mean = states.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    centered = states - mean
    return tuple(
        np.einsum("mnd,mnd->n", x, x, dtype=np.float64) / len(states) for x in (centered, states)
    )


def measure_spread(distance: float, length: float) -> float:
    """The share of the squared lengths that is distance from the mean: 0 where all states are one vector, 1 where their mean is 0."""
    return distance / length if length > 0 else float("nan")
