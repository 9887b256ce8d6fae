"""Direction: can a linear probe read from the mean token in which of eight directions an object moves?"""

from collections.abc import Sequence

import numpy as np
import torch

from tubelet.training.scenes.motion import DIRECTIONS

FOLDS = 8
PENALTIES = (0.01, 0.1, 1.0, 10.0)
CHANCE = 1 / DIRECTIONS


def mean_token(grid: torch.Tensor) -> np.ndarray:
    """The mean over a token grid (S, H, W, D): (D,)."""
    return grid.double().mean((0, 1, 2)).numpy()


def probe(features: Sequence[np.ndarray], directions: Sequence[int]) -> list[float]:
    """1 where a scene's direction was predicted correctly, 0 where not, by ridge regressions that never saw the scene.

    Eight folds; the penalty is the one of four that does best on the folds before it is used, chosen without the scored fold.
    """
    inputs, truth = np.stack(features), np.asarray(directions)
    folds = np.random.default_rng(0).permutation(len(truth)) % FOLDS
    right = np.zeros(len(truth))
    for fold in range(FOLDS):
        test, tuning = folds == fold, folds == (fold + 1) % FOLDS
        scores = [
            _right(inputs, truth, ~test & ~tuning, tuning, penalty).mean() for penalty in PENALTIES
        ]
        right[test] = _right(inputs, truth, ~test, test, PENALTIES[int(np.argmax(scores))])
    return right.tolist()


def _right(
    inputs: np.ndarray, truth: np.ndarray, train: np.ndarray, test: np.ndarray, penalty: float
) -> np.ndarray:
    mean, std = inputs[train].mean(0), inputs[train].std(0)
    scaled = (inputs - mean) / np.where(std > 0, std, 1) / np.sqrt(inputs.shape[1])
    wanted = np.eye(DIRECTIONS)[truth] - CHANCE
    kernel = scaled[train] @ scaled[train].T + penalty * np.eye(train.sum())
    answers = scaled[test] @ scaled[train].T @ np.linalg.solve(kernel, wanted[train])
    return (answers.argmax(1) == truth[test]).astype(float)
