"""The report `sensitivity`: which dimensions react when the window around the same frames shifts, over the videos of a store.

A generator of blocks over `Findings`, in six sections; it computes nothing itself.
"""

from collections.abc import Iterator
from dataclasses import replace

import pyarrow.compute as pc

from tubelet.reports.blocks import Block, Code, Heading, Picture, Table, Text
from tubelet.reports.sensitivity import figures, narrative, tables
from tubelet.reports.sensitivity.curves import FEWEST_SLICES
from tubelet.reports.sensitivity.findings import MANY_PLACES, Findings
from tubelet.store import Store
from tubelet.store.intervals import FEWEST

TITLE = "Which dimensions react when the window shifts?"


def sections(found: Findings, command: str, store: Store, prefix: str = "") -> Iterator[Block]:
    """All six sections; `prefix` keeps the anchors and names of two reports in one file apart."""
    for section in (
        dimensions(found),
        curve(found),
        consistency(found),
        videos(found),
        frame(found),
        foundations(found, command, store),
    ):
        yield from (_prefix_title(block, prefix) for block in section)


def _prefix_title(block: Block, prefix: str) -> Block:
    match block:
        case Heading():
            return replace(block, anchor=prefix + block.anchor)
        case Picture() | Table():
            return replace(block, name=prefix + block.name)
    return block


def curve(found: Findings) -> Iterator[Block]:
    yield Heading("Where in the window", "curve")
    yield figures.curve(found, "relative")
    yield figures.curve(found, "absolute")
    reach = f" {narrative.reach(found)}" if found.relative.slices >= FEWEST_SLICES else ""
    yield Text(narrative.shape(found.relative, found.unit) + reach)
    yield Text(narrative.controls(found))


def dimensions(found: Findings) -> Iterator[Block]:
    yield Heading("Which dimensions", "dimensions")
    rows, many = tables.dimensions(found), found.count >= FEWEST
    varying = rows.filter(pc.is_valid(rows["relative"]))
    if many:
        listed = found.ranking.specialists
        yield Text(narrative.specialists(found))
        yield Code(f"Specialists ({len(listed)})", ", ".join(map(str, listed)) or "none")
    else:
        yield Text(narrative.sentence(narrative.too_few(found.count, found.unit)))
    yield figures.strongest(found, varying)
    if many:
        yield figures.share(found, varying)
    title = "All dimensions, strongest first"
    yield Table(
        name="dimensions",
        title=title,
        rows=rows,
        columns=tables.dimension_columns(found),
        dims_of=found.scope.encoder_id,
        shown=MANY_PLACES,
        questions=figures.ranking_sql(found),
    )
    yield Text(narrative.constants(found))


def consistency(found: Findings) -> Iterator[Block]:
    yield Heading(f"Do {found.unit}s agree", "consistency")
    yield Text(narrative.agreement(found))
    if found.consistency is not None:
        yield figures.matrix(found, found.consistency)
        yield figures.agreement(found, found.consistency)
    if found.settling is not None:
        yield figures.settling(found, found.settling)


def videos(found: Findings) -> Iterator[Block]:
    yield Heading(f"{narrative.sentence(found.unit)} by {found.unit}", "videos")
    if found.heat.values.size:
        yield figures.heat(found)
    yield Text(narrative.outliers(found))
    behind = {"Videos": found.questions["videos"], "By video": found.questions["by video"]}
    if found.consistency is not None:
        title = f"Outliers ({len(found.outliers)})"
        yield Table(
            name="outliers",
            title=title,
            rows=tables.outliers(found),
            columns=tables.OUTLIER_COLUMNS,
            shown=MANY_PLACES,
            questions=behind,
            pairs="pair_id",
        )
    title = f"{narrative.sentence(found.unit)}s ({found.count:,})"
    yield Table(
        name="videos",
        title=title,
        rows=tables.videos(found),
        columns=tables.VIDEO_COLUMNS,
        shown=MANY_PLACES,
        questions=behind,
        pairs="pair_id",
    )


def frame(found: Findings) -> Iterator[Block]:
    yield Heading("Where in the frame", "frame")
    yield (
        figures.frame(found)
        if len(found.frame)
        else Text("No differences of single tokens are stored for these pairs.")
    )


def foundations(found: Findings, command: str, store: Store) -> Iterator[Block]:
    yield Heading("What this rests on", "foundations")
    if found.count < FEWEST:
        yield Text(narrative.sentence(narrative.too_few(found.count, found.unit)))
    yield Text(narrative.METHOD)
    behind = {"Foundations": found.questions["foundations"]}
    yield Table(
        name="foundations",
        title="Sources",
        rows=tables.foundations(found, store),
        columns=tables.FACT_COLUMNS,
        shown=MANY_PLACES,
        questions=behind,
    )
    yield Code("The command that repeats it", command, "bash")
