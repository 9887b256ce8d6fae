"""Predictions by video, and a score whose unit is the video, or the group where videos belong to one."""

from dataclasses import dataclass

import numpy as np

from tubelet.latent.probes.options import NUMBERS
from tubelet.latent.probes.truth import Truth
from tubelet.store.intervals import FEWEST_SCORES, interval

ACCURACY, R2 = "accuracy", "R2"
RESAMPLES, SEED = 1000, 20261129


@dataclass(frozen=True)
class Predicted:
    """What was predicted of each video: its place in the truth, fold, prediction, and confidence (NaN for numbers)."""

    places: np.ndarray
    folds: np.ndarray
    predictions: np.ndarray
    confidence: np.ndarray

    @classmethod
    def join(cls, parts: list["Predicted"]) -> "Predicted":
        columns = ("places", "folds", "predictions", "confidence")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


@dataclass(frozen=True)
class Score:
    """A score and its 95% interval; NaN where units are too few for one."""

    value: float
    low: float
    high: float


def metric_of(task: str) -> str:
    return R2 if task == NUMBERS else ACCURACY


def score(truth: Truth, predicted: Predicted) -> Score:
    """Accuracy or R2 over the predicted videos, groups counting once."""
    groups = truth.groups[predicted.places]
    if truth.task == NUMBERS:
        return _determination(truth.values[predicted.places], predicted.predictions, groups)
    right = (truth.values[predicted.places] == predicted.predictions).astype(float)
    found = interval([right[groups == group].mean() for group in np.unique(groups)], 0, 1)
    return Score(found.mean, found.low, found.high)


def score_draws(truth: Truth, draws: list[Predicted]) -> Score:
    """The mean over draws of the training videos; the interval is over units, each the mean over its draws."""
    if truth.task == NUMBERS:
        return mean_score([score(truth, draw) for draw in draws])
    right = np.mean([_right(truth, draw) for draw in draws], axis=0)
    known = np.isfinite(right)
    groups = truth.groups[known]
    found = interval([right[known][groups == group].mean() for group in np.unique(groups)], 0, 1)
    return Score(found.mean, found.low, found.high)


def _right(truth: Truth, predicted: Predicted) -> np.ndarray:
    """1 for each video whose class was told, NaN where it was not predicted."""
    right = np.full(len(truth.values), np.nan)
    right[predicted.places] = truth.values[predicted.places] == predicted.predictions
    return right


def _determination(truth: np.ndarray, found: np.ndarray, groups: np.ndarray) -> Score:
    """1 less the part of the variance that is left; each group weighs one, and is drawn as a whole in resamples."""
    names, place = np.unique(groups, return_inverse=True)
    weight = 1 / np.bincount(place)[place]
    value = _r2(truth, found, weight)
    if len(names) < FEWEST_SCORES:
        return Score(value, np.nan, np.nan)
    drawn = np.random.default_rng(SEED).multinomial(
        len(names), np.full(len(names), 1 / len(names)), RESAMPLES
    )
    values = [_r2(truth, found, weight * times[place]) for times in drawn]
    low, high = np.nanquantile(values, [0.025, 0.975])
    return Score(value, float(low), float(high))


def _r2(truth: np.ndarray, found: np.ndarray, weight: np.ndarray) -> float:
    mean = np.average(truth, weights=weight)
    total = float((weight * (truth - mean) ** 2).sum())
    left = float((weight * (truth - found) ** 2).sum())
    return 1 - left / total if total > 0 else float("nan")


def mean_score(scores: list[Score]) -> Score:
    """The mean of several scores, and the ends of all their intervals' means."""
    columns = zip(*((one.value, one.low, one.high) for one in scores))
    return Score(*(float(np.mean(column)) for column in columns))
