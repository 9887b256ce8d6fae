"""Everything a sensitivity report says, as numbers: asked of the store, computed, and small enough to keep."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from reports import consistency, curves, ranking
from reports.consistency import Consistency, Settling
from reports.curves import Shape
from reports.ranking import ByVideo, Ranking
from reports.request import Request, resolved, scope
from store import Store
from store import sensitivity_queries as queries
from store.queries import Question
from store.sensitivity_queries import Scope

HEAT_DIMS, HEAT_VIDEOS = 300, 400
MANY_PLACES = 50  # of the strongest dimensions that a page lists


@dataclass(frozen=True)
class Heat:
    """Relative edge sensitivity ``(dims, videos)`` of the strongest dimensions, and which dimensions and videos (by place) these are."""

    values: np.ndarray
    dims: np.ndarray
    videos: np.ndarray


@dataclass(frozen=True)
class Outlier:
    """A video unlike the rest: its place among the videos, how, and by how many robust standard deviations."""

    video: int
    how: str
    score: float


@dataclass(frozen=True)
class Findings:
    """Answers to questions (`foundations`, `band`, `dims`, `frame`, `videos`, `controls`) and what was computed from them.

    `questions` names all that were asked; `levels` are the mean relative sensitivities of the videos.
    """

    request: Request
    foundations: Mapping
    settings: list[str]
    videos: pa.Table
    band: pa.Table
    relative: Shape
    absolute: Shape
    controls: Mapping[str, Mapping | None]
    dims: pa.Table
    ranking: Ranking
    consistency: Consistency | None
    settling: Settling | None
    heat: Heat
    levels: np.ndarray
    outliers: tuple[Outlier, ...]
    frame: pa.Table
    questions: Mapping[str, Question]

    @property
    def count(self) -> int:
        """Videos."""
        return self.foundations["videos"]


def find(store: Store, request: Request) -> Findings:
    """Raises ReportError where there is nothing to report on, QueryError for a mistake in the request's condition."""
    asked = resolved(store, request)
    within = scope(store, asked)
    foundations = queries.foundations(within).answer(store).to_pylist()[0]
    questions = _questions(within, several=foundations["pairs"] > foundations["videos"])
    tables = {name: question.answer(store) for name, question in questions.items() if name not in ("by video", "curves")}
    data = _by_video(questions["by video"].answer(store), foundations["videos"], tables["dimensions"])
    agreed = consistency.consistency(data.relative)
    order = ranking.ranked(data, asked.top)
    levels = _levels(data.relative)
    return Findings(
        asked,
        foundations,
        tables["settings"]["setting"].to_pylist(),
        tables["videos"],
        tables["curve"],
        *_shapes(questions["curves"].answer(store), foundations),
        {kind: next(iter(tables[kind].to_pylist()), None) for kind in ("repeated", "disjoint")},
        tables["dimensions"],
        order,
        agreed,
        consistency.settling(data.relative, order.top) if data.videos >= intervals.FEWEST else None,
        _heat(data.relative, order, agreed),
        levels,
        _outliers(levels, agreed),
        tables["frame"],
        questions,
    )


def _questions(within: Scope, several: bool) -> dict[str, Question]:
    return {
        "foundations": queries.foundations(within),
        "settings": queries.settings(within),
        "videos": queries.videos_measured(within),
        "curve": queries.curve_band(within),
        "curves": queries.curves(within),
        "repeated": queries.control_levels(within, "repeated"),
        "disjoint": queries.control_levels(within, "disjoint"),
        "dimensions": queries.dimension_ranking(within),
        "by video": queries.by_video(within, several),
        "frame": queries.frame_map(within),
    }


def _by_video(table: pa.Table, videos: int, dims: pa.Table) -> ByVideo:
    shape = videos, int(dims["dim"].to_numpy().max()) + 1
    at = table["video"].to_numpy() * np.int64(shape[1]) + table["dim"].to_numpy()
    filled = {}
    for name, missing in (("relative", np.nan), ("signed", 0), ("varying", 0)):
        filled[name] = np.full(shape, missing, np.float32)
        filled[name].reshape(-1)[at] = table[name].to_numpy()
    return ByVideo(**filled)


def _shapes(table: pa.Table, foundations: Mapping) -> tuple[Shape, Shape]:
    """Of the relative and the absolute curve; a video whose dimensions are all constant has no relative one."""
    shape = foundations["videos"], foundations["most_slices"]
    matrices = [np.asarray(table[name].to_numpy(zero_copy_only=False), float).reshape(shape) for name in ("relative", "mean_abs")]
    return tuple(curves.shape(matrix[np.isfinite(matrix).all(1)]) for matrix in matrices)


def _heat(relative: np.ndarray, order: Ranking, agreed: Consistency | None) -> Heat:
    varying = order.order[np.isfinite(order.relative.value[order.order])]
    dims = varying[:HEAT_DIMS]
    videos = agreed.kept[agreed.order] if agreed is not None else np.arange(len(relative))
    videos = videos[np.argsort(np.argsort(videos)) < HEAT_VIDEOS]  # the first by id, in the order of similarity
    return Heat(relative[np.ix_(videos, dims)].T.copy(), dims, videos)


def _levels(relative: np.ndarray) -> np.ndarray:
    """Mean relative edge sensitivity of each video; NaN where all of its dimensions are constant."""
    varying = np.isfinite(relative).sum(1)
    return np.divide(np.nansum(relative, axis=1, dtype=np.float64), varying, out=np.full(len(relative), np.nan), where=varying > 0)


def _outliers(levels: np.ndarray, agreed: Consistency | None) -> tuple[Outlier, ...]:
    """Videos whose order of dimensions is unlike the others', or whose level is: beyond 3.5 robust standard deviations."""
    if agreed is None:
        return ()
    order = consistency.outliers(np.arctanh(np.clip(agreed.with_others, -0.999999, 0.999999)))
    level = consistency.outliers(np.log(np.maximum(levels[agreed.kept], 1e-12)))
    found = [Outlier(int(agreed.kept[v]), "other dimensions react", float(order[v])) for v in np.flatnonzero(order < -consistency.OUTLIER)]
    for v in np.flatnonzero(np.abs(level) > consistency.OUTLIER):
        found.append(Outlier(int(agreed.kept[v]), "reacts more strongly" if level[v] > 0 else "reacts more weakly", float(level[v])))
    return tuple(sorted(found, key=lambda outlier: -abs(outlier.score)))
