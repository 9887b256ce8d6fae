"""What transition models reached, from the rows of `transition_scores`: pooled over test videos, with intervals over them.

Variance explained is one minus the summed errors of all videos over the summed errors of copying, so that a video in which nothing moves weighs
nothing. Its interval resamples videos. Ranks are means over videos.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tubelet.latent.comparison.resampling import find_ends, resample_ratio
from tubelet.store.intervals import FEWEST, Interval, counts, interval
from tubelet.store.questions.model_rows import TransitionScore

CHANCE = 0.5  # of a rank


@dataclass(frozen=True)
class Explained:
    """Variance explained over copying, and the ends of its 95% interval; NaN where a copy has no error, or videos are too few."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class TransitionFigures:
    """One model at one horizon; those of a copy and of the mean of the slices seen beside it."""

    transition_id: str
    encoder_id: str | None
    layer: str | None
    control: str | None
    horizon: int
    videos: int
    explained: Explained
    mean_explained: Explained
    rank_within: Interval
    rank_between: Interval
    copy_rank_within: Interval
    copy_rank_between: Interval
    candidates_within: int
    candidates_between: int

    def describe(self, names: Mapping[str, str]) -> str:
        """Encoder, by what readers call it, and layer, or pixels; and the control that it is."""
        encoder = names.get(self.encoder_id or "", self.encoder_id)
        where = f"{encoder}, {self.layer}" if encoder else "raw pixels"
        said = {"shuffled": "shuffled time", "untrained": "untrained"}.get(self.control or "")
        return f"{where} ({said})" if said else where


def summarize(scores: Iterable[TransitionScore]) -> list[TransitionFigures]:
    """One per model and horizon, in the order of the rows."""
    parts: dict[tuple[str, int], list[TransitionScore]] = {}
    for score in scores:
        parts.setdefault((score.transition_id, score.horizon), []).append(score)
    return [_summarize(part) for part in parts.values()]


def _summarize(scores: Sequence[TransitionScore]) -> TransitionFigures:
    first = scores[0]
    errors = np.array([[one.squared_error, one.copy_error, one.mean_error] for one in scores])
    return TransitionFigures(
        transition_id=first.transition_id,
        encoder_id=first.encoder_id,
        layer=first.layer,
        control=first.control,
        horizon=first.horizon,
        videos=len(scores),
        explained=explain(errors[:, 0], errors[:, 1]),
        mean_explained=explain(errors[:, 2], errors[:, 1]),
        rank_within=_mean_rank(one.rank_within for one in scores),
        rank_between=_mean_rank(one.rank_between for one in scores),
        copy_rank_within=_mean_rank(one.copy_rank_within for one in scores),
        copy_rank_between=_mean_rank(one.copy_rank_between for one in scores),
        candidates_within=max(one.candidates_within for one in scores),
        candidates_between=max(one.candidates_between for one in scores),
    )


def _mean_rank(ranks: Iterable[float | None]) -> Interval:
    return interval([rank for rank in ranks if rank is not None], 0, 1)


def explain(errors: np.ndarray, copied: np.ndarray) -> Explained:
    """Of the errors of each video, and those of copying."""
    if not copied.sum():
        return Explained(np.nan, np.nan, np.nan)
    value = 1 - errors.sum() / copied.sum()
    if len(errors) < FEWEST:
        return Explained(float(value), np.nan, np.nan)
    low, high = resample_ratio(errors, copied)
    return Explained(float(value), 1 - high, 1 - low)


def explain_difference(
    first: Sequence[TransitionScore], second: Sequence[TransitionScore]
) -> Explained:
    """How much more of two models the first explains, on the same videos in the same order; the interval resamples these videos."""
    errors = np.array([[a.squared_error, a.copy_error, b.squared_error, b.copy_error] for a, b in zip(first, second)])  # fmt: skip
    if not len(errors) or not errors[:, 1].sum() or not errors[:, 3].sum():
        return Explained(np.nan, np.nan, np.nan)
    value = float(_subtract(errors.sum(0)))
    if len(errors) < FEWEST:
        return Explained(value, np.nan, np.nan)
    drawn = np.concatenate([_subtract(block @ errors) for block in counts(len(errors))])
    low, high = find_ends(drawn)
    return Explained(value, float(low), float(high))


def _subtract(sums: np.ndarray) -> np.ndarray:
    """From summed errors (..., 4): of the first model and its copies, of the second and its copies."""
    return sums[..., 2] / np.maximum(sums[..., 3], 1e-30) - sums[..., 0] / np.maximum(sums[..., 1], 1e-30)  # fmt: skip
