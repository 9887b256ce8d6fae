"""The charts of the report `prediction`: surprise against the change of pixels, and the differences of matched pairs."""

import altair as alt
import numpy as np
import pyarrow as pa

from tubelet.reports.blocks import Picture
from tubelet.reports.literal import literal
from tubelet.reports.prediction.findings import PredictionFindings

BLUE, GRAY, HEIGHT, ROW = "#2a7fb0", "#7b8a95", 280, 22
DRAWN, SEED = 2_000, 20261129  # slices that the chart draws, at most
TITLES = {
    "l1": "error (L1)",
    "angle": "error (1 - cosine)",
    "l1_over_copy": "error relative to copying",
}


def draw_slices(found: PredictionFindings) -> Picture:
    """One point per slice: the change of its pixels and its surprise."""
    column = found.options.column
    drawn = _sample(found.rows, column)
    encoded = alt.Chart(drawn).mark_point(color=BLUE, filled=True, size=22, opacity=0.5)
    tips = [
        alt.Tooltip("name:N", title="video"),
        alt.Tooltip("at_s:Q", title="seconds", format=".2f"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in (column, "pixel_change", "motion")),
    ]
    chart = encoded.encode(
        x=alt.X("pixel_change:Q", title="pixel change, share of a pixel's range"),
        y=alt.Y(f"{column}:Q", title=TITLES[column], scale=alt.Scale(zero=False)),
        tooltip=tips,
    )
    more = len(found.rows) > len(drawn)
    return Picture(
        name="slices",
        title="Surprise and the change of pixels, slice by slice",
        drawing=alt.LayerChart(layer=[chart]).properties(height=HEIGHT, width="container"),
        alt="One point per predicted slice: the change of its pixels to the last frame seen, and its surprise",
        numbers=lambda: drawn,
        caption=f"{len(drawn):,} of {len(found.rows):,} slices, drawn by chance." if more else "",
        questions={"Slices": found.questions["Slices"]},
    )


def _sample(rows: pa.Table, column: str) -> pa.Table:
    columns = ["name", "at_s", "clip_id", "slice", column, "pixel_change", "motion", "copy_l1"]
    shown = rows.select(columns)
    if len(shown) <= DRAWN:
        return shown
    numbers = np.random.default_rng(SEED).choice(len(shown), DRAWN, replace=False)
    return shown.take(pa.array(np.sort(numbers)))


def draw_pairs(found: PredictionFindings, differences: pa.Table) -> Picture:
    """One line per matched pair: surprise of both sides."""
    first, second = found.matching.sides if found.matching else ("", "")
    base = alt.Chart(differences).encode(
        y=alt.Y("pair:N", title=None, sort=None, axis=alt.Axis(labelFlush=False))
    )
    title = f"mean {TITLES[found.options.column]}"
    tips = [
        alt.Tooltip("pair:N"),
        alt.Tooltip("first_mean:Q", title=first, format=".3f"),
        alt.Tooltip("second_mean:Q", title=second, format=".3f"),
    ]
    x = alt.X("first_mean:Q", title=title, scale=alt.Scale(zero=False))
    layers = [
        base.mark_rule(color=GRAY).encode(x=x, x2="second_mean:Q", tooltip=tips),
        base.mark_point(color=GRAY, size=50).encode(x=x, tooltip=tips),
        base.mark_point(color=BLUE, filled=True, size=50).encode(x="second_mean:Q", tooltip=tips),
    ]
    height = ROW * max(2, len(differences))
    return Picture(
        name="pairs",
        title="Surprise of matched videos",
        drawing=alt.LayerChart(layer=layers).properties(height=height, width="container"),
        alt="One line per pair of videos, from the mean surprise of the first side to that of the second",
        numbers=lambda: differences,
        caption=f"Ring: {literal(first)}. Dot: {literal(second)}.",
        questions=found.questions,
    )
