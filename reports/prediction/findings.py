"""What the report `prediction` finds: the moments, the correlations with the controls, and the matched pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from tubelet.reports.prediction.correlation import correlate_between, correlate_within
from tubelet.reports.prediction.matching import (
    MEAN,
    PEAK,
    Matching,
    compare_sides,
    list_differences,
    match_videos,
    pair_by_hand,
)
from tubelet.reports.prediction.moments import find_moments
from tubelet.reports.prediction.request import PredictionOptions, choose_scope
from tubelet.store import Store
from tubelet.store.errors import NoVideos
from tubelet.store.intervals import Interval, interval
from tubelet.store.questions.corpus import Question
from tubelet.store.questions.rows import SurpriseScope
from tubelet.store.questions.surprise import labels_for_matching, surprising_slices
from tubelet.store.sandbox import conditions

CONTROLS = {
    "pixel_change": "pixel change",
    "motion": "motion",
    "copy_l1": "error of copying",
}
WITHIN, BETWEEN = "within videos", "between videos"


@dataclass(frozen=True)
class VideoCurves:
    """The slices of one video by column, in the order of time."""

    video_id: str
    name: str
    columns: Mapping[str, np.ndarray]

    def mean(self, column: str) -> float:
        return float(self.columns[column].mean())

    def highest(self, column: str) -> float:
        return float(self.columns[column].max())


@dataclass(frozen=True, kw_only=True)
class PredictionFindings:
    """`rows` has one row per slice; `correlations` one per control and way; `matched` one per measure, of pairs; `videos` one per video."""

    scope: SurpriseScope
    options: PredictionOptions
    rows: pa.Table
    curves: Sequence[VideoCurves]
    moments: pa.Table
    correlations: pa.Table
    over_copy: Interval
    matching: Matching | None
    matched: pa.Table | None
    differences: pa.Table | None
    questions: Mapping[str, Question]


def find_predictions(store: Store, options: PredictionOptions) -> PredictionFindings:
    """Raises ReportError, NoVideos and QueryError."""
    scope = choose_scope(store, options)
    chosen = None if options.where is None else conditions.videos(store, options.where)
    question = surprising_slices(scope.encoder_id, scope.context, scope.horizon, chosen)
    rows = question.answer(store)
    if not len(rows):
        raise NoVideos(
            f"no video that meets the condition {options.where!r} has predictions of {scope.encoder_id}: choose other videos, or leave --where out"
        )
    curves = _split(rows)
    questions = {"Slices": question}
    matching = matched = differences = None
    known = [one.video_id for one in curves]
    if options.pairs is not None:
        matching = pair_by_hand(store, options.pairs, known)
    elif options.match is not None and options.side is not None:
        matching = match_videos(store, options.match, options.side, known)
        questions["Labels"] = labels_for_matching(options.match, options.side)
    if matching is not None:
        matched, differences = _test_all(matching, curves, options.column)
    return PredictionFindings(
        scope=scope,
        options=options,
        rows=rows,
        curves=curves,
        moments=find_moments(rows, options.column, options.moments),
        correlations=_correlate_all(curves, options.column),
        over_copy=_relate_to_copying(curves),
        matching=matching,
        matched=matched,
        differences=differences,
        questions=questions,
    )


def _split(rows: pa.Table) -> list[VideoCurves]:
    """By video; rows come in that order."""
    numbers = {
        name: rows[name].to_numpy(zero_copy_only=False).astype(float)
        for name in ("at_s", "l1", "angle", "l1_over_copy", *CONTROLS)
    }
    ids, names = np.array(rows["video_id"].to_pylist()), rows["name"].to_pylist()
    starts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    stops = [*starts[1:], len(ids)]
    return [
        VideoCurves(
            str(ids[start]),
            names[start],
            {name: values[start:stop] for name, values in numbers.items()},
        )
        for start, stop in zip(starts, stops, strict=True)
    ]


def _relate_to_copying(curves: Sequence[VideoCurves]) -> Interval:
    """A video's error over that of copying, the mean over videos; videos in which a copy has no error say nothing."""
    ratios = [one.mean("l1") / one.mean("copy_l1") for one in curves if one.mean("copy_l1") > 0]
    return interval(ratios, 0)


def _correlate_all(curves: Sequence[VideoCurves], column: str) -> pa.Table:
    rows = []
    for control, title in CONTROLS.items():
        pairs = [(one.columns[column], one.columns[control]) for one in curves]
        means = np.array([[one.mean(column), one.mean(control)] for one in curves])
        known = means[np.isfinite(means).all(1)]
        found = {WITHIN: correlate_within(pairs), BETWEEN: correlate_between(*known.T)}
        rows += [{"control": title, "over": way, **asdict(one)} for way, one in found.items()]
    return pa.Table.from_pylist(rows, CORRELATIONS)


def _test_all(
    matching: Matching, curves: Sequence[VideoCurves], column: str
) -> tuple[pa.Table, pa.Table]:
    """A test per measure and summary of a video; and the differences of surprise, pair by pair."""
    measures = {"surprise": column} | {title: name for name, title in CONTROLS.items()}
    tests = []
    for measure, name in measures.items():
        for summary, of in ((MEAN, VideoCurves.mean), (PEAK, VideoCurves.highest)):
            found = list_differences(matching, {one.video_id: of(one, name) for one in curves})
            if len(found):
                tests.append({"measure": measure, "of": summary, **asdict(compare_sides(found))})
    return pa.Table.from_pylist(tests, TESTS), _list_pairs(matching, curves, column)


def _list_pairs(matching: Matching, curves: Sequence[VideoCurves], column: str) -> pa.Table:
    by_id = {one.video_id: one for one in curves}
    rows = []
    for pair in matching.pairs:
        first, second = (by_id[video] for video in pair.videos)
        rows.append(
            {
                "pair": pair.value,
                "first": first.name,
                "second": second.name,
                "first_mean": first.mean(column),
                "second_mean": second.mean(column),
                "difference": second.mean(column) - first.mean(column),
                "highest_difference": second.highest(column) - first.highest(column),
                "first_video_id": first.video_id,
                "second_video_id": second.video_id,
            }
        )
    return pa.Table.from_pylist(rows).sort_by([("difference", "descending")])


_INTERVAL = {"low": pa.float64(), "high": pa.float64()}
CORRELATIONS = pa.schema(
    {
        "control": pa.string(),
        "over": pa.string(),
        "value": pa.float64(),
        **_INTERVAL,
        "chance_low": pa.float64(),
        "chance_high": pa.float64(),
        "videos": pa.int64(),
    }
)
TESTS = pa.schema(
    {
        "measure": pa.string(),
        "of": pa.string(),
        "difference": pa.float64(),
        **_INTERVAL,
        "p": pa.float64(),
        "t": pa.float64(),
        "p_t": pa.float64(),
        "higher": pa.float64(),
        "higher_low": pa.float64(),
        "higher_high": pa.float64(),
        "pairs": pa.int64(),
    }
)
