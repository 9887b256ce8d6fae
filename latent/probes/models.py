"""scikit-learn's models: standardized, then logistic or ridge regression, or nearest neighbors, their strength chosen inside the training part."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tubelet.latent.probes.folds import splitter
from tubelet.latent.probes.options import KNN, NUMBERS

STRENGTHS = tuple(float(value) for value in np.logspace(-3, 1, 5))  # C of logistic regression
ALPHAS = tuple(float(value) for value in np.logspace(-1, 3, 5))  # of ridge regression
NEIGHBORS = (1, 5, 10, 20)
INNER = 3  # folds in which a strength is chosen
LARGE = 4000  # clips of a training part from which on some of them are enough to choose a strength
PART = 800  # clips that it is then chosen on, of twice as many to learn from
SMALL = 4_000_000  # numbers in states up to which threads cost more than they give
STEPS = 2000  # of logistic regression, at most


def train(
    kind: str, task: str, data: tuple[np.ndarray, np.ndarray, np.ndarray], seed: int
) -> tuple[Any, float]:
    """A trained model of vectors, values and groups of clips, and its strength; called within `prepare_fits`."""
    vectors, values, groups = data
    model, grid = _model(kind, task, len(vectors))
    name, choices = next(iter(grid.items()))
    inner = count_inner_folds(task, values, groups, INNER)
    if inner < 2:  # too few groups to choose: the middle one
        chosen = choices[len(choices) // 2]
        return model.set_params(**{name: chosen}).fit(vectors, values), float(chosen)
    some = None if kind == KNN else _choose_some(task, values, groups, seed)
    parts = some or list(splitter(task, inner, seed).split(vectors, values, groups))
    if kind == KNN:
        fewest = min(len(learned) for learned, _ in parts)
        choices = [number for number in choices if number <= fewest]
    chosen = _choose_strength(model, (name.partition("__")[2], choices), (vectors, values), parts)
    return model.set_params(**{name: chosen}).fit(vectors, values), float(chosen)


def _choose_strength(
    model: Any,
    grid: tuple[str, list],
    data: tuple[np.ndarray, np.ndarray],
    parts: list[tuple[np.ndarray, np.ndarray]],
) -> Any:
    """The strength with the highest mean score over parts, the first of equals, as GridSearchCV chooses; but a part is standardized once for all strengths, which took a third of the time."""
    from sklearn.base import clone

    (_, scaler), (_, last) = model.steps
    (name, choices), (vectors, values) = grid, data
    scores = np.empty((len(parts), len(choices)))
    for row, (learned, held) in zip(scores, parts):
        scaling = clone(scaler).fit(vectors[learned])
        seen, asked = scaling.transform(vectors[learned]), scaling.transform(vectors[held])
        for place, choice in enumerate(choices):
            fitted = clone(last).set_params(**{name: choice}).fit(seen, values[learned])
            row[place] = fitted.score(asked, values[held])
    return choices[int(scores.mean(axis=0).argmax())]


@contextmanager
def prepare_fits(numbers: int, folds: int) -> Iterator[int]:
    """How many folds, or layers, of states with so many numbers are fitted at the same time, one thread each; one that is alone has all. Warnings of convergence are silent meanwhile."""
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    many = numbers >= SMALL
    with warnings.catch_warnings(), threadpool_limits(None if many and folds == 1 else 1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield min(folds, cores or 1) if many else 1


def _choose_some(
    task: str, values: np.ndarray, groups: np.ndarray, seed: int
) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """Clips to learn from and to choose on, in a large training part: C and alpha stand beside sums over clips, so what suits some suits all."""
    parts = len(values) // PART
    if len(values) < LARGE or count_inner_folds(task, values, groups, parts) < parts:
        return None
    names, first, group = np.unique(groups, return_index=True, return_inverse=True)
    classes = np.zeros(len(names), int)
    if task != NUMBERS:
        classes = np.unique(values[first], return_inverse=True)[1]
    order = np.lexsort((np.random.default_rng([seed, 37]).random(len(names)), classes))
    turn = np.empty(len(names), int)
    turn[order] = (
        np.arange(len(names)) % parts
    )  # classes and groups in turn, so each part has its share
    held, *learned = (np.flatnonzero(turn[group] == part) for part in range(3))
    return [(np.concatenate(learned), held)]


def count_inner_folds(task: str, values: np.ndarray, groups: np.ndarray, most: int) -> int:
    """Count the inner folds: as many as the groups allow, those of the rarest class where there are classes."""
    if task == NUMBERS:
        return min(most, len(set(groups)))
    (_, value), (names, group) = (np.unique(one, return_inverse=True) for one in (values, groups))
    pairs = np.unique(value * len(names) + group)
    return min(most, int(np.bincount(pairs // len(names)).min()))


def _model(kind: str, task: str, clips: int) -> tuple[Any, dict[str, list]]:
    """An untrained model, and the strengths to choose from, under the one parameter that they are of."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.pipeline import make_pipeline

    from tubelet.latent.probes.scaling import Scaler

    if kind == KNN:
        near = KNeighborsRegressor if task == NUMBERS else KNeighborsClassifier
        most = max(1, clips // 2)  # of what a part of the training part holds
        choices = [number for number in NEIGHBORS if number <= most] or [1]
        name = f"{near.__name__.lower()}__n_neighbors"
        return make_pipeline(Scaler(), near(metric="cosine")), {name: choices}
    if task == NUMBERS:
        return make_pipeline(Scaler(), Ridge()), {"ridge__alpha": list(ALPHAS)}
    logistic = LogisticRegression(max_iter=STEPS)
    return make_pipeline(Scaler(), logistic), {"logisticregression__C": list(STRENGTHS)}
