"""Scores of probes that learned from a quarter of the labels, in simulated stores: folds, draws and scores are the product's, the model is ridge regression."""

from collections.abc import Callable, Iterator

import numpy as np

from tubelet.latent.probes.folds import Fold, make_folds, thin_fold
from tubelet.latent.probes.options import CLASSES, NUMBERS
from tubelet.latent.probes.scoring import Predicted, Score, score_draws
from tubelet.latent.probes.truth import Truth

DIMS, SHARE, DRAWS, FOLDS, STRENGTH = 8, 25.0, 3, 5, 1.0
SIDES = np.array(["left", "right"])
Draw = Callable[[np.random.Generator, int], np.ndarray]


def cover_share(task: str, draw: Draw, shape: tuple[int, int], repeated: int) -> float:
    """How often the interval holds the score expected of such a store, which is that of all stores together; `shape`: units, and videos of each."""
    found = list(_score_stores(task, draw, shape, repeated))
    expected = _expect(task, found)
    return float(np.mean([one.low <= expected <= one.high for one, _, _ in found]))


def _expect(task: str, found: list[tuple[Score, float, float]]) -> float:
    if task == CLASSES:
        return float(np.mean([one.value for one, _, _ in found]))
    errors, variances = (sum(row[column] for row in found) for column in (1, 2))
    return 1 - errors / variances


def _score_stores(
    task: str, draw: Draw, shape: tuple[int, int], repeated: int
) -> Iterator[tuple[Score, float, float]]:
    """Scores, and the mean squared errors and variances behind those of numbers."""
    rng = np.random.default_rng([*shape, task == CLASSES])
    for number in range(repeated):
        truth, states = _make_store(task, draw, shape, rng)
        folds = make_folds(truth, min(FOLDS, shape[0] // 2), number)
        draws = [_predict(truth, states, folds, number * DRAWS + one) for one in range(DRAWS)]
        yield score_draws(truth, draws), *_measure_errors(truth, draws)


def _make_store(
    task: str, draw: Draw, shape: tuple[int, int], rng: np.random.Generator
) -> tuple[Truth, np.ndarray]:
    """A value per unit, which the first of eight dimensions shows; how loud the others are and how it is blurred differ by unit, as much as `draw` says."""
    units, size = shape
    value = rng.permutation(np.arange(units) % 2) * 2.0 - 1 if task == CLASSES else rng.normal(0, 1, units)  # fmt: skip
    noise = rng.normal(0, 1, (units, 1, DIMS)) * draw(rng, units)[:, None, None]
    states = noise + rng.normal(0, 0.3, (units, size, DIMS))
    states[..., 0] += 1.5 * value[:, None]
    values = np.repeat(SIDES[(value > 0).astype(int)] if task == CLASSES else value, size)
    truth = Truth(
        name="side",
        task=task,
        video_ids=tuple(f"v{number:04}" for number in range(units * size)),
        values=values,
        groups=np.array([f"g{number // size:04}" for number in range(units * size)]),
        sides=None,
    )
    return truth, states.reshape(-1, DIMS)


def _predict(truth: Truth, states: np.ndarray, folds: list[Fold], seed: int) -> Predicted:
    parts = [
        _predict_fold(truth, states, thin_fold(truth, fold, SHARE, seed), at)
        for at, fold in enumerate(folds)
    ]
    return Predicted.join(parts)


def _predict_fold(truth: Truth, states: np.ndarray, fold: Fold, at: int) -> Predicted:
    train, test = fold
    numbers = (
        truth.values if truth.task == NUMBERS else np.where(truth.values == SIDES[1], 1.0, -1.0)
    )
    mean, level = states[train].mean(0), numbers[train].mean()
    seen = states[train] - mean
    weights = np.linalg.solve(
        seen.T @ seen + STRENGTH * np.eye(DIMS), seen.T @ (numbers[train] - level)
    )
    found = (states[test] - mean) @ weights + level
    told = found if truth.task == NUMBERS else SIDES[(found > 0).astype(int)]
    return Predicted(test, np.full(len(test), at), told, np.full(len(test), np.nan))


def _measure_errors(truth: Truth, draws: list[Predicted]) -> tuple[float, float]:
    if truth.task == CLASSES:
        return np.nan, np.nan
    errors = [np.square(truth.values[one.places] - one.predictions).mean() for one in draws]
    return float(np.mean(errors)), 1.0
