"""The shape of one place's states: how many directions they use, and how far apart they are."""

import numpy as np

from tubelet.array_types import Float


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
