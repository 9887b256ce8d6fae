"""The picture of dense scores: per measure the mean of every encoder with its interval, and what staying in place reaches."""

import altair as alt
import pyarrow as pa

from tubelet.reports.blocks import Picture
from tubelet.reports.literal import literal
from tubelet.reports.scores.findings import ScoreFindings, TaskScores

GRAY, ROW = "#7b8a95", 26  # pixels per line
COLORS = ("#2a7fb0", "#c2700f", "#3f8f6b")  # readable on both


def draw_means(found: ScoreFindings, task: TaskScores) -> Picture:
    drawn = list_means(found, task)
    return Picture(
        name=f"means_{task.task}",
        title=f"Means of {literal(task.task)}",
        drawing=_chart(drawn),
        alt=f"Mean score of each encoder at {task.task} with its 95% interval, and what staying in place reaches",
        numbers=lambda: drawn,
        caption="Points: means over videos; lines: 95% intervals. Gray ticks: the mask or point stays where it was given.",
        questions={"Scores": found.question},
    )


def list_means(found: ScoreFindings, task: TaskScores) -> pa.Table:
    """place, measure, score, low, high, still; the best place first."""
    order = [(one.encoder_id, one.layer) for one in task.ranked]
    rows = [
        {"place": f"{found.names[row['encoder_id']]}, {row['layer']}", **row}
        for row in task.table.to_pylist()
        if row["score"] is not None
    ]
    rows.sort(key=lambda row: order.index((row["encoder_id"], row["layer"])) if (row["encoder_id"], row["layer"]) in order else len(order))  # fmt: skip
    kept = ("place", "measure", "score", "low", "high", "still")
    types = [pa.field(name, pa.string() if name in kept[:2] else pa.float64()) for name in kept]
    return pa.Table.from_pylist([{name: row[name] for name in kept} for row in rows], pa.schema(types))  # fmt: skip


def _chart(drawn: pa.Table) -> alt.LayerChart:
    places = list(dict.fromkeys(drawn["place"].to_pylist()))
    measures = list(dict.fromkeys(drawn["measure"].to_pylist()))
    y = alt.Y("place:N", sort=places, title=None, axis=alt.Axis(labelLimit=240, minExtent=90))
    offset = alt.YOffset("measure:N", sort=measures)
    color = alt.Color(
        "measure:N",
        sort=measures,
        title=None,
        legend=alt.Legend(orient="top"),
        scale=alt.Scale(range=list(COLORS)),
    )
    tips: list[str | alt.Tooltip] = ["place:N", "measure:N"]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("score", "low", "high", "still")]
    scale, axis = alt.Scale(domain=[0, 1]), alt.Axis(tickCount=6)
    base = alt.Chart(drawn).encode(y=y, yOffset=offset, tooltip=tips)
    lines = base.mark_rule(strokeWidth=1.5).encode(
        x=alt.X("low:Q", scale=scale, title="score", axis=axis), x2="high:Q", color=color
    )
    points = base.mark_point(filled=True, size=55).encode(
        x=alt.X("score:Q", scale=scale, title="score", axis=axis), color=color
    )
    still = base.mark_tick(thickness=2, size=12, color=GRAY).encode(
        x=alt.X("still:Q", scale=scale, title="score", axis=axis)
    )
    height = ROW * max(1, len(places)) * max(1, len(measures))
    return alt.LayerChart(layer=[lines, still, points]).properties(height=height, width="container")
