"""One trial: a model per fold, trained on the clips of its training videos, and its predictions averaged over the clips of each other video."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tubelet.latent.probes import models
from tubelet.latent.probes.folds import Fold
from tubelet.latent.probes.method import Inputs, Train
from tubelet.latent.probes.options import NUMBERS
from tubelet.latent.probes.scoring import Predicted
from tubelet.latent.probes.truth import Truth


@dataclass(frozen=True)
class Training:
    """How the models of a trial are trained."""

    kind: str
    seed: int
    train: Train = models.train


@dataclass(frozen=True)
class Trial:
    """What was predicted, and the median over folds of the strength that was chosen."""

    predicted: Predicted
    strength: float


def run_trial(truth: Truth, states: Inputs, folds: list[Fold], training: Training) -> Trial:
    """Train and predict every fold; `states` are those of the truth's videos."""
    places = np.searchsorted(truth.video_ids, states.video_ids)  # of each clip's video
    parts, strengths = [], []
    for number, (train, test) in enumerate(folds):
        learned, asked = np.isin(places, train), np.isin(places, test)
        values, groups = truth.values[places[learned]], truth.groups[places[learned]]
        if len(set(values.tolist())) == 1:  # as shuffled labels may leave it
            parts.append(_constant(values[0], test, number))
            continue
        data = states.take(learned), values, groups
        model, strength = training.train(training.kind, truth.task, data, training.seed)
        strengths.append(strength)
        clips = states.take(asked), places[asked]
        parts.append(_predict(model, truth.task, clips, number))
    strength = float(np.median(strengths)) if strengths else np.nan
    return Trial(Predicted.join(parts), strength)


def guess_majority(truth: Truth, folds: list[Fold]) -> Trial:
    """The commonest class of each training part, or its mean."""
    parts = []
    for number, (train, test) in enumerate(folds):
        values = truth.values[train]
        if truth.task == NUMBERS:
            parts.append(_constant(values.mean(), test, number, np.nan))
        else:
            names, counts = np.unique(values, return_counts=True)
            share = counts.max() / counts.sum()
            parts.append(_constant(names[counts.argmax()], test, number, share))
    return Trial(Predicted.join(parts), np.nan)


def _constant(value: Any, test: np.ndarray, fold: int, confidence: float = 1.0) -> Predicted:
    size = len(test)
    return Predicted(
        test, np.full(size, fold), np.full(size, value), np.full(size, confidence, np.float64)
    )


def _predict(model: Any, task: str, clips: tuple[Any, np.ndarray], fold: int) -> Predicted:
    """The predictions of a fold by video; `clips` are what the model sees and the place of each one's video."""
    inputs, places = clips
    videos, place = np.unique(places, return_inverse=True)
    sizes = np.bincount(place)
    folds = np.full(len(videos), fold)
    if task == NUMBERS:
        means = np.bincount(place, model.predict(inputs)) / sizes
        return Predicted(videos, folds, means, np.full(len(videos), np.nan))
    chances = model.predict_proba(inputs)
    means = np.zeros((len(videos), chances.shape[1]))
    np.add.at(means, place, chances)
    means /= sizes[:, None]
    return Predicted(videos, folds, model.classes_[means.argmax(1)], means.max(1))
