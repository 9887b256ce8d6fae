"""scikit-learn's models: standardized, then logistic or ridge regression, or nearest neighbors, their strength chosen inside the training part."""

import warnings
from collections import Counter
from typing import Any

import numpy as np

from tubelet.latent.probes.folds import splitter
from tubelet.latent.probes.options import KNN, NUMBERS

STRENGTHS = tuple(float(value) for value in np.logspace(-3, 1, 5))  # C of logistic regression
ALPHAS = tuple(float(value) for value in np.logspace(-1, 3, 5))  # of ridge regression
NEIGHBORS = (1, 5, 10, 20)
INNER = 3  # folds in which a strength is chosen
SMALL = 4_000_000  # numbers of a training part up to which threads cost more than they give
STEPS = 2000  # of logistic regression, at most


def train(
    kind: str, task: str, data: tuple[np.ndarray, np.ndarray, np.ndarray], seed: int
) -> tuple[Any, float]:
    """A trained model of vectors, values and groups of clips, and its strength."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import GridSearchCV
    from threadpoolctl import threadpool_limits

    vectors, values, groups = data
    model, grid = _model(kind, task, len(vectors))
    name, choices = next(iter(grid.items()))
    inner = count_inner_folds(task, values, groups, INNER)
    threads = 1 if vectors.size < SMALL else None
    with warnings.catch_warnings(), threadpool_limits(threads):
        warnings.simplefilter("ignore", ConvergenceWarning)
        if inner < 2:  # too few groups to choose: the middle one
            chosen = choices[len(choices) // 2]
            return model.set_params(**{name: chosen}).fit(vectors, values), float(chosen)
        search = GridSearchCV(model, grid, cv=splitter(task, inner, seed))
        search.fit(vectors, values, groups=groups)
    return search.best_estimator_, float(search.best_params_[name])


def count_inner_folds(task: str, values: np.ndarray, groups: np.ndarray, most: int) -> int:
    """As many as groups allow, of the rarest class where there are classes."""
    if task == NUMBERS:
        return min(most, len(set(groups)))
    counts = Counter(value for value, _ in set(zip(values.tolist(), groups.tolist())))
    return min(most, *counts.values())


def _model(kind: str, task: str, clips: int) -> tuple[Any, dict[str, list]]:
    """An untrained model, and the strengths to choose from, under the one parameter that they are of."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if kind == KNN:
        near = KNeighborsRegressor if task == NUMBERS else KNeighborsClassifier
        most = max(1, clips // 2)  # of what a part of the training part holds
        choices = [number for number in NEIGHBORS if number <= most] or [1]
        name = f"{near.__name__.lower()}__n_neighbors"
        return make_pipeline(StandardScaler(), near(metric="cosine")), {name: choices}
    if task == NUMBERS:
        return make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": list(ALPHAS)}
    logistic = LogisticRegression(max_iter=STEPS)
    return make_pipeline(StandardScaler(), logistic), {"logisticregression__C": list(STRENGTHS)}
