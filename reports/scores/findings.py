"""The dense scores of every encoder: means over the videos that all of them have, with intervals, and the gain over staying in place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tubelet.reports.errors import ReportError
from tubelet.reports.formatting import shorten_encoders
from tubelet.reports.scores.request import ScoresOptions
from tubelet.store import Store, StoreError
from tubelet.store.encoder_names import find_encoder
from tubelet.store.intervals import Interval, interval, lower_for_choice
from tubelet.store.questions import scores as queries
from tubelet.store.questions.corpus import Question
from tubelet.store.questions.model_rows import VideoScore


@dataclass(frozen=True, kw_only=True)
class MeanScore:
    """One encoder by one measure: the mean over videos, what staying in place reaches on them, and the mean difference of the two."""

    measure: str
    encoder_id: str
    layer: str
    own: Interval
    still: Interval
    gain: Interval


@dataclass(frozen=True, kw_only=True)
class TaskScores:
    """What was reached at a task, the first encoder the best; `videos` of `all_videos` are those that every encoder has."""

    task: str
    reached: tuple[MeanScore, ...]
    videos: int
    all_videos: int
    table: pa.Table
    hardest: pa.Table
    questions: Mapping[str, Question]

    @property
    def measure(self) -> str:
        """The one that counts."""
        return queries.FOR[self.task][0]

    @property
    def ranked(self) -> list[MeanScore]:
        """By the measure that counts, the best first."""
        found = [one for one in self.reached if one.measure == self.measure and one.own.count]
        return sorted(found, key=lambda one: -one.own.mean)

    @property
    def low_of_gain(self) -> float:
        """The lower end of the gain of the best, with the choice among encoders taken into account."""
        best = self.ranked[0]
        return lower_for_choice(
            (best.gain.mean, best.gain.low), best.gain.count, len(self.ranked)
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ScoreFindings:
    """Per task its scores; `settings` the different ones, and `rows` all there are."""

    tasks: tuple[TaskScores, ...]
    names: Mapping[str, str]
    settings: tuple[str, ...]
    rows: pa.Table
    question: Question


def find_scores(store: Store, options: ScoresOptions) -> ScoreFindings:
    """Raises ReportError where there are none."""
    question = queries.video_scores(_choose(store, options))
    table = question.answer(store)
    rows = [VideoScore.of(row) for row in table.to_pylist()]
    if not rows:
        raise ReportError(
            f"{store.name} holds no scores{' of these encoders' if options.encoders else ''}: compute some with `tubelet score --store {store.shell_name}`"
        )
    tasks = [task for task in queries.FOR if any(row.task == task for row in rows)]
    return ScoreFindings(
        tasks=tuple(
            _find_task(store, [row for row in rows if row.task == task], options) for task in tasks
        ),
        names=shorten_encoders(row.encoder_id for row in rows),
        settings=tuple(dict.fromkeys(row.settings for row in rows)),
        rows=table,
        question=question,
    )


def _choose(store: Store, options: ScoresOptions) -> list[str]:
    try:
        return [find_encoder(store, name) for name in options.encoders]
    except StoreError as error:
        raise ReportError(str(error)) from error


def _find_task(store: Store, rows: Sequence[VideoScore], options: ScoresOptions) -> TaskScores:
    task = rows[0].task
    shared = _share_videos(rows)
    reached = tuple(_reach([row for row in rows if row.video_id in shared]))
    found = TaskScores(
        task=task,
        reached=reached,
        videos=len(shared),
        all_videos=len({row.video_id for row in rows}),
        table=pa.Table.from_pylist([_as_row(one) for one in reached], TABLE),
        hardest=pa.table({}),
        questions={},
    )
    if not found.ranked:
        return found
    hardest = queries.hardest_scores(found.ranked[0].encoder_id, found.measure, options.hardest)
    return TaskScores(
        **{**vars(found), "hardest": hardest.answer(store), "questions": {"Videos": hardest}}
    )


def _share_videos(rows: Sequence[VideoScore]) -> set[str]:
    """The videos of every encoder. Raises ReportError where there is none."""
    by_encoder: dict[str, set[str]] = {}
    for row in rows:
        by_encoder.setdefault(row.encoder_id, set()).add(row.video_id)
    shared = set.intersection(*by_encoder.values())
    if not shared:
        raise ReportError(
            f"the encoders share no video with scores of {rows[0].task}, so they cannot be compared: choose one with --encoder, or ingest the same videos with each"
        )
    return shared


def _reach(rows: Sequence[VideoScore]) -> Iterator[MeanScore]:
    """Every measure and encoder, in the order of the rows."""
    groups: dict[tuple[str, str, str], list[VideoScore]] = {}
    for row in rows:
        groups.setdefault((row.measure, row.encoder_id, row.layer), []).append(row)
    for (measure, encoder_id, layer), found in groups.items():
        pairs = [
            (row.unit, row.score, row.still)
            for row in found
            if row.score is not None and row.still is not None
        ]
        yield MeanScore(
            measure=measure,
            encoder_id=encoder_id,
            layer=layer,
            own=interval(_mean_by_unit([(unit, own) for unit, own, _ in pairs]), 0, 1),
            still=interval(_mean_by_unit([(unit, still) for unit, _, still in pairs]), 0, 1),
            gain=interval(
                _mean_by_unit([(unit, own - still) for unit, own, still in pairs]), -1, 1
            ),
        )


def _mean_by_unit(pairs: Sequence[tuple[str, float]]) -> list[float]:
    """A group counts once."""
    by_unit: dict[str, list[float]] = {}
    for unit, value in pairs:
        by_unit.setdefault(unit, []).append(value)
    return [sum(values) / len(values) for values in by_unit.values()]


TEXT, NUMBER = pa.string(), pa.float64()
ENDS = ("score", "low", "high", "still", "gain", "gain_low", "gain_high")
TABLE = pa.schema(
    [(name, TEXT) for name in ("measure", "encoder_id", "layer")]
    + [(name, NUMBER) for name in ENDS]
    + [("units", pa.int64())]
)


def _as_row(one: MeanScore) -> dict:
    numbers = (one.own.mean, one.own.low, one.own.high, one.still.mean, one.gain.mean, one.gain.low, one.gain.high)  # fmt: skip
    known = (value if value == value else None for value in numbers)
    place = {"measure": one.measure, "encoder_id": one.encoder_id, "layer": one.layer}
    return {**place, **dict(zip(ENDS, known)), "units": one.own.count}
