"""The report `transition` as blocks: the answer, the next slice by model, rollouts, hard videos, and what it rests on."""

from collections.abc import Iterator

from tubelet.reports.blocks import Block, Code, Column, Heading, Table, Text, interval_columns
from tubelet.reports.command_line import report_command
from tubelet.reports.transition import figures, narrative
from tubelet.reports.transition.findings import TransitionFindings, find_transitions
from tubelet.reports.transition.request import TransitionReportOptions
from tubelet.store import Store

TITLE = "How predictable is the next slice?"
RANK = "Share of other slices nearer to the prediction than the true one; chance is 0.5"
FIGURE_COLUMNS = (
    Column("model", "model"),
    Column("horizon", "horizon", "d", "Slices after the last one seen"),
    Column("explained", "explained", ".3f", "Variance explained over copying the last slice"),
    *interval_columns("low", "high"),
    Column("mean_explained", "by the mean", ".3f", "The same for the mean of the slices seen"),
    Column("rank_within", "rank in its clip", ".3f", RANK),
    *interval_columns("rank_within_low", "rank_within_high"),
    Column("copy_rank_within", "of a copy", ".3f"),
    Column("rank_between", "rank in other videos", ".3f", RANK),
    *interval_columns("rank_between_low", "rank_between_high"),
    Column("copy_rank_between", "of a copy", ".3f"),
    Column("videos", "videos", ",d"),
)
DIFFERENCE_COLUMNS = (
    Column("first", "model"),
    Column("second", "compared with"),
    Column("difference", "explains more", ".3f", "Difference of the variance explained"),
    *interval_columns("low", "high"),
)
VIDEO_COLUMNS = (
    Column("name", "video"),
    Column("explained", "explained", ".3f"),
    Column("mean_explained", "by the mean", ".3f", "The same for the mean of the slices seen"),
    Column("squared_error", "squared error", ".3f"),
    Column("copy_error", "of a copy", ".3f"),
    Column("rank_within", "rank in its clip", ".3f", RANK),
    Column("predicted_slices", "slices", ",d"),
    Column("video_id", "video id"),
)
MODEL_COLUMNS = (
    Column("encoder_id", "encoder"),
    Column("layer", "layer"),
    Column("control", "control"),
    Column("embed_dim", "dimensions", ",d"),
    Column("network_parameters", "parameters", ",d"),
    Column("steps", "steps", ",d"),
    Column("best_step", "best step", ",d", "Step whose weights were kept; 0: a copy"),
    Column("held_explained", "explained while fitting", ".3f", "On the videos held back"),
    Column("transition_id", "id"),
)


def transition_report(store: Store, options: TransitionReportOptions) -> Iterator[Block]:
    found = find_transitions(store, options)
    yield Text(narrative.answer(found))
    yield Text(narrative.subject(found))
    yield from _next_slice(found)
    if any(one.horizon > 1 for one in found.figures):
        yield Heading("Rollouts", "rollouts")
        yield figures.by_horizon(found)
    yield from _videos(found)
    yield Heading("What this rests on", "foundations")
    yield Table(
        name="fits",
        title="Models",
        rows=found.models,
        columns=MODEL_COLUMNS,
        questions={"Models": found.questions["Models"]},
    )
    yield Text(narrative.METHOD)
    command = report_command("transition", store, options, run=found.run.run_id)
    yield Code("The command that repeats it", command, "bash")


def _next_slice(found: TransitionFindings) -> Iterator[Block]:
    yield Heading("By model", "by-model")
    yield figures.by_model(found)
    yield Table(
        name="figures",
        title="Models and controls, by horizon",
        rows=found.table,
        columns=FIGURE_COLUMNS,
        shown=200,
        questions={"Scores": found.questions["Scores"]},
    )
    if len(found.differences):
        yield Table(
            name="differences",
            title="The most predictable encoder beside each other model, on the same videos",
            rows=found.differences,
            columns=DIFFERENCE_COLUMNS,
            shown=200,
            questions={"Scores": found.questions["Scores"]},
        )


def _videos(found: TransitionFindings) -> Iterator[Block]:
    yield Heading("Where the best model explains least", "videos")
    yield Table(
        name="videos",
        title="Test videos, the least predictable first",
        rows=found.hardest,
        columns=VIDEO_COLUMNS,
        shown=200,
        questions={"Videos": found.questions["Videos"]},
    )
