"""Intervals over resampled units: each figure again, from units drawn with replacement.

A unit that is drawn twice would be its own nearest neighbor and its own perfect match. So what it adds to a sum of products is counted
twice instead, to first order: products between two units weigh as both do.
"""

from collections.abc import Callable

import numpy as np

from tubelet.store.intervals import TAILS, counts

Ends = tuple[np.ndarray, np.ndarray]


def resample_products(products: np.ndarray, figure: Callable[[np.ndarray], np.ndarray]) -> Ends:
    """The ends of the 95% interval of a figure of sums of products ``(p, ...)``, from the part of each unit ``(n, p, ...)``."""
    units, flat = len(products), products.reshape(len(products), -1).astype(np.float64)
    total = flat.sum(axis=0)
    found = [
        figure((total + 2 * (drawn - 1) @ flat).reshape(-1, *products.shape[1:]))
        for drawn in counts(units)
    ]
    return find_ends(np.concatenate(found))


def find_ends(drawn: np.ndarray) -> Ends:
    """Find the ends of the interval from resamples ``(r, ...)``; NaN where more than a tenth of them give no figure."""
    few = np.isfinite(drawn).mean(axis=0) < 0.9
    known = np.where(few, 0, drawn)
    quantile = (
        np.quantile if np.isfinite(known).all() else np.nanquantile
    )  # which takes a column at a time
    low, high = np.where(few, np.nan, quantile(known, TAILS, axis=0))
    return low, high
