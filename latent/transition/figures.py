"""What transition models reached, from the rows of `transition_scores`: pooled over test videos, with intervals over them, or over their groups.

Variance explained is one minus the summed errors of all videos over the summed errors of copying, so that a video in which nothing moves weighs
nothing. The unit of its interval is the video or, where the label `group` names some that belong together, the group. Ranks are means over units.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tubelet.store.encoder_names import add_layer
from tubelet.store.ids import ONLY
from tubelet.store.intervals import Interval, interval, linearize, means, ratio
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
    """One model at one horizon; those of a copy and of the mean of the slices seen beside it. `units` are videos, or groups of them."""

    transition_id: str
    encoder_id: str | None
    layer: str | None
    control: str | None
    horizon: int
    videos: int
    units: int
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
        where = add_layer(encoder, self.layer or ONLY, ", ") if encoder else "raw pixels"
        said = {"shuffled": "shuffled time", "untrained": "untrained"}.get(self.control or "")
        return f"{where} ({said})" if said else where


def summarize(scores: Iterable[TransitionScore]) -> list[TransitionFigures]:
    """One per model and horizon, in the order of the rows."""
    parts: dict[tuple[str, int], list[TransitionScore]] = {}
    for score in scores:
        parts.setdefault((score.transition_id, score.horizon), []).append(score)
    return [_summarize(part) for part in parts.values()]


def _summarize(scores: Sequence[TransitionScore]) -> TransitionFigures:
    first, units = scores[0], list(_split_units(scores).values())
    errors = sum_errors(units)
    return TransitionFigures(
        transition_id=first.transition_id,
        encoder_id=first.encoder_id,
        layer=first.layer,
        control=first.control,
        horizon=first.horizon,
        videos=len(scores),
        units=len(units),
        explained=explain(errors[:, 0], errors[:, 1]),
        mean_explained=explain(errors[:, 2], errors[:, 1]),
        rank_within=_mean_rank([one.rank_within for one in unit] for unit in units),
        rank_between=_mean_rank([one.rank_between for one in unit] for unit in units),
        copy_rank_within=_mean_rank([one.copy_rank_within for one in unit] for unit in units),
        copy_rank_between=_mean_rank([one.copy_rank_between for one in unit] for unit in units),
        candidates_within=max(one.candidates_within for one in scores),
        candidates_between=max(one.candidates_between for one in scores),
    )


def _split_units(scores: Iterable[TransitionScore]) -> dict[str, list[TransitionScore]]:
    """The scores of each video, or of each group of videos, in the order of their names."""
    units: dict[str, list[TransitionScore]] = {}
    for score in scores:
        units.setdefault(score.unit, []).append(score)
    return dict(sorted(units.items()))


def sum_errors(units: Iterable[Sequence[TransitionScore]]) -> np.ndarray:
    """Summed errors of model, copy and mean of each unit, (U, 3)."""
    return np.array([np.sum([[one.squared_error, one.copy_error, one.mean_error] for one in unit], 0) for unit in units])  # fmt: skip


def _mean_rank(ranks: Iterable[Sequence[float | None]]) -> Interval:
    known = [[rank for rank in unit if rank is not None] for unit in ranks]
    return interval([float(np.mean(unit)) for unit in known if unit], 0, 1)


def explain(errors: np.ndarray, copied: np.ndarray) -> Explained:
    """The share of the variance explained, from the errors of each unit and those of copying, with its interval."""
    if not copied.sum():
        return Explained(np.nan, np.nan, np.nan)
    found = ratio(errors, copied)
    return Explained(1 - found.mean, 1 - found.high, min(1 - found.low, 1.0))


def explain_difference(
    first: Sequence[TransitionScore], second: Sequence[TransitionScore]
) -> Explained:
    """How much more of two models the first explains, on the same videos in the same order; the unit of the interval is theirs."""
    if not len(first):
        return Explained(np.nan, np.nan, np.nan)
    sums = [sum_errors(_split_units(scores).values())[:, :2] for scores in (first, second)]
    errors = np.concatenate(sums, axis=1)  # units are those of the same videos
    return explain_gain(errors)


def explain_gain(errors: np.ndarray) -> Explained:
    """The same from summed errors ``(U, 4)``: of the first model and its copies, of the second and its copies."""
    if not errors[:, 1].sum() or not errors[:, 3].sum():
        return Explained(np.nan, np.nan, np.nan)
    (first, of_first), (second, of_second) = (linearize(*errors[:, at : at + 2].T) for at in (0, 2))
    found = means((of_second - of_first)[:, None])
    return Explained(second - first, float(found.low[0]), float(found.high[0]))
