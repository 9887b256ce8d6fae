"""The report `encoders` as blocks: the answer, matrices, each place alone, the videos that divide them, and what it rests on."""

from collections.abc import Iterator

import pyarrow as pa

from tubelet.latent.comparison.figures import PAIR_MEASURES
from tubelet.latent.comparison.places import Place
from tubelet.reports.blocks import Block, Code, Column, Heading, Table, Text, interval_columns
from tubelet.reports.command_line import report_command
from tubelet.reports.encoders import figures, narrative
from tubelet.reports.encoders.findings import EncoderFindings, find_encoders
from tubelet.reports.encoders.request import EncodersOptions
from tubelet.reports.formatting import Words
from tubelet.store import Store

TITLE = "How alike are encoders and layers?"
ESTIMATE_COLUMNS = (
    Column("value", "value", ".3f"),
    *interval_columns("low", "high"),
    Column("chance", "chance", ".3f", "With shuffled videos, on average"),
    Column("chance_high", "chance at most", ".3f", "The highest of the shuffles"),
)
PLACE_COLUMNS = (
    Column("encoder_a", "encoder"),
    Column("layer_a", "layer"),
    Column("encoder_b", "other encoder"),
    Column("layer_b", "other layer"),
)
PAIR_COLUMNS = (Column("measure", "measure"), *PLACE_COLUMNS, *ESTIMATE_COLUMNS)
ALONE_COLUMNS = (
    Column("measure", "measure"),
    Column("encoder", "encoder"),
    Column("layer", "layer"),
    *ESTIMATE_COLUMNS,
)
UNIT_COLUMNS = (
    Column("unit", "video or group"),
    Column("agreement", "shared neighbors", ".0%"),
    *PLACE_COLUMNS,
    Column("video_id", "video id", "", "Both encoders side by side in the player"),
)
MOMENT_COLUMNS = (
    Column("unit", "video or group"),
    Column("encoder", "encoder"),
    Column("clip_id", "clip"),
    Column("start_s", "from (s)", ".2f"),
    Column("stop_s", "to (s)", ".2f"),
)


def encoders_report(store: Store, options: EncodersOptions) -> Iterator[Block]:
    found = find_encoders(store, options)
    yield Text(narrative.answer(found))
    yield Text(narrative.subject(found))
    yield from _matrices(found)
    yield from _alone(found)
    yield from _units(found)
    yield Heading("What this rests on", "foundations")
    yield Text(narrative.METHOD)
    yield _moments(found)
    yield Code("The command that repeats it", report_command("encoders", store, options), "bash")


def _matrices(found: EncoderFindings) -> Iterator[Block]:
    yield Heading("Each against each", "pairs")
    if len(found.compared.places) > 2:
        for measure in PAIR_MEASURES:
            yield figures.draw_matrix(found, measure)
    yield Table(
        name="pairs",
        title="Pairs of encoders and layers",
        rows=found.pairs,
        words=_pick_words(found, found.pairs),
        columns=PAIR_COLUMNS,
        shown=300,
        questions=found.questions,
    )


def _alone(found: EncoderFindings) -> Iterator[Block]:
    yield Heading("Each alone", "alone")
    yield Table(
        name="alone",
        title="Temporal stability, effective rank and spread",
        rows=found.alone,
        words=_pick_words(found, found.alone),
        columns=ALONE_COLUMNS,
        shown=300,
        questions=found.states,
    )


def _units(found: EncoderFindings) -> Iterator[Block]:
    if not len(found.units):
        return
    first = found.compared.units[0]
    names = (narrative.name_place(found, place) for place in (first.a, first.b))
    yield Heading("Where they differ", "differences")
    yield Text(f"Videos whose nearest neighbors {' and '.join(names)} share least.")
    yield Table(
        name="units",
        title="Shared neighbors by video",
        rows=found.units,
        words=_pick_words(found, found.units),
        columns=UNIT_COLUMNS,
        shown=20,
        questions=found.states,
        player=_stand_beside(first.a, first.b),
    )


def _stand_beside(a: Place, b: Place) -> dict[str, str]:
    """What the player receives: both encoders, side by side on one clock."""
    second = {"beside-encoder": b.encoder_id} if b.encoder_id != a.encoder_id else {}
    return {"encoder": a.encoder_id, "beside": "true", **second}


def _moments(found: EncoderFindings) -> Table:
    return Table(
        name="moments",
        title="The sample: moments that were compared, and the clips that show them",
        rows=found.moments,
        words=_pick_words(found, found.moments),
        columns=MOMENT_COLUMNS,
        shown=10,
        questions=found.clips,
    )


def _pick_words(found: EncoderFindings, rows: pa.Table) -> Words:
    """The words of readers, of the columns that a table has."""
    return {name: of for name, of in narrative.spell_rows(found).items() if name in rows.column_names}  # fmt: skip
