"""What tokens know of later frames: the part of the report `changes` about windows and their own first slices.

A token of a prefix has seen no frame after the prefix. What the token of the same frames differs by in the whole window is what it knows of later
frames there, by its distance to the end of the prefix and by dimension. A causal encoder differs by nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import altair as alt
import numpy as np
import pyarrow as pa

from tubelet.latent.nulls import null_where_nan
from tubelet.reports.blocks import Block, Column, Heading, Picture, Table, Text, interval_columns
from tubelet.reports.literal import Markdown
from tubelet.store import Store
from tubelet.store.intervals import Estimates, interval, means
from tubelet.store.questions import changes as queries
from tubelet.store.questions.changes import ReactionScope
from tubelet.store.questions.corpus import Question
from tubelet.store.wording import count

BLUE, HEIGHT = "#2a7fb0", 220
DISTANCE_COLUMNS = (
    Column("distance", "slices to the end", "d", "Of the prefix: 0 is its last slice"),
    Column("videos", "videos", ",d"),
    Column("reaction", "difference", ".3f", "In standard deviations of a dimension, mean over videos"),
    *interval_columns("low", "high", over="videos"),
)  # fmt: skip
DIM_COLUMNS = (
    Column("dim", "dimension", "d"),
    Column("reaction", "difference", ".3f", "On the last slice of the prefix, in standard deviations of the dimension, mean over videos"),
    Column("low", "from", ".3f", "95% interval over videos, of this dimension alone"),
    Column("high", "to", ".3f", "95% interval over videos, of this dimension alone"),
)  # fmt: skip
METHOD = (
    "The same window is encoded twice: as a whole, and its first slices alone (`--change prefix:0.5`). The frames that both have are the same, so that tokens differ by what they know of later frames, and by the length of "
    "the window. An encoder whose tokens see earlier frames alone differs by 0 throughout, in bf16 and fp16 by rounding (the control `rounding`); anyone who trains a predictor of later tokens on the others gives it part of the answer."
)


@dataclass(frozen=True)
class PrefixFindings:
    """`by_distance` and `by_dim` with reaction, low and high; `questions` behind them."""

    by_distance: pa.Table
    by_dim: pa.Table
    questions: dict[str, Question]


def find_prefixes(scope: ReactionScope, store: Store) -> PrefixFindings | None:
    """None where no window was compared with its first slices."""
    asked = queries.prefix_reactions(scope)
    rows = asked.answer(store)
    if not len(rows):
        return None
    dims = queries.prefix_dimensions(scope)
    return PrefixFindings(
        summarize_distances(rows),
        summarize_dimensions(dims.answer(store)),
        {"By distance": asked, "By dimension": dims},
    )


def summarize_distances(rows: pa.Table) -> pa.Table:
    """One row per distance, from those of `prefix_reactions`."""
    groups: dict[int, list[float]] = {}
    for row in rows.to_pylist():
        if row["relative"] is not None:
            groups.setdefault(row["distance"], []).append(row["relative"])
    found = [(distance, interval(own, 0)) for distance, own in groups.items()]
    return pa.table(
        {
            "distance": pa.array([distance for distance, _ in found], pa.int64()),
            "videos": pa.array([one.count for _, one in found], pa.int64()),
            "reaction": pa.array([one.mean for _, one in found], pa.float64()),
            "low": null_where_nan(np.array([one.low for _, one in found])),
            "high": null_where_nan(np.array([one.high for _, one in found])),
        }
    )


def summarize_dimensions(rows: pa.Table) -> pa.Table:
    """One row per dimension, the largest difference first, from those of `prefix_dimensions`."""
    dim = rows["dim"].to_numpy()
    units = rows["video_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    values = np.full((units.max(initial=0) + 1, dim.max(initial=0) + 1), np.nan)
    values[units, dim] = rows["relative"].to_numpy(zero_copy_only=False)
    estimates: Estimates = means(values, positive=True)
    order = np.argsort(-np.nan_to_num(estimates.value, nan=-1.0), kind="stable")
    return pa.table(
        {
            "dim": order,
            "reaction": null_where_nan(estimates.value[order]),
            "low": null_where_nan(estimates.low[order]),
            "high": null_where_nan(estimates.high[order]),
        }
    )


def prefix_sections(found: PrefixFindings | None, encoder_id: str) -> Iterator[Block]:
    if found is None:
        return
    yield Heading("What tokens know of later frames", "prefixes")
    yield Text(describe_leakage(found))
    yield _picture(found)
    yield Table(
        name="prefixes",
        title="By distance to the end of the prefix",
        rows=found.by_distance,
        columns=DISTANCE_COLUMNS,
        shown=100,
        questions={"By distance": found.questions["By distance"]},
    )
    yield Table(
        name="prefix_dimensions",
        title="By dimension, on the last slice of the prefix",
        rows=found.by_dim,
        columns=DIM_COLUMNS,
        questions={"By dimension": found.questions["By dimension"]},
        dims_of=encoder_id,
    )
    yield Text(METHOD)


def describe_leakage(found: PrefixFindings) -> Markdown:
    """How far the last slice differs, and the one that is farthest from the end."""
    rows = found.by_distance.to_pylist()
    if not rows:
        return "Every dimension is constant, so that nothing can be said of later frames."
    near, far = rows[0], rows[-1]
    if near["reaction"] == 0:
        return f"Tokens know nothing of later frames: on the last slice of a prefix they are those of the whole window ({count(near['videos'], 'video')})."
    sure = "" if near["low"] is None else f" ({near['low']:.3f} to {near['high']:.3f})"
    said = f"On the last slice of a prefix, tokens differ from those of the same frames in the whole window by **{near['reaction']:.3f}**{sure} of a dimension's standard deviation"
    if far is not near:
        said += f", {count(far['distance'], 'slice')} before the end by {far['reaction']:.3f}"
    return f"{said}. Tokens know of later frames."


def _picture(found: PrefixFindings) -> Picture:
    base = alt.Chart(found.by_distance).encode(
        x=alt.X(
            "distance:Q",
            title="slices to the end of the prefix",
            axis=alt.Axis(tickMinStep=1, format="d"),
        )
    )
    y = alt.Y("reaction:Q", title="standard deviations of a dimension", scale=alt.Scale(zero=True))
    tips = [
        alt.Tooltip("distance:Q", title="slices to the end"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("reaction", "low", "high")),
    ]
    layers = [
        base.mark_area(color=BLUE, opacity=0.25).encode(
            y=alt.Y("low:Q", title=None), y2=alt.Y2("high:Q")
        ),
        base.mark_line(color=BLUE, point={"size": 28, "color": BLUE}).encode(y=y, tooltip=tips),
    ]
    return Picture(
        name="prefix_curve",
        title="Difference between a window and its first slices",
        drawing=alt.LayerChart(layer=layers).properties(height=HEIGHT, width="container"),
        alt="Mean difference of tokens by their distance to the end of the prefix, with its 95% interval over videos",
        numbers=lambda: found.by_distance,
        caption="Band: 95% interval over videos.",
        questions={"By distance": found.questions["By distance"]},
    )
