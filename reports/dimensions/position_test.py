"""Does a dimension depend on the position of the slice in the window? A sign-flip test whose unit is the video, or its group.

A profile is a unit's mean at each slice minus its mean over all slices. Where the position means nothing, a profile is as likely as its
negative, and profiles of different units are independent. The statistic is the sum of the products of the profiles of all pairs of units: 0 on
average under random signs. Signs belong to whole profiles, so neighboring slices that resemble each other do not count as
independent. The p-value is the tail of a Pearson type III distribution with the exact mean, variance and third moment of
the statistic over all signs, and never below the share of the observed signs and their negatives.
"""

import numpy as np
from scipy import stats

from tubelet.store.intervals import FEWEST

Q = 0.01  # false discovery rate among the dimensions that are named


def cross_products(profiles: np.ndarray) -> np.ndarray:
    """Sum over ordered pairs of different units of the products of their profiles, ``(U, S, D)`` -> ``(D,)``."""
    return (profiles.sum(0) ** 2).sum(0) - (profiles**2).sum((0, 1))


def position_p(profiles: np.ndarray) -> np.ndarray:
    """P-values ``(D,)`` of profiles ``(U, S, D)``; NaN for fewer than five units or two slices."""
    units, slices, dims = profiles.shape
    if units < FEWEST or slices < 2:
        return np.full(dims, np.nan)
    spread, skew = _sign_moments(profiles)
    with np.errstate(invalid="ignore", divide="ignore"):
        score = np.where(spread > 0, cross_products(profiles) / spread, 0.0)
    p = np.where(spread > 0, stats.pearson3.sf(score, np.clip(skew, 1e-4, None)), 1.0)
    return np.clip(p, smallest_p(units), 1.0)


def smallest_p(units: int) -> float:
    """The smallest p-value that so many units can give: two of all their signs give the observed value."""
    return float(2.0 ** (1 - units))


def units_needed(dims: int) -> int:
    """Units that a single one of so many dimensions needs to be named."""
    return max(FEWEST, int(np.ceil(1 + np.log2(dims / Q) + 1e-9)))


def _sign_moments(profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviation and skewness ``(D,)`` of the statistic over random signs: 2 tr(M^2) and 8 tr(M^3), M the products without diagonal."""
    own = (profiles**2).sum(1)  # (U, D)
    by_dim = np.ascontiguousarray(profiles.transpose(2, 0, 1))  # (D, U, S)
    gram = by_dim.transpose(0, 2, 1) @ by_dim  # (D, S, S)
    weighted = ((by_dim @ gram) * by_dim).sum(2).T  # (U, D): diagonal of the squared products
    second = (gram**2).sum((1, 2)) - (own**2).sum(0)
    third = (
        np.einsum("dij,dji->d", gram @ gram, gram)
        - 3 * (own * weighted).sum(0)
        + 2 * (own**3).sum(0)
    )
    spread = np.sqrt(2 * np.where(second > 1e-12 * (own.sum(0) ** 2), second, 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return spread, np.where(spread > 0, 8 * third / spread**3, 0.0)
