"""The weights of linear probes as directions: affine functions of a state as it is stored, one per class, or one of a number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tubelet.array_types import Float64


@dataclass(frozen=True)
class ProbeWeights:
    """``states @ weights.T + biases`` is what a probe adds up: `weights` ``(c, D)``, `biases` ``(c,)``; `classes` names the rows, None for a number."""

    classes: tuple[Any, ...] | None
    weights: Float64[np.ndarray, "c D"]
    biases: Float64[np.ndarray, " c"]


def read_weights(model: Any) -> ProbeWeights | None:
    """Read the weights of a fitted scikit-learn pipeline, its standardization folded in; None where the model is not linear."""
    steps = getattr(model, "steps", None)
    if not steps or not hasattr(steps[-1][1], "coef_"):
        return None
    scaler, last = steps[0][1], steps[-1][1]
    weights = np.atleast_2d(last.coef_).astype(np.float64) / scaler.scale_
    biases = np.atleast_1d(last.intercept_) - weights @ scaler.mean_
    if not hasattr(last, "classes_"):
        return ProbeWeights(None, weights, biases)
    if len(last.classes_) == 2:  # one row stands for both: the second class against the first
        weights, biases = (np.concatenate([-part, part]) / 2 for part in (weights, biases))
    return ProbeWeights(
        tuple(last.classes_.tolist()), weights - weights.mean(0), biases - biases.mean()
    )


def average_weights(folds: Sequence[ProbeWeights | None]) -> ProbeWeights | None:
    """The mean over folds, each class over those that know it; None where a fold has none."""
    known = [fold for fold in folds if fold is not None]
    if not known or len(known) < len(folds):
        return None
    if known[0].classes is None:
        parts = [(fold.weights, fold.biases) for fold in known]
        return ProbeWeights(None, *(np.mean([part[i] for part in parts], axis=0) for i in range(2)))
    rows: dict[Any, list[tuple[np.ndarray, float]]] = {}
    for fold in known:
        for name, *row in zip(fold.classes or (), fold.weights, fold.biases):
            rows.setdefault(name, []).append((row[0], row[1]))
    classes = tuple(sorted(rows, key=str))
    weights = np.stack([np.mean([row for row, _ in rows[name]], axis=0) for name in classes])
    return ProbeWeights(
        classes, weights, np.array([np.mean([bias for _, bias in rows[name]]) for name in classes])
    )
