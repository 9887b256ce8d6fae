"""Everything in a sensitivity report, as numbers: queried from the store, computed, and small enough to keep."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from tubelet.reports.errors import ReportError
from tubelet.reports.literal import Markdown
from tubelet.reports.sensitivity import consistency, curves, ranking, relations
from tubelet.reports.sensitivity.consistency import Consistency, Settling
from tubelet.reports.sensitivity.curves import CurveShape
from tubelet.reports.sensitivity.ranking import ByVideo, Ranking
from tubelet.reports.sensitivity.relations import Relations
from tubelet.reports.sensitivity.request import (
    UNITS,
    SensitivityRequest,
    find_pairs,
    hold_pairs,
    resolve_request,
)
from tubelet.reports.sensitivity.rows import ControlLevel, Foundations
from tubelet.store import Store, intervals
from tubelet.store.encoder_names import name_encoders
from tubelet.store.questions import annotations
from tubelet.store.questions import sensitivity as queries
from tubelet.store.questions.corpus import Question
from tubelet.store.questions.sensitivity import PairScope, Units

HEAT_DIMS, HEAT_VIDEOS = 300, 400
CONTROLS = ("repeated", "rounding", "disjoint")
READ_BEFORE = "foundations", "by video"  # the input, which is read before all else
MANY_PLACES = 50  # of the strongest dimensions that a page lists


@dataclass(frozen=True)
class Heat:
    """Relative edge sensitivity ``(dims, videos)`` of the strongest dimensions, and which dimensions and videos (by place) these are."""

    values: np.ndarray
    dims: np.ndarray
    videos: np.ndarray


@dataclass(frozen=True)
class Outlier:
    """A video that differs from the rest: its place among the videos, in what, and by how many robust standard deviations."""

    video: int
    how: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Answers to questions (`foundations`, `band`, `dims`, `frame`, `videos`, `controls`) and what was computed from them.

    `questions` names all that were asked; `levels` are the mean relative sensitivities of the videos. Where the request's unit is not the
    video, a group of videos takes the place of a video, except in `relations`, which say which videos belong together.
    """

    request: SensitivityRequest
    encoder: str  # what readers call it
    scope: PairScope
    foundations: Foundations
    settings: list[str]
    videos: pa.Table
    band: pa.Table
    relative: CurveShape
    absolute: CurveShape
    controls: Mapping[str, ControlLevel | None]
    dims: pa.Table
    ranking: Ranking
    consistency: Consistency | None
    settling: Settling | None
    heat: Heat
    levels: np.ndarray
    outliers: tuple[Outlier, ...]
    frame: pa.Table
    questions: Mapping[str, Question]
    relations: Relations

    @property
    def count(self) -> int:
        """The number of units: videos, or groups of them."""
        return self.foundations.units

    @property
    def unit(self) -> Markdown:
        """What counts once, in a word."""
        return UNITS[self.request.unit]


@dataclass(frozen=True, kw_only=True)
class MeasuredPairs:
    """The input of all statistics: what was measured within a scope, what it rests on, and which videos belong together.

    `answers` are those that were needed to tell.
    """

    request: SensitivityRequest
    encoder: str
    scope: PairScope  # which holds its pairs
    answers: Mapping[str, pa.Table]
    data: ByVideo
    foundations: Foundations
    relations: Relations


def find(store: Store, request: SensitivityRequest, scopes: pa.Table | None = None) -> Findings:
    """`scopes`: the answer to that question, where it is known. Raises ReportError where there is nothing to report on, QueryError for a
    mistake in the request's condition.
    """
    measured = _read_measured(store, resolve_request(store, request, scopes))
    asked = _questions(measured.scope, measured.foundations.has_several_pairs)
    answers = {
        name: question.answer(store)
        for name, question in asked.items()
        if name not in READ_BEFORE and name not in measured.answers
    }
    return _compute(measured, {**measured.answers, **answers})


def _read_measured(store: Store, asked: SensitivityRequest) -> MeasuredPairs:
    """What was measured, by video or by the groups that the request names."""
    within, settings = find_pairs(store, asked)
    data, foundations = _by_unit(store, within)
    if asked.top and asked.top > foundations.embed_dim:
        raise ReportError(
            f"{asked.top} strongest dimensions were asked for, and {asked.encoder} has {foundations.embed_dim:,}: pass fewer as --top"
        )
    videos = queries.videos_measured(within).answer(store)
    found = find_relations(videos, data)
    if asked.unit != "video":
        units = group_videos(videos, asked.unit, found, read_groups(store))
        within = hold_pairs(store, replace(within, units=units, held=None))
        data, foundations = _by_unit(store, within)
        videos = queries.videos_measured(within).answer(store)
    return MeasuredPairs(
        request=asked,
        encoder=name_encoders(store)[within.encoder_id],
        scope=within,
        answers={"settings": settings, "videos": videos},
        data=data,
        foundations=foundations,
        relations=found,
    )


def _by_unit(store: Store, within: PairScope) -> tuple[ByVideo, Foundations]:
    rests = Foundations.of(queries.foundations(within).answer(store).to_pylist()[0])
    table = queries.by_video(within, rests.has_several_pairs).answer(store)
    return _by_video(table, rests.units), rests


def _compute(measured: MeasuredPairs, answers: Mapping[str, pa.Table]) -> Findings:
    data, shown = measured.data, replace(measured.scope, held=None)
    agreed = consistency.consistency(data.relative)
    order = ranking.rank_dimensions(data, measured.request.top)
    levels = _levels(data.relative)
    relative, absolute = _shapes(answers["curves"], measured.foundations)
    enough = data.videos >= intervals.FEWEST
    return Findings(
        request=measured.request,
        encoder=measured.encoder,
        scope=shown,
        foundations=measured.foundations,
        settings=answers["settings"]["setting"].to_pylist(),
        videos=answers["videos"],
        band=answers["curve"],
        relative=relative,
        absolute=absolute,
        controls={kind: _level(answers[kind]) for kind in CONTROLS},
        dims=answers["dimensions"],
        ranking=order,
        consistency=agreed,
        settling=consistency.settling(data.relative, order.top) if enough else None,
        heat=_heat(data.relative, order, agreed),
        levels=levels,
        outliers=_outliers(levels, agreed),
        frame=answers["frame"],
        questions=_questions(shown, measured.foundations.has_several_pairs),
        relations=measured.relations,
    )


def _level(answer: pa.Table) -> ControlLevel | None:
    return next((ControlLevel.of(row) for row in answer.to_pylist()), None)


def find_relations(videos: pa.Table, data: ByVideo) -> Relations:
    """Which videos belong together, as far as names, labels and measurements say."""
    return relations.relations(
        videos["name"].to_pylist(), videos["label"].to_pylist(), data.relative
    )


def read_groups(store: Store) -> dict[str, str]:
    """The label `group` of the videos that have it. Raises ReportError where one has several."""
    rows = annotations.groups().answer(store).to_pylist()
    if several := [row["video_id"] for row in rows if row["distinct_values"] > 1]:
        raise ReportError(
            f"video {several[0]} has several values of the label `group`: keep one, or choose another --unit"
        )
    return {row["video_id"]: row["value"] for row in rows}


def group_videos(
    videos: pa.Table, unit: str, found: Relations, brought: Mapping[str, str]
) -> Units:
    """The videos that belong to a group of several, and the name of the group: its label, or the name of its first video.

    Where the label `group` was imported (`brought`) for any of these videos, it says which belong together, and names and content do not.
    Raises ReportError where labels are to count, and no video has one.
    """
    ids = videos["video_id"].to_pylist()
    if unit == "group" and not brought.keys().isdisjoint(ids):
        of = {at: f"group {brought[one]}" for at, one in enumerate(ids) if one in brought}
        return Units([ids[at] for at in of], list(of.values()))
    names, labels = videos["name"].to_pylist(), videos["label"].to_pylist()
    if unit == "label":
        if not any(label is not None for label in labels):
            raise ReportError(
                "no video of this report has a label, which is the folder that it was ingested from: choose --unit video, name or group"
            )
        of = {at: f"label {label}" for at, label in enumerate(labels) if label is not None}
    else:
        numbers = found.groups if unit == "group" else found.names
        members = {
            number: np.flatnonzero(numbers == number).tolist() for number in np.unique(numbers)
        }
        several = [group for group in members.values() if len(group) > 1]
        of = {
            at: f"{names[min(group, key=names.__getitem__)]} and {len(group) - 1} more"
            for group in several
            for at in group
        }
        for group in several:  # two groups may begin with files of one name
            for at in group:
                of[at] += f" ({videos['video_id'][group[0]].as_py()})"
    return Units([videos["video_id"][at].as_py() for at in of], list(of.values()))


def _questions(within: PairScope, several: bool) -> dict[str, Question]:
    return {
        "foundations": queries.foundations(within),
        "settings": queries.settings(within),
        "videos": queries.videos_measured(within),
        "curve": queries.curve_band(within),
        "curves": queries.curves(within),
        "repeated": queries.control_levels(within, "repeated"),
        "rounding": queries.control_levels(within, "rounding"),
        "disjoint": queries.control_levels(within, "disjoint"),
        "dimensions": queries.dimension_ranking(within),
        "by video": queries.by_video(within, several),
        "frame": queries.frame_map(within),
    }


def _by_video(table: pa.Table, videos: int) -> ByVideo:
    shape = videos, int(table["dim"].to_numpy().max()) + 1
    at = table["video"].to_numpy() * np.int64(shape[1]) + table["dim"].to_numpy()
    filled = {}
    for name, missing in (("relative", np.nan), ("signed", 0), ("varying", 0)):
        filled[name] = np.full(shape, missing, np.float32)
        filled[name].reshape(-1)[at] = table[name].to_numpy()
    return ByVideo(**filled)


def _shapes(table: pa.Table, foundations: Foundations) -> tuple[CurveShape, CurveShape]:
    """Of the relative and the absolute curve; a video whose dimensions are all constant has no relative one."""
    shape = foundations.units, foundations.most_slices
    relative, absolute = (
        np.asarray(table[name].to_numpy(zero_copy_only=False), float).reshape(shape)
        for name in ("relative", "mean_abs")
    )
    return _shape(relative), _shape(absolute)


def _shape(matrix: np.ndarray) -> CurveShape:
    return curves.shape(matrix[np.isfinite(matrix).all(1)])


def _heat(relative: np.ndarray, order: Ranking, agreed: Consistency | None) -> Heat:
    varying = order.order[np.isfinite(order.relative.value[order.order])]
    dims = varying[:HEAT_DIMS]
    videos = agreed.kept[agreed.order] if agreed is not None else np.arange(len(relative))
    videos = videos[
        np.argsort(np.argsort(videos)) < HEAT_VIDEOS
    ]  # the first by id, in the order of similarity
    return Heat(relative[np.ix_(videos, dims)].T.copy(), dims, videos)


def _levels(relative: np.ndarray) -> np.ndarray:
    """Mean relative edge sensitivity of each video; NaN where all of its dimensions are constant."""
    varying = np.isfinite(relative).sum(1)
    return np.divide(
        np.nansum(relative, axis=1, dtype=np.float64),
        varying,
        out=np.full(len(relative), np.nan),
        where=varying > 0,
    )


def _outliers(levels: np.ndarray, agreed: Consistency | None) -> tuple[Outlier, ...]:
    """Videos whose order of dimensions is unlike the others', or whose level is: beyond 3.5 robust standard deviations."""
    if agreed is None:
        return ()
    order = consistency.outliers(np.arctanh(np.clip(agreed.with_others, -0.999999, 0.999999)))
    level = consistency.outliers(np.log(np.maximum(levels[agreed.kept], 1e-12)))
    found = [
        Outlier(int(agreed.kept[v]), "other dimensions react", float(order[v]))
        for v in np.flatnonzero(order < -consistency.OUTLIER)
    ]
    found += [
        Outlier(
            int(agreed.kept[v]),
            "reacts more strongly" if level[v] > 0 else "reacts more weakly",
            float(level[v]),
        )
        for v in np.flatnonzero(np.abs(level) > consistency.OUTLIER)
    ]
    return tuple(sorted(found, key=lambda outlier: -abs(outlier.score)))
