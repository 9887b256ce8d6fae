"""Predictions by video, and a score whose unit is the video, or the group where videos belong to one."""

from dataclasses import dataclass

import numpy as np

from tubelet.latent.probes.options import MASKS, NUMBERS
from tubelet.latent.probes.truth import Truth
from tubelet.store.intervals import NORMAL, interval, lower_for_choice, means

ACCURACY, R2, MEAN_IOU = "accuracy", "R2", "mIoU"
FEWEST_LEFT_OUT = 3  # groups: of two, one that is left has no variance
ROUNDING = 1e-12  # of the squares: less variance is rounding


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
    return {NUMBERS: R2, MASKS: MEAN_IOU}.get(task, ACCURACY)


def find_low_of_best(metric: str, own: tuple[float, float], units: int, choices: int) -> float:
    """The lower end of the best of several probes, with the choice among them taken into account; `own`: its value and its own lower end."""
    low = lower_for_choice(own, units, choices, metric == ACCURACY)
    return max(low, 0.0) if metric == MEAN_IOU else low


def score(truth: Truth, predicted: Predicted) -> Score:
    """Accuracy or R2 over the predicted videos, groups counting once."""
    groups = truth.groups[predicted.places]
    if truth.task == NUMBERS:
        return _determination(truth.values[predicted.places], predicted.predictions, groups)
    right = (truth.values[predicted.places] == predicted.predictions).astype(float)
    return _score_groups(right, groups)


def _score_groups(right: np.ndarray, groups: np.ndarray) -> Score:
    """The mean over groups of the mean over each one's videos, and its interval."""
    found = interval(_average_groups(right, groups).tolist(), 0, 1)
    return Score(found.mean, found.low, found.high)


def _average_groups(right: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The mean over each group's videos."""
    place = np.unique(groups, return_inverse=True)[1]
    return np.bincount(place, right) / np.bincount(place)


def score_draws(truth: Truth, draws: list[Predicted]) -> Score:
    """The mean over draws of the training videos; the interval is over units, each the mean over its draws, and over draws: other videos would have taught the probe other things."""
    if truth.task == NUMBERS:
        return mean_score([score(truth, draw) for draw in draws])
    right = np.stack([_right(truth, draw) for draw in draws])
    known = np.isfinite(right).all(axis=0)
    units = np.stack([_average_groups(draw, truth.groups[known]) for draw in right[:, known]])
    found = interval(units.mean(axis=0).tolist(), 0, 1)
    between = units.mean(axis=1).var(ddof=1) / len(draws) if len(draws) > 1 else 0.0
    low, high = (
        found.mean + side * np.hypot(found.mean - end, NORMAL * np.sqrt(between))
        for side, end in ((-1, found.low), (1, found.high))
    )
    return Score(found.mean, float(max(low, 0.0)), float(min(high, 1.0)))


def _right(truth: Truth, predicted: Predicted) -> np.ndarray:
    """1 for each video whose class was told, NaN where it was not predicted."""
    right = np.full(len(truth.values), np.nan)
    right[predicted.places] = truth.values[predicted.places] == predicted.predictions
    return right


def _determination(truth: np.ndarray, found: np.ndarray, groups: np.ndarray) -> Score:
    """1 less the part of the variance that is left; each group weighs one.

    The interval is that of the logarithm of that part, from what leaving each group out changes: resamples of few groups vary too little.
    """
    names, place = np.unique(groups, return_inverse=True)
    weight = 1 / np.bincount(place)[place]
    away = truth - np.average(truth, weights=weight)  # else large numbers would cancel
    parts = (np.ones_like(away), away, away**2, (truth - found) ** 2)
    sums = np.stack([np.bincount(place, weight * part) for part in parts])  # (4, G)
    all_ = float(_log_left(sums.sum(axis=1)))
    value = 1 - float(np.exp(all_))
    if len(names) < FEWEST_LEFT_OUT or not np.isfinite(all_):
        return Score(value, np.nan, np.nan)
    without = -(len(names) - 1) * _log_left(sums.sum(axis=1, keepdims=True) - sums)
    if not np.isfinite(without).all():
        return Score(value, np.nan, np.nan)
    ends = means((all_ + without - without.mean())[:, None], fewest=FEWEST_LEFT_OUT)
    with np.errstate(over="ignore"):
        low, high = 1 - np.exp([ends.high[0], ends.low[0]])
    return (
        Score(value, float(low), float(high)) if np.isfinite(low) else Score(value, np.nan, np.nan)
    )


def _log_left(sums: np.ndarray) -> np.ndarray:
    """The logarithm of the part of the variance that is left, of sums of weights, values, squares and squared errors."""
    weights, values, squares, errors = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = squares - values**2 / weights
        return np.log(np.where(variance > ROUNDING * np.abs(squares), errors / variance, np.nan))


def mean_score(scores: list[Score]) -> Score:
    """The mean of several scores, and the ends of all their intervals' means."""
    columns = zip(*((one.value, one.low, one.high) for one in scores))
    return Score(*(float(np.mean(column)) for column in columns))
