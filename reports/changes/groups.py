"""Groups of dimensions that react to the same changes, as far as halves of the videos agree on them.

A dimension is described by its reactions to the changes, relative to the median dimension, minus their mean over the changes: what it reacts to,
not how strongly. Ward's linkage joins dimensions into groups. Their number is the one on which two random halves of the units (videos, or groups of
them) agree best, measured by the adjusted Rand index: 1 the same groups, 0 what chance gives. Where no number reaches 0.5 there are no groups.
A group may be a stretch of a continuum: what is shown is that both halves draw the same borders.
"""

from dataclasses import dataclass

import numpy as np
from scipy.cluster import hierarchy

from tubelet.store.intervals import FEWEST

MOST_GROUPS, MOST_DIMS = 8, 2048
SPLITS, SEED = 10, 17
AGREED = 0.5  # adjusted Rand index of two halves


@dataclass(frozen=True, kw_only=True)
class Groups:
    """The group of each dimension ``(D,)`` from 0, the largest first, -1 for one without; the `order` that puts similar ones side by side.

    `agreement`: the adjusted Rand index of two halves of the units, mean over splits. No groups: `group` is None.
    """

    order: np.ndarray
    group: np.ndarray | None
    agreement: float | None


def find_groups(logs: np.ndarray) -> Groups:
    """Groups from logarithms of relative reactions ``(C, U, D)`` without missing units."""
    changes, units, dims = logs.shape
    known = np.flatnonzero(np.isfinite(logs).all((0, 1))) if units else np.array([], int)
    rest = np.setdiff1d(np.arange(dims), known)
    if changes < 2 or len(known) < 3 or not 0 < len(known) <= MOST_DIMS:
        return Groups(order=np.concatenate([known, rest]), group=None, agreement=None)
    tree = _join(logs[:, :, known])
    order = np.concatenate([known[hierarchy.leaves_list(tree)], rest])
    if units < 2 * FEWEST:
        return Groups(order=order, group=None, agreement=None)
    count, agreement = _choose_count(logs[:, :, known])
    if agreement < AGREED:
        return Groups(order=order, group=None, agreement=agreement)
    group = np.full(dims, -1)
    group[known] = _number_by_size(hierarchy.fcluster(tree, count, "maxclust"))
    return Groups(order=order, group=group, agreement=agreement)


def describe_dimensions(logs: np.ndarray) -> np.ndarray:
    """What each dimension reacts to ``(D, C)``: means over units, centered over the changes."""
    mean = logs.mean(1, dtype=np.float64).T
    return mean - mean.mean(1, keepdims=True)


def _join(logs: np.ndarray) -> np.ndarray:
    return hierarchy.linkage(describe_dimensions(logs), "ward")


def _choose_count(logs: np.ndarray) -> tuple[int, float]:
    """The number of groups on which halves of the units agree best, and how well."""
    rng, units = np.random.default_rng(SEED), logs.shape[1]
    counts = range(2, min(MOST_GROUPS, logs.shape[2] - 1) + 1)
    found = np.zeros((SPLITS, len(counts)))
    for row in found:
        half = rng.permutation(units) < units // 2
        trees = _join(logs[:, half]), _join(logs[:, ~half])
        for at, count in enumerate(counts):
            row[at] = adjusted_rand(*(hierarchy.fcluster(t, count, "maxclust") for t in trees))
    mean = found.mean(0)
    best = int(np.flatnonzero(mean >= mean.max() - 1e-12)[-1])
    return counts[best], float(mean[best])


def adjusted_rand(a: np.ndarray, b: np.ndarray) -> float:
    """The adjusted Rand index of two partitions: 1 the same, 0 on average by chance; 0 where both are one group."""
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)

    def pairs(counted: np.ndarray) -> float:
        return float((counted * (counted - 1)).sum() / 2)

    both, of_a, of_b = pairs(table), pairs(table.sum(1)), pairs(table.sum(0))
    chance = of_a * of_b / max(pairs(np.array([float(len(a))])), 1)
    most = (of_a + of_b) / 2
    return (both - chance) / (most - chance) if most > chance else 0.0


def _number_by_size(group: np.ndarray) -> np.ndarray:
    sizes = np.bincount(group)
    place = np.empty(len(sizes), int)
    place[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return place[group]
