"""The report `scores` as blocks: the answer, each task, the hardest videos, and what it rests on."""

from collections.abc import Iterator

from tubelet.reports.blocks import Block, Code, Column, Heading, Table, Text, interval_columns
from tubelet.reports.command_line import report_command
from tubelet.reports.literal import literal
from tubelet.reports.scores import figures, narrative
from tubelet.reports.scores.findings import ScoreFindings, TaskScores, find_scores
from tubelet.reports.scores.request import ScoresOptions
from tubelet.store import Store

TITLE = "How well do tokens carry masks and points?"
STILL = Column("still", "in place", ".3f", "The mask or point stays where it was given")
MEAN_COLUMNS = (
    Column("measure", "measure"),
    Column("encoder_id", "encoder"),
    Column("layer", "layer"),
    Column("score", "mean", ".3f"),
    *interval_columns("low", "high"),
    STILL,
    Column("gain", "gain", ".3f", "Mean difference from what stays in place, on the same videos"),
    *interval_columns("gain_low", "gain_high"),
    Column("units", "videos or groups", ",d"),
)
HARDEST_COLUMNS = (
    Column("name", "video"),
    Column("score", "score", ".3f"),
    STILL,
    Column("thing_count", "objects or points", ",d", "Once per clip"),
    Column("frame_count", "frames", ",d", "Once per object or point"),
    Column("video_id", "video id"),
)
VIDEO_COLUMNS = (
    Column("measure", "measure"),
    Column("encoder_id", "encoder"),
    Column("layer", "layer"),
    Column("name", "video"),
    Column("score", "score", ".3f"),
    STILL,
    Column("thing_count", "objects or points", ",d", "Once per clip"),
    Column("frame_count", "frames", ",d", "Once per object or point"),
    Column("clip_count", "clips", ",d"),
    Column("video_id", "video id"),
)


def scores_report(store: Store, options: ScoresOptions) -> Iterator[Block]:
    found = find_scores(store, options)
    yield Text(narrative.answer(found))
    yield Text(narrative.subject(found))
    for task in found.tasks:
        yield from _task(found, task)
    yield Heading("Every video", "videos")
    yield Table(
        name="videos",
        title="Scores by video",
        rows=found.rows,
        words={"encoder_id": found.names},
        columns=VIDEO_COLUMNS,
        shown=200,
        questions={"Scores": found.question},
    )
    yield Heading("What this rests on", "foundations")
    yield Text(narrative.METHOD)
    yield Code("The command that repeats it", report_command("scores", store, options), "bash")


def _task(found: ScoreFindings, task: TaskScores) -> Iterator[Block]:
    yield Heading(literal(task.task.capitalize()), literal(task.task))
    yield figures.draw_means(found, task)
    yield Table(
        name=f"means_{task.task}_table",
        title="Means over videos",
        rows=task.table,
        words={"encoder_id": found.names},
        columns=MEAN_COLUMNS,
        shown=300,
        questions={"Scores": found.question},
    )
    if task.ranked:
        yield Table(
            name=f"hardest_{task.task}",
            title=f"Hardest videos of {narrative.name_place(found, task.ranked[0])}, by {literal(task.measure)}",
            rows=task.hardest,
            columns=HARDEST_COLUMNS,
            shown=200,
            questions=task.questions,
        )
