"""Folds: which videos are trained on and which are predicted. A group, and so a video, is never on both sides."""

from collections.abc import Iterator

import numpy as np

from tubelet.array_types import Int
from tubelet.latent.probes.options import CLASSES, WHOLE, ProbeError
from tubelet.latent.probes.truth import TEST, TRAIN, Truth

FEWEST_NUMBERS = 2  # groups that a line is drawn through
Fold = tuple[Int[np.ndarray, " _"], Int[np.ndarray, " _"]]  # videos to train on, and to predict


def make_folds(truth: Truth, folds: int, seed: int) -> list[Fold]:
    """Places of videos in the truth. Raises ProbeError for a group that the label `split` puts on both sides."""
    if truth.sides is not None:
        return [_obey_split(truth)]
    return list(_cross_validate(truth, folds, seed))


def _obey_split(truth: Truth) -> Fold:
    assert truth.sides is not None
    train, test = (np.flatnonzero(truth.sides == side) for side in (TRAIN, TEST))
    both = sorted(set(truth.groups[train]) & set(truth.groups[test]))
    if both:
        raise ProbeError(
            f"the {both[0]} has videos on both sides of the label `split`, so that what is learned from some would be repeated on the others: correct `split` or `group`, or pass --no-split"
        )
    return train, test


def _cross_validate(truth: Truth, folds: int, seed: int) -> Iterator[Fold]:
    yield from splitter(truth.task, folds, seed).split(
        np.zeros(len(truth.values)), truth.values, truth.groups
    )


def thin_fold(truth: Truth, fold: Fold, share: float, seed: int) -> Fold:
    """The fold with a share of its training part, in percent: whole groups, as many of each class as its part, and at least one."""
    train, test = fold
    generator = np.random.default_rng([seed, 31])
    names, first = np.unique(truth.groups[train], return_index=True)
    values = truth.values[train][first] if truth.task == CLASSES else np.zeros(len(names))
    kept: list[str] = []
    for value in np.unique(values):
        same = names[values == value]
        least = 1 if truth.task == CLASSES else min(FEWEST_NUMBERS, len(same))
        number = max(least, round(len(same) * share / WHOLE))
        kept += generator.permutation(same)[:number].tolist()
    return train[np.isin(truth.groups[train], kept)], test


def splitter(task: str, folds: int, seed: int):  # type: ignore[no-untyped-def]  # scikit-learn has no types
    """scikit-learn's splitter: groups stay whole, classes are spread evenly."""
    from sklearn.model_selection import GroupKFold

    from tubelet.latent.probes.stratified import StratifiedFolds

    if task != CLASSES:
        return GroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    return StratifiedFolds(n_splits=folds, shuffle=True, random_state=seed)
