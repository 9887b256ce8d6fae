"""The report `probes` as blocks: the answer, scores by layer, mistakes, and what it rests on."""

from collections.abc import Iterator

from tubelet.reports.blocks import Block, Code, Column, Heading, Table, Text, interval_columns
from tubelet.reports.command_line import report_command
from tubelet.reports.probes import figures, narrative
from tubelet.reports.probes.findings import (
    ATTENTION,
    CONTROL_NAMES,
    MASKS,
    ProbeFindings,
    find_probes,
)
from tubelet.reports.probes.request import ProbesOptions
from tubelet.store import Store

TITLE = "What do the stored states know about a label?"
SHARE = Column(
    "train_share",
    "labels used (%)",
    "g",
    "Share of the labeled training videos that was learned from",
)
SCORE_COLUMNS = (
    Column("encoder_id", "encoder"),
    Column("layer", "layer"),
    Column("control", "control"),
    SHARE,
    Column("score", "score", ".3f"),
    *interval_columns("score_low", "score_high"),
    Column("video_count", "videos", ",d"),
    Column("clip_count", "clips", ",d"),
    Column(
        "hyperparameter",
        "hyperparameter",
        ".3g",
        "C, alpha, neighbors or learning rate: the median over folds",
    ),
)
SHARE_COLUMNS = (
    Column("encoder_id", "encoder"),
    Column("layer", "layer"),
    SHARE,
    Column("score", "score", ".3f"),
    *interval_columns("score_low", "score_high"),
    Column(
        "relative_drop",
        "relative drop",
        ".1%",
        "How far below the score of all training videos, relative to it; negative: above it",
    ),
)
HARDEST_COLUMNS = (
    Column("name", "video"),
    Column("truth", "truth"),
    Column("prediction", "prediction"),
    Column("confidence", "confidence", ".2f"),
    Column("video_id", "video id"),
)
CLASS_COLUMNS = (
    Column("class_value", "class", "", "Number of the object in the masks"),
    Column("iou", "IoU", ".3f", "Intersection over union of all predicted videos"),
    Column("iou_low", "from", ".3f", "Lower end of the 95% interval"),
    Column("iou_high", "to", ".3f", "Upper end of the 95% interval"),
    Column("videos", "videos", ",d", "Videos that show the class, or are said to"),
)
HARDEST_MASK_COLUMNS = (
    Column("name", "video"),
    Column("mean_iou", "mean IoU", ".3f", "Over the classes that the video shows, or is said to"),
    Column("worst_class", "worst class"),
    Column("worst_iou", "its IoU", ".3f"),
    Column("frames", "annotated frames", ",d"),
    Column("video_id", "video id"),
)
CONFUSION_COLUMNS = (
    Column("truth", "truth"),
    Column("prediction", "prediction"),
    Column("videos", "videos", ",d"),
)


DIRECTION_COLUMNS = (
    Column("class_value", "class"),
    Column("direction", "direction", "", "Its name on the page Dimension and in `component`"),
    Column("length", "length", ".3g", "Length of its weights"),
)


def probes_report(store: Store, options: ProbesOptions) -> Iterator[Block]:
    found = find_probes(store, options)
    yield Text(narrative.answer(found))
    yield Text(narrative.subject(found))
    yield from _layers(found)
    if len(found.shares) > len(found.probes):
        yield from _shares(found)
    yield from _masks(found) if found.run.task == MASKS else _mistakes(found)
    if len(found.directions):
        yield from _directions(found)
    yield Heading("What this rests on", "foundations")
    yield Text(narrative.method(found))
    command = report_command("probes", store, options, run=found.run.run_id)
    yield Code("The command that repeats it", command, "bash")


def _layers(found: ProbeFindings) -> Iterator[Block]:
    yield Heading("By layer", "by-layer")
    yield figures.by_layer(found)
    yield Table(
        name="scores",
        title="Probes and controls",
        rows=found.table,
        words={"encoder_id": found.names, "control": CONTROL_NAMES},
        columns=SCORE_COLUMNS,
        shown=200,
        questions={"Scores": found.questions["scores"]},
    )


def _shares(found: ProbeFindings) -> Iterator[Block]:
    yield Heading("Label efficiency", "shares")
    yield figures.by_share(found)
    yield Table(
        name="drops",
        title="Scores by share of the training videos",
        rows=found.shares,
        words={"encoder_id": found.names},
        columns=SHARE_COLUMNS,
        shown=200,
        questions={"Shares": found.questions["shares"]},
    )


def _directions(found: ProbeFindings) -> Iterator[Block]:
    yield Heading("What the best probe looks for", "directions")
    yield Text(narrative.DIRECTIONS)
    yield Table(
        name="directions",
        title="Its weights as directions",
        rows=found.directions,
        columns=DIRECTION_COLUMNS,
        shown=200,
        questions={"Directions": found.questions["directions"]},
        dims_of=found.best.encoder_id,
    )


def _mistakes(found: ProbeFindings) -> Iterator[Block]:
    yield Heading("Where the best probe is wrong", "mistakes")
    yield Text(f"Of {narrative.name_place(found, found.best)}.")
    if found.run.task == "classes":
        yield Table(
            name="confusion",
            title="True and predicted classes",
            rows=found.confusion,
            columns=CONFUSION_COLUMNS,
            questions={"Classes": found.questions["confusion"]},
        )
    if ATTENTION in found.player:
        yield Text(narrative.ATTENTION)
    yield Table(
        name="hardest",
        title="Hardest videos" if len(found.hardest) else "Hardest videos: none is wrong",
        rows=found.hardest,
        columns=HARDEST_COLUMNS,
        shown=200,
        questions={"Videos": found.questions["hardest"]},
        player=found.player,
    )


def _masks(found: ProbeFindings) -> Iterator[Block]:
    yield Heading("What the best probe tells apart", "classes")
    yield Text(f"Of {narrative.name_place(found, found.best)}.")
    yield Table(
        name="classes",
        title="Intersection over union by class",
        rows=found.classes,
        columns=CLASS_COLUMNS,
        shown=256,
        questions={"Classes": found.questions["classes"]},
    )
    yield Table(
        name="hardest",
        title="Hardest videos",
        rows=found.hardest,
        columns=HARDEST_MASK_COLUMNS,
        shown=200,
        questions={"Videos": found.questions["hardest"]},
        player=found.player,
    )
