"""One trial: a model per fold, trained on the clips of its training videos, and its predictions averaged over the clips of each other video."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tubelet.latent.probes import models
from tubelet.latent.probes.folds import Fold
from tubelet.latent.probes.method import Inputs, Train
from tubelet.latent.probes.options import NUMBERS
from tubelet.latent.probes.scoring import Predicted
from tubelet.latent.probes.states import ClipStates
from tubelet.latent.probes.truth import Truth
from tubelet.latent.probes.weights import ProbeWeights, average_weights, read_weights


@dataclass(frozen=True)
class Training:
    """How the models of a trial are trained; one that is `alone` has all cores, fold beside fold."""

    kind: str
    seed: int
    train: Train = models.train
    alone: bool = True


@dataclass(frozen=True)
class Trial:
    """What was predicted, the median over folds of the strength that was chosen, the weights of linear models, None of others, and of
    attentive ones the vectors ``(heads, D)`` of the model of each fold."""

    predicted: Predicted
    strength: float
    weights: ProbeWeights | None = None
    attention: Mapping[int, np.ndarray] = field(default_factory=dict)


def run_trial(truth: Truth, states: Inputs, folds: list[Fold], training: Training) -> Trial:
    """Train and predict every fold; `states` are those of the truth's videos."""
    places = np.searchsorted(truth.video_ids, states.video_ids)  # of each clip's video
    examples = Examples(truth, states, places, training)
    if isinstance(states, ClipStates):
        with (
            models.prepare_fits(
                states.vectors.size, len(folds) if training.alone else 1
            ) as workers,
            ThreadPoolExecutor(workers) as pool,
        ):
            found = list(pool.map(examples.run_fold, folds, range(len(folds))))
    else:
        found = [examples.run_fold(fold, number) for number, fold in enumerate(folds)]
    learned = [model for _, model in found if model is not None]
    strength = float(np.median([one.strength for one in learned])) if learned else np.nan
    weights = average_weights([one.weights for one in learned])
    attention = {
        number: model.attention
        for number, (_, model) in enumerate(found)
        if model is not None and model.attention is not None
    }
    return Trial(Predicted.join([part for part, _ in found]), strength, weights, attention)


@dataclass(frozen=True)
class Learned:
    """What is kept of the model of a fold."""

    strength: float
    weights: ProbeWeights | None
    attention: np.ndarray | None


@dataclass(frozen=True)
class Examples:
    """What a trial learns from; `places` are those of each clip's video in the truth."""

    truth: Truth
    states: Inputs
    places: np.ndarray
    training: Training

    def run_fold(self, fold: Fold, number: int) -> tuple[Predicted, Learned | None]:
        """What one fold predicts, and what is kept of its model; None where nothing had to be learned."""
        truth, training, (train, test) = self.truth, self.training, fold
        learned, asked = np.isin(self.places, train), np.isin(self.places, test)
        values, groups = truth.values[self.places[learned]], truth.groups[self.places[learned]]
        if len(set(values.tolist())) == 1:  # as shuffled labels may leave it
            return _constant(values[0], test, number), None
        data = self.states.take(learned), values, groups
        model, strength = training.train(training.kind, truth.task, data, training.seed)
        clips = self.states.take(asked), self.places[asked]
        kept = Learned(strength, read_weights(model), getattr(model, "attention", None))
        return _predict(model, truth.task, clips, number), kept


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
