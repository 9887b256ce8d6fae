"""The report `prediction` as blocks: the answer, the most surprising moments, what surprise follows, matched pairs, and what it rests on."""

from collections.abc import Iterator

from tubelet.reports.blocks import Block, Code, Column, Heading, Table, Text, interval_columns
from tubelet.reports.command_line import report_command
from tubelet.reports.prediction import figures, narrative
from tubelet.reports.prediction.findings import PredictionFindings, find_predictions
from tubelet.reports.prediction.lockstep import draw_steps
from tubelet.reports.prediction.moments import draw_moments
from tubelet.reports.prediction.request import PredictionOptions
from tubelet.store import Store
from tubelet.store.encoder_names import name_encoders

TITLE = "What did the predictor not expect?"
LISTED = 200
MOMENT_COLUMNS = (
    Column("name", "video"),
    Column("at_s", "second", ".2f"),
    Column("slice", "slice", "d"),
    Column("l1", "error", ".3f", "Mean absolute error of the prediction"),
    Column("copy_l1", "of a copy", ".3f", "The same error of a copy of the last slice seen"),
    Column("l1_over_copy", "over copy", ".2f", "Above 1: worse than copying"),
    Column("angle", "1 - cosine", ".3f"),
    Column("pixel_change", "pixel change", ".3f", "To the last frame seen, share of the range"),
    Column(
        "pixel_change_rank", "pixel change above", ".0%", "Share of all slices that change less"
    ),
    Column("motion", "motion", ".2f", "Pixels per frame"),
    Column("motion_rank", "motion above", ".0%", "Share of all slices that move less"),
    Column("clip_id", "clip"),
)
CORRELATION_COLUMNS = (
    Column("control", "control"),
    Column("over", "over"),
    Column("value", "rank correlation", ".3f"),
    *interval_columns("low", "high"),
    Column("chance_low", "chance from", ".3f", "Lower end of the range that chance gives"),
    Column("chance_high", "chance to", ".3f", "Upper end of the range that chance gives"),
    Column("videos", "videos", ",d"),
)
TEST_COLUMNS = (
    Column("measure", "measure"),
    Column("of", "of a video"),
    Column("difference", "difference", ".4g", "Second side minus first, mean over pairs"),
    *interval_columns("low", "high", ".4g", over="pairs"),
    Column("p", "p", ".2g", "Under random exchange of the sides"),
    Column("t", "t", ".2f", "Statistic of the paired t test"),
    Column(
        "p_t",
        "p of t",
        ".2g",
        "Two-sided p-value of the paired t test, which takes differences for normally distributed",
    ),
    Column("higher", "second higher", ".0%", "Share of pairs; chance is 50%"),
    Column("pairs", "pairs", ",d"),
)
PAIR_COLUMNS = (
    Column("pair", "pair"),
    Column("first", "first"),
    Column("second", "second"),
    Column("first_mean", "first mean", ".3f"),
    Column("second_mean", "second mean", ".3f"),
    Column("difference", "difference", ".3f"),
    Column("highest_difference", "of the highest slice", ".3f"),
)


def prediction_report(store: Store, options: PredictionOptions) -> Iterator[Block]:
    found = find_predictions(store, options)
    yield Text(narrative.answer(found))
    yield Text(narrative.describe_subject(found, name_encoders(store)[found.scope.encoder_id]))
    yield from _moments(store, found)
    yield from _controls(found)
    yield from _pairs(found)
    yield Heading("What this rests on", "foundations")
    yield Text(narrative.METHOD)
    command = report_command(
        "prediction",
        store,
        options,
        encoder=found.scope.encoder_id,
        context=found.scope.context,
        horizon=found.scope.horizon,
    )
    yield Code("The command that repeats it", command, "bash")


def _moments(store: Store, found: PredictionFindings) -> Iterator[Block]:
    yield Heading("Most surprising moments", "moments")
    for sentence in narrative.warn(found):
        yield Text(sentence)
    yield Table(
        name="moments",
        title="Moments, the most surprising first",
        rows=found.moments,
        columns=MOMENT_COLUMNS,
        shown=LISTED,
        questions={"Slices": found.questions["Slices"]},
        pictures=draw_moments(store, found.moments),
    )


def _controls(found: PredictionFindings) -> Iterator[Block]:
    yield Heading("What surprise follows", "controls")
    yield Table(
        name="correlations",
        title="Rank correlation with the controls",
        rows=found.correlations,
        columns=CORRELATION_COLUMNS,
        questions={"Slices": found.questions["Slices"]},
    )
    yield figures.draw_slices(found)


def _pairs(found: PredictionFindings) -> Iterator[Block]:
    if found.matched is None or found.differences is None:
        return
    yield Heading("Matched pairs", "matched")
    for sentence in narrative.describe_pairs(found):
        yield Text(sentence)
    yield Table(
        name="tests",
        title="Difference between the sides, beside the controls",
        rows=found.matched,
        columns=TEST_COLUMNS,
        questions=found.questions,
    )
    yield figures.draw_pairs(found, found.differences)
    if found.matching is not None:
        yield draw_steps(found, found.matching)
    yield Table(
        name="matched",
        title="Pairs, the largest difference first",
        rows=found.differences,
        columns=PAIR_COLUMNS,
        shown=LISTED,
        questions=found.questions,
    )
