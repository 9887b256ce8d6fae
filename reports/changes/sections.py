"""The report `changes` as blocks: the answer, the picture, the table, and what it rests on."""

from collections.abc import Iterator

import altair as alt
import pyarrow as pa
import pyarrow.compute as pc

from tubelet.reports.blocks import (
    Block,
    Code,
    Column,
    Heading,
    Picture,
    Table,
    Text,
    interval_columns,
)
from tubelet.reports.changes.beside import beside_sections
from tubelet.reports.changes.findings import DISJOINT, ChangeFindings, find_changes
from tubelet.reports.changes.matrix import find_matrix
from tubelet.reports.changes.matrix_sections import METHOD as MATRIX_METHOD
from tubelet.reports.changes.matrix_sections import matrix_sections
from tubelet.reports.changes.prefixes import find_prefixes, prefix_sections
from tubelet.reports.changes.request import ChangesOptions, choose_scope
from tubelet.reports.command_line import report_command
from tubelet.reports.dimensions.findings import refuse_several_groups
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store
from tubelet.store.encoder_names import name_encoders
from tubelet.store.intervals import FEWEST
from tubelet.store.questions.changes import ReactionScope, reactions
from tubelet.store.wording import count

TITLE = "How far do tokens move when their window is changed?"
BLUE, GRAY, ROW, AXIS = "#2a7fb0", "#7b8a95", 22, 56  # pixels per change, and of the axis below
COLUMNS = (
    Column("change", "change"),
    Column("strength", "strength", "g"),
    Column("videos", "videos", ",d"),
    Column(
        "reaction", "reaction", ".3f", "In standard deviations of a dimension, mean over videos"
    ),
    *interval_columns("low", "high", over="videos"),
    Column(
        "of_disjoint",
        "of disjoint",
        ".2f",
        "Relative to windows of the same videos that share no frame",
    ),
    Column(
        "pixel_change",
        "pixel change",
        ".3f",
        "Mean absolute difference of the pixels, as a share of their range",
    ),
    Column("token_cosine", "token cosine", ".3f", "Mean cosine of the two embeddings of a place"),
)
METHOD = (
    "Reaction: the mean absolute difference of a dimension between a window and the same window changed, token by token at the same places and times, over the dimension's standard deviation; the mean over dimensions, "
    "slices and pairs of a video. The unit is the video, or the group that the label `group` names: intervals are over units, and a single one has none. `disjoint` compares two windows of a video that share no frame: what tokens differ by when the "
    "content is another. `shift` compares the frames that two windows share; its strength is in slices. Two controls of the page Windows say what no reaction is: `repeated` (one window encoded twice) is 0 where the arithmetic is deterministic, which says nothing about rounding; "
    "`rounding` (a window in the stored precision and in fp32, measured by `tubelet pairs`) is the noise floor, and in bf16 and fp16 a reaction no larger than it is none. "
    "After a crop or a rotation tokens are interpolated, which adds to the difference."
)


def changes_report(store: Store, options: ChangesOptions) -> Iterator[Block]:
    scope = choose_scope(store, options)
    refuse_several_groups(store)
    asked = ReactionScope(
        encoder_id=scope.encoder_id, frames=scope.frame_count, setting=scope.setting
    )
    question = reactions(asked)
    found = find_changes(scope, question, store)
    yield Text(answer(found))
    yield Text(
        f"{literal(name_encoders(store)[scope.encoder_id])}, windows of {count(scope.frame_count, 'frame')}, {literal(scope.setting)}; {count(scope.videos, 'video')}."
    )
    yield Heading("By change and strength", "by-change")
    yield _picture(found)
    yield Table(
        name="changes",
        title="Reaction to each change",
        rows=found.table,
        columns=COLUMNS,
        shown=200,
        questions={"Reactions": question},
    )
    yield from beside_sections(store, scope)
    yield from prefix_sections(find_prefixes(asked, store), scope.encoder_id)
    yield from matrix_sections(find_matrix(asked, store), scope.encoder_id)
    yield Heading("What this rests on", "foundations")
    yield Text(METHOD)
    yield Text(MATRIX_METHOD)
    command = report_command(
        "changes",
        store,
        options,
        encoder=scope.encoder_id,
        frames=scope.frame_count,
        setting=scope.setting,
    )
    yield Code("The command that repeats it", command, "bash")


def answer(found: ChangeFindings) -> Markdown:
    """The strongest and the weakest reaction, with their intervals; what cannot be said of a single video."""
    rows = [
        row
        for row in found.table.to_pylist()
        if row["change"] not in (DISJOINT, "shift") and row["reaction"] is not None
    ]
    if not rows:
        return "Every dimension is constant, so that no reaction can be given."
    ranked = sorted(rows, key=lambda row: row["reaction"])
    said = f"Tokens move most after **{literal(ranked[-1]['what'])}**: {_describe(ranked[-1])}"
    if len(ranked) > 1:
        said += f"; least after **{literal(ranked[0]['what'])}**: {_describe(ranked[0])}"
    beside = (
        "No windows without a common frame were measured to compare with."
        if found.disjoint is None
        else f"Windows that share no frame differ by {found.disjoint:.3f}."
    )
    return f"{said}. {beside}{_describe_shift(found)}{warn_few(max(row['videos'] for row in rows))}"


def _describe_shift(found: ChangeFindings) -> Markdown:
    """The smallest window shift, which is in the picture but not among the changes that are ranked."""
    shifts = (row for row in found.table.to_pylist() if row["change"] == "shift")
    known = [row for row in shifts if row["reaction"] is not None]
    if not known:
        return ""
    least = min(known, key=lambda row: row["strength"])
    slices = count(int(least["strength"]), "slice")
    return f" Shifting the window by {slices} moves the tokens of shared frames {_describe(least)}."


def warn_few(units: int) -> Markdown:
    """What cannot be concluded from few videos; nothing where they are enough."""
    if units >= FEWEST:
        return ""
    of = f"{units} videos or groups" if units > 1 else "one video or group"
    return f" **These are figures of {of}**: nothing is concluded about other videos. An interval of fewer than {FEWEST} holds only if reactions are normally distributed over videos, and which of two changes moves tokens more is not tested."


def _describe(row: dict) -> Markdown:
    if row["low"] is None:
        return f"by {row['reaction']:.3f} of a dimension's standard deviation in {count(row['videos'], 'video')}, without an interval"
    return f"by {row['reaction']:.3f} ({row['low']:.3f} to {row['high']:.3f}) of a dimension's standard deviation"


def _picture(found: ChangeFindings) -> Picture:
    return Picture(
        name="reactions",
        title="Reaction to each change",
        drawing=_chart(found),
        alt="Mean reaction to each change and strength with its 95% interval over videos, and the level of windows that share no frame",
        numbers=lambda: found.table,
        caption="Lines: 95% intervals over videos. Dashed: windows that share no frame.",
        questions={"Reactions": found.question},
    )


def _chart(found: ChangeFindings) -> alt.LayerChart:
    shown = found.table.filter(pc.not_equal(found.table["change"], DISJOINT))
    base = alt.Chart(shown).encode(
        y=alt.Y(
            "what:N", title=None, sort=None, axis=alt.Axis(labelOverlap=False, labelFlush=False)
        )
    )
    tips = [alt.Tooltip("what:N", title="change")] + [
        alt.Tooltip(f"{name}:Q", title=title, format=".3f")
        for name, title in (("reaction", "reaction"), ("low", "from"), ("high", "to"))
    ]
    x = alt.X("reaction:Q", title="standard deviations of a dimension", scale=alt.Scale(zero=True))
    layers = [
        base.mark_rule(color=BLUE, strokeWidth=2).encode(x="low:Q", x2="high:Q"),
        base.mark_point(color=BLUE, filled=True, size=50).encode(x=x, tooltip=tips),
    ]
    if found.disjoint is not None:
        level = pa.table({"level": [found.disjoint]})
        layers.append(
            alt.Chart(level)
            .mark_rule(color=GRAY, strokeDash=[5, 4])
            .encode(x="level:Q", tooltip=[alt.Tooltip("level:Q", title=DISJOINT, format=".3f")])
        )
    return alt.LayerChart(layer=layers).properties(
        height=AXIS + ROW * max(2, len(shown)), width="container"
    )
