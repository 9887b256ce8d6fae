"""The report `sensitivity`: which dimensions react when the window around the same frames shifts, over the videos of a store.

A generator of blocks over `Findings`, in six sections; it computes nothing that is not in there.
"""

from collections.abc import Iterator
from dataclasses import replace

import pyarrow.compute as pc

from reports import parts, pictures, wording
from reports.blocks import Block, Code, Heading, Picture, Table, Text
from reports.curves import FEWEST_SLICES
from reports.findings import MANY_PLACES, Findings
from store.intervals import FEWEST
from store import Store

TITLE = "Which dimensions react when the window shifts?"


def sections(found: Findings, command: str, store: Store, prefix: str = "") -> Iterator[Block]:
    """All six sections; `prefix` keeps the anchors and names of two reports in one file apart."""
    for section in (curve(found), dimensions(found), consistency(found), videos(found), frame(found), foundations(found, command, store)):
        yield from (_named(block, prefix) for block in section)


def _named(block: Block, prefix: str) -> Block:
    match block:
        case Heading():
            return replace(block, anchor=prefix + block.anchor)
        case Picture() | Table():
            return replace(block, name=prefix + block.name)
    return block


def curve(found: Findings) -> Iterator[Block]:
    yield Heading("Where in the window", "curve")
    yield pictures.curve(found, "relative")
    yield pictures.curve(found, "absolute")
    reach = f" {wording.reach(found)}" if found.relative.slices >= FEWEST_SLICES else ""
    yield Text(wording.shape(found.relative, found.unit) + reach)
    yield Text(wording.controls(found))


def dimensions(found: Findings) -> Iterator[Block]:
    yield Heading("Which dimensions", "dimensions")
    rows, many = parts.dimensions(found), found.count >= FEWEST
    varying = rows.filter(pc.is_valid(rows["relative"]))
    if many:
        listed = found.ranking.specialists
        yield Text(wording.specialists(found))
        yield Code(f"Specialists ({len(listed)})", ", ".join(map(str, listed)) or "none")
    else:
        yield Text(wording.sentence(wording.too_few(found.count, found.unit)))
    yield pictures.strongest(found, varying)
    if many:
        yield pictures.share(found, varying)
    title = "All dimensions, strongest first"
    yield Table("dimensions", title, rows, parts.dimension_columns(found), MANY_PLACES, pictures.ranking_sql(found))
    yield Text(wording.constants(found))


def consistency(found: Findings) -> Iterator[Block]:
    yield Heading(f"Do {found.unit}s agree", "consistency")
    yield Text(wording.agreement(found))
    if found.consistency is not None:
        yield pictures.matrix(found)
        yield pictures.agreement(found)
    if found.settling is not None:
        yield pictures.settling(found)


def videos(found: Findings) -> Iterator[Block]:
    yield Heading(f"{wording.sentence(found.unit)} by {found.unit}", "videos")
    if found.heat.values.size:
        yield pictures.heat(found)
    yield Text(wording.outliers(found))
    behind = {"Videos": found.questions["videos"], "By video": found.questions["by video"]}
    if found.consistency is not None:
        title = f"Outliers ({len(found.outliers)})"
        yield Table("outliers", title, parts.outliers(found), parts.OUTLIER_COLUMNS, MANY_PLACES, behind, "pair_id")
    title = f"{wording.sentence(found.unit)}s ({found.count:,})"
    yield Table("videos", title, parts.videos(found), parts.VIDEO_COLUMNS, MANY_PLACES, behind, "pair_id")


def frame(found: Findings) -> Iterator[Block]:
    yield Heading("Where in the frame", "frame")
    yield pictures.frame(found) if len(found.frame) else Text("No differences of single tokens are stored for these pairs.")


def foundations(found: Findings, command: str, store: Store) -> Iterator[Block]:
    yield Heading("What this rests on", "foundations")
    if found.count < FEWEST:
        yield Text(wording.sentence(wording.too_few(found.count, found.unit)))
    yield Text(wording.METHOD)
    behind = {"Foundations": found.questions["foundations"]}
    yield Table("foundations", "Sources", parts.foundations(found, store), parts.FACT_COLUMNS, MANY_PLACES, behind)
    yield Code("The command that repeats it", command, "bash")
