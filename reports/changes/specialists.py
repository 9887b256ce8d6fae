"""Which dimensions react to one change alone? A paired test whose unit is the video (or its group), over the whole matrix of dimensions and changes.

A reaction counts relative to that of the median dimension of the same video under the same change, on the logarithmic scale: what makes a video
or a change react strongly as a whole cancels. A dimension is a specialist of a change if it reacts more than 1.5 times as strongly as the median
dimension, and more than 1.5 times as strongly as it does itself to every other change. Strengths of one change do not count against
each other. The p-value of a cell is the largest of those comparisons (an intersection-union test), each the upper tail of Student's t, and never
below the share of the signs that are all positive, so that few videos cannot name anything. Benjamini and Hochberg's procedure over all cells of
the matrix together bounds the false discoveries; cells of one video are not independent: the bound is proven for independence and held in
simulation for this case (tests).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from tubelet.store.intervals import FEWEST

Q = 0.01  # false discovery rate over the whole matrix
TIMES = 1.5  # how far above the median dimension, and above itself under every other change
FLOOR = 0.01  # of the median dimension: weaker reactions count as this


@dataclass(frozen=True, kw_only=True)
class Specialists:
    """For each change and dimension ``(C, D)``: `times` the median dimension's reaction (geometric mean over units), `p` and `q`.

    `units`: the videos or groups that were measured under every one of the changes `tested` ``(C,)``; a change that is not tested has NaN.
    """

    times: np.ndarray
    p: np.ndarray
    q: np.ndarray
    tested: np.ndarray
    units: np.ndarray

    @property
    def named(self) -> np.ndarray:
        """Which cells are specialists ``(C, D)``."""
        return np.nan_to_num(self.q, nan=1.0) < Q


def relate_to_median(values: np.ndarray) -> np.ndarray:
    """Logarithms of reactions ``(C, U, D)`` over that of the median dimension; NaN where a dimension is unknown, or half of them do not react."""
    with np.errstate(invalid="ignore", divide="ignore"):
        level = _median(values)
        relative = values / np.where(level > 0, level, np.nan)[..., None]
        return np.log(np.maximum(relative, FLOOR))


def _median(values: np.ndarray) -> np.ndarray:
    """Median over the last axis of what is known; NaN where nothing is."""
    ordered = np.sort(values, axis=-1)  # NaN last
    known = np.isfinite(values).sum(-1)[..., None]
    ends = [np.take_along_axis(ordered, np.maximum(at, 0), -1) for at in ((known - 1) // 2, known // 2)]  # fmt: skip
    return np.where(known[..., 0] > 0, (ends[0] + ends[1])[..., 0] / 2, np.nan)


def find_specialists(values: np.ndarray, names: Sequence[str]) -> Specialists:
    """The test over reactions ``(C, U, D)``, NaN where not measured; `names` of the changes, the same for strengths of one."""
    logs = relate_to_median(values)
    measured = np.isfinite(logs).any(-1)  # (C, U)
    tested = choose_tested(measured)
    units = measured[tested].all(0) if tested.any() else np.zeros(values.shape[1], bool)
    p = np.full(logs[:, 0].shape, np.nan)
    kept = [name for name, used in zip(names, tested) if used]
    if units.sum() >= FEWEST and len(set(kept)) > 1:
        p[tested] = compare_changes(logs[tested][:, units], kept)
    return Specialists(
        times=np.exp(_means_over_units(logs)),
        p=p,
        q=control_matrix(p),
        tested=tested,
        units=units,
    )


def choose_tested(measured: np.ndarray) -> np.ndarray:
    """Changes ``(C,)`` measured in at least half as many units as the one of the most: one that few units have would leave few to compare."""
    counted = measured.sum(1)
    return (counted > 0) & (2 * counted >= counted.max(initial=0))


def compare_changes(logs: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """P-values ``(C, D)`` of logarithms ``(C, U, D)`` without missing units; NaN for a dimension that is unknown in one of them."""
    count, units, _ = logs.shape
    mean = logs.mean(1)  # (C, D)
    away = np.ascontiguousarray((logs - mean[:, None]).transpose(2, 0, 1), np.float64)  # (D, C, U)
    shared = away @ away.transpose(0, 2, 1) / (units - 1)  # (D, C, C)
    own = np.einsum("dcc->cd", shared)
    worst = _upper_tail(mean, own, units)  # against the median dimension
    for c in range(count):
        for k in range(count):
            if names[k] != names[c]:
                spread = own[c] + own[k] - 2 * shared[:, c, k]
                worst[c] = np.maximum(worst[c], _upper_tail(mean[c] - mean[k], spread, units))
    return np.where(np.isfinite(mean).all(0), np.maximum(worst, smallest_p(units)), np.nan)


def _upper_tail(difference: np.ndarray, variance: np.ndarray, units: int) -> np.ndarray:
    """P-values of a mean difference of logarithms being at most log 1.5."""
    error = np.sqrt(np.maximum(variance, 1e-18) / units)
    return stats.t.sf((difference - np.log(TIMES)) / error, units - 1)


def control_matrix(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's q-values over all cells; NaN where there is no test."""
    q, known = np.full(p.shape, np.nan), np.isfinite(p)
    if known.any():
        q[known] = stats.false_discovery_control(p[known])
    return q


def smallest_p(units: int) -> float:
    """The smallest p-value that so many units can give: one of all their signs is positive throughout."""
    return float(2.0**-units)


def units_needed(cells: int) -> int:
    """Units that a single specialist among so many cells needs to be named."""
    return max(FEWEST, int(np.ceil(np.log2(cells / Q) + 1e-9)))


def _means_over_units(logs: np.ndarray) -> np.ndarray:
    known = np.isfinite(logs)
    total = np.where(known, logs, 0).sum(1, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return total / np.where(known.any(1), known.sum(1), np.nan)
