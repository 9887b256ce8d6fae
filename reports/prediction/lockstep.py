"""Lockstep: the surprise of two matched videos over the same time, and where they part."""

from collections.abc import Sequence

import altair as alt
import pyarrow as pa

from tubelet.reports.blocks import Picture
from tubelet.reports.prediction.figures import BLUE, GRAY, TITLES
from tubelet.reports.prediction.findings import PredictionFindings, VideoCurves
from tubelet.reports.prediction.matching import Matching
from tubelet.store.intervals import interval

HEIGHT = 260
STEPS = pa.schema(
    {
        "pair": pa.string(),
        "step": pa.int64(),
        "at_s": pa.float64(),
        "first": pa.float64(),
        "second": pa.float64(),
        "difference": pa.float64(),
    }
)
MEANS = pa.schema({"at_s": pa.float64(), "difference": pa.float64(), "low": pa.float64(), "high": pa.float64(), "pairs": pa.int64()})  # fmt: skip


def list_steps(matching: Matching, curves: Sequence[VideoCurves], column: str) -> pa.Table:
    """One row per pair and predicted slice that both videos have, in the order of time; seconds are those of the first side."""
    by_id = {one.video_id: one.columns for one in curves}
    rows = []
    for pair in matching.pairs:
        first, second = (by_id[video] for video in pair.videos)
        together = zip(first["at_s"], first[column], second[column])
        rows += [
            {"pair": pair.value, "step": step, "at_s": at_s, "first": a, "second": b, "difference": b - a}
            for step, (at_s, a, b) in enumerate(tuple(map(float, both)) for both in together)
        ]  # fmt: skip
    return pa.Table.from_pylist(rows, STEPS)


def average_steps(steps: pa.Table) -> pa.Table:
    """The mean difference over pairs at each step, with its 95% interval where there are pairs enough."""
    by_step: dict[int, list[dict]] = {}
    for row in steps.to_pylist():
        by_step.setdefault(row["step"], []).append(row)
    rows = []
    for members in by_step.values():
        found = interval([row["difference"] for row in members])
        at_s = sum(row["at_s"] for row in members) / len(members)
        rows.append({"at_s": at_s, "difference": found.mean, "low": found.low, "high": found.high, "pairs": len(members)})  # fmt: skip
    return pa.Table.from_pylist(rows, MEANS)


def draw_steps(found: PredictionFindings, matching: Matching) -> Picture:
    """A line per pair, and their mean with its interval over pairs."""
    steps = list_steps(matching, found.curves, found.options.column)
    means = average_steps(steps)
    first, second = matching.sides
    x = alt.X("at_s:Q", title="seconds", scale=alt.Scale(zero=False))
    y = alt.Y("difference:Q", title=f"{TITLES[found.options.column]}, {second} minus {first}")
    lines = alt.Chart(steps).mark_line(color=GRAY, opacity=0.5).encode(x=x, y=y, detail="pair:N", tooltip=["pair:N", "at_s:Q", "first:Q", "second:Q"])  # fmt: skip
    band = alt.Chart(means).mark_area(color=BLUE, opacity=0.2).encode(x=x, y=alt.Y("low:Q"), y2="high:Q")  # fmt: skip
    mean = alt.Chart(means).mark_line(color=BLUE).encode(x=x, y=y)
    return Picture(
        name="lockstep",
        title="Matched videos in lockstep",
        drawing=alt.LayerChart(layer=[lines, band, mean]).properties(height=HEIGHT, width="container"),
        alt="The difference of surprise between the videos of each pair over time, and the mean over pairs",
        numbers=lambda: steps,
        caption="Gray: one line per pair. Blue: mean over pairs with its 95% interval at each slice, not corrected for the number of slices.",
        questions=found.questions,
    )  # fmt: skip
