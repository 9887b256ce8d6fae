"""Folds: which videos are trained on and which are predicted. A group, and so a video, is never on both sides."""

from collections.abc import Iterator

import numpy as np

from tubelet.array_types import Int
from tubelet.latent.probes.options import NUMBERS, ProbeError
from tubelet.latent.probes.truth import TEST, TRAIN, Truth

Fold = tuple[Int[np.ndarray, " n"], Int[np.ndarray, " m"]]  # videos to train on, and to predict


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


def splitter(task: str, folds: int, seed: int):  # type: ignore[no-untyped-def]  # scikit-learn has no types
    """scikit-learn's splitter: groups stay whole, classes are spread evenly."""
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    if task == NUMBERS:
        return GroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    return StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
