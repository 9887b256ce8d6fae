"""How well the position of a token is read from its embedding: slice, row and column, from all dimensions together and from each alone.

Sampled tokens, held out by video: ridge regression on the tokens of other videos predicts the position of a token, and the share of the variance of positions that it explains is
R2, at most 0 by chance. The strength is chosen on one part of the other videos. Chance stands beside: the same with the positions of each video's tokens exchanged among them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tubelet.latent.directions.sample import DirectionSample
from tubelet.store.intervals import ratio

AXES = ("slice", "row", "column")
FOLDS = 5
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of the mean variance of a dimension


@dataclass(frozen=True, kw_only=True)
class PositionReading:
    """One axis: R2 of all dimensions together with its 95% interval over videos (NaN below five videos), the same by chance, and of each dimension alone ``(D,)`` with the largest that chance gives; `videos`, or groups."""

    axis: str
    together: float
    low: float
    high: float
    chance: float
    alone: np.ndarray
    alone_chance: float
    tokens: int
    videos: int


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Sums over the tokens of some videos: number, of x ``(D,)``, of y, of products ``(D, D)``, of x times y ``(D,)``, of y squared."""

    count: float
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    xy: np.ndarray

    def __add__(self, other: "Fold") -> "Fold":
        return Fold(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    def solve(self, strength: float) -> tuple[np.ndarray, np.ndarray]:
        """Weights ``(D, t)`` and intercepts ``(t,)`` of ridge regressions of targets ``(t,)``."""
        mean_x, mean_y = self.x / self.count, self.y / self.count
        scatter = self.xx / self.count - np.outer(mean_x, mean_x)
        cross = self.xy / self.count - np.outer(mean_x, mean_y)
        ridge = strength * max(float(np.trace(scatter)) / len(scatter), 1e-30)
        weights = np.linalg.solve(scatter + ridge * np.eye(len(scatter)), cross)
        return weights, mean_y - mean_x @ weights

    def solve_alone(self) -> tuple[np.ndarray, np.ndarray]:
        """Slopes and intercepts ``(D, t)`` of regressions on each dimension alone; 0 for one without spread."""
        mean_x, mean_y = self.x / self.count, self.y / self.count
        spread = np.diag(self.xx) / self.count - mean_x**2
        cross = self.xy / self.count - np.outer(mean_x, mean_y)
        sound = spread > 1e-10 * (1e-30 + mean_x**2)
        slopes = np.where(sound[:, None], cross / np.where(sound, spread, 1)[:, None], 0)
        return slopes, mean_y - mean_x[:, None] * slopes


def read_positions(sample: DirectionSample, units: Mapping[str, str]) -> list[PositionReading]:
    """One reading per axis that has two places or more; none for fewer than two videos. `units`: what each video that counts counts as, itself or its group."""
    kept = _of_one_grid(sample.among(units))
    names = np.array([units.get(video_id, "") for video_id in kept.video_ids], str)
    _, video = np.unique(names[kept.video], return_inverse=True)
    if not len(kept) or video.max() < 1:
        return []
    sound = np.isfinite(kept.vectors).all(0)
    vectors = np.where(sound, kept.vectors, 0).astype(np.float32)
    vectors -= vectors.mean(0)
    axes = dict(zip(AXES, (kept.slice, kept.y, kept.x)))
    varying = [name for name in AXES if np.ptp(axes[name])]
    if not varying or not sound.any():
        return []
    targets = np.stack([axes[name] for name in varying], 1).astype(np.float64)
    both = np.concatenate([targets, _exchange(targets, video)], 1)
    together, alone = _predict(vectors, both, video)
    size = len(varying)
    found = []
    for n, name in enumerate(varying):
        r2, low, high = read_interval(together[:, n], targets[:, n], video)
        found.append(
            PositionReading(
                axis=name,
                together=r2,
                low=low,
                high=high,
                chance=1 - _measure_rest(together[:, size + n], both[:, size + n]),
                alone=np.where(sound, alone[:, n], np.nan),
                alone_chance=float(np.nanmax(np.where(sound, alone[:, size + n], np.nan))),
                tokens=len(kept),
                videos=int(video.max()) + 1,
            )
        )
    return found


def _of_one_grid(sample: DirectionSample) -> DirectionSample:
    """The tokens of windows with the commonest grid and number of slices, finite ones."""
    keys = np.stack([sample.slices, sample.height, sample.width], 1)
    found, place, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    if not len(found):
        return sample
    return sample.only(place.reshape(-1) == counts.argmax())


def _exchange(targets: np.ndarray, video: np.ndarray) -> np.ndarray:
    """Positions dealt out again among the tokens of each video."""
    rng, order = np.random.default_rng(0), np.argsort(video, kind="stable")
    drawn = np.lexsort((rng.random(len(video)), video))
    moved = np.empty_like(targets)
    moved[order] = targets[drawn]
    return moved


def _predict(
    vectors: np.ndarray, targets: np.ndarray, video: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What every token is predicted to be by models of other videos ``(n, t)``, and R2 of each dimension alone ``(D, t)``."""
    folds = np.arange(video.max() + 1)[np.random.default_rng(1).permutation(video.max() + 1)] % min(FOLDS, video.max() + 1)  # fmt: skip
    fold = folds[video]
    sums = [_sum(vectors[fold == n], targets[fold == n]) for n in range(fold.max() + 1)]
    predicted, left = np.empty(targets.shape), np.zeros((vectors.shape[1], targets.shape[1]))
    for number in range(len(sums)):
        own = fold == number
        others = [n for n in range(len(sums)) if n != number]
        strength = _choose_strength(sums, others, (vectors, targets, fold))
        whole = _join(sums, others)
        weights, intercepts = whole.solve(strength)
        predicted[own] = vectors[own] @ weights + intercepts
        left += _measure_errors_alone(sums[number], whole, targets[own])
    spread = np.square(targets - targets.mean(0)).sum(0)
    return predicted, 1 - left / spread


def _choose_strength(
    sums: list[Fold], others: list[int], data: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> float:
    """The one that predicts one of the other folds best from the rest; the middle one where there is no rest."""
    vectors, targets, fold = data
    if len(others) < 2:
        return STRENGTHS[len(STRENGTHS) // 2]
    held, rest = fold == others[0], _join(sums, others[1:])
    real = targets.shape[1] // 2
    found = []
    for strength in STRENGTHS:
        weights, intercepts = rest.solve(strength)
        missed = vectors[held] @ weights + intercepts - targets[held]
        found.append(float(np.square(missed[:, :real] / targets.std(0)[:real]).sum()))
    return STRENGTHS[int(np.argmin(found))]


def _measure_errors_alone(own: Fold, others: Fold, targets: np.ndarray) -> np.ndarray:
    """Squared errors on the tokens of a fold of each dimension's regression on the other folds ``(D, t)``, from sums alone."""
    slopes, intercepts = others.solve_alone()
    square = np.square(targets).sum(0)
    xx, x = np.diag(own.xx)[:, None], own.x[:, None]
    return (
        square - 2 * slopes * own.xy - 2 * intercepts * own.y
        + slopes**2 * xx + 2 * slopes * intercepts * x + own.count * intercepts**2
    )  # fmt: skip


def _sum(vectors: np.ndarray, targets: np.ndarray) -> Fold:
    wide = targets.astype(np.float32)
    return Fold(
        count=float(len(vectors)),
        x=vectors.sum(0, dtype=np.float64),
        y=targets.sum(0),
        xx=(vectors.T @ vectors).astype(np.float64),
        xy=(vectors.T @ wide).astype(np.float64),
    )


def _join(sums: list[Fold], numbers: list[int]) -> Fold:
    whole = sums[numbers[0]]
    for number in numbers[1:]:
        whole = whole + sums[number]
    return whole


def _measure_rest(predicted: np.ndarray, targets: np.ndarray) -> float:
    """The share of the variance that predictions leave."""
    return float(np.square(predicted - targets).sum() / np.square(targets - targets.mean()).sum())


def read_interval(
    predicted: np.ndarray, targets: np.ndarray, video: np.ndarray
) -> tuple[float, float, float]:
    """R2 and its 95% interval; the unit is the video."""
    missed = np.bincount(video, np.square(predicted - targets))
    spread = np.bincount(video, np.square(targets - targets.mean()))
    found = ratio(missed, spread)
    return 1 - found.mean, 1 - found.high, min(1 - found.low, 1.0)


def list_readings(readings: Sequence[PositionReading]) -> Iterator[dict]:
    """One row per axis."""
    for one in readings:
        best = int(np.nanargmax(one.alone))
        yield {
            "axis": one.axis,
            "together": one.together,
            "low": None if np.isnan(one.low) else one.low,
            "high": None if np.isnan(one.high) else one.high,
            "chance": one.chance,
            "best_dim": best,
            "alone": float(one.alone[best]),
            "alone_chance": one.alone_chance,
            "tokens": one.tokens,
            "videos": one.videos,
        }
