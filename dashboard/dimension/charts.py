"""The pictures of the Dimension page: functions from a table to a chart, without Streamlit."""

import altair as alt
import pyarrow as pa

from tubelet.dashboard.charts import BLUE, HEIGHT, ORANGE

ROW, AXIS = 22, 56  # pixels per change, and of the axis below


def draw_histogram(bins: pa.Table) -> alt.Chart:
    """Columns low, high, tokens."""
    x = alt.X("low:Q", title="value", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=6))
    return (
        alt.Chart(bins)
        .mark_bar(color=BLUE, stroke=None)
        .encode(
            x=x,
            x2="high:Q",
            y=alt.Y("tokens:Q", title="tokens", axis=alt.Axis(tickCount=4)),
            y2=alt.datum(0),
            tooltip=[
                alt.Tooltip("low:Q", title="from", format=".4g"),
                alt.Tooltip("high:Q", title="to", format=".4g"),
                alt.Tooltip("tokens:Q", format=",d"),
            ],
        )
        .properties(height=HEIGHT, width="container")
    )


def draw_frame(cells: pa.Table) -> alt.Chart:
    """Columns y, x, value, error, videos."""
    height, width = (max(cells[name].to_pylist()) + 1 for name in ("y", "x"))
    side = max(4, min(28, 260 // max(height, width)))
    scale = alt.Scale(paddingInner=0)
    color = alt.Color(
        "value:Q",
        title="above its video's mean",
        scale=alt.Scale(scheme="blueorange", domainMid=0),
        legend=alt.Legend(orient="bottom", gradientLength=180),
    )
    tips = [
        alt.Tooltip("y:O", title="row"),
        alt.Tooltip("x:O", title="column"),
        alt.Tooltip("value:Q", format=".4g"),
        alt.Tooltip("error:Q", title="standard error", format=".2g"),
        alt.Tooltip("videos:Q", format=",d"),
    ]
    return (
        alt.Chart(cells)
        .mark_rect()
        .encode(
            alt.X("x:O", axis=None, scale=scale), alt.Y("y:O", axis=None, scale=scale), color, tips
        )
        .properties(
            width=side * width, height=side * height, autosize=alt.AutoSizeParams(type="pad")
        )
    )


def draw_profile(slices: pa.Table) -> alt.LayerChart:
    """Columns slice, value, low, high."""
    base = alt.Chart(slices).encode(
        x=alt.X("slice:Q", title="slice of the window", axis=alt.Axis(tickMinStep=1, format="d"))
    )
    y = alt.Y("value:Q", title="above its video's mean", axis=alt.Axis(tickCount=5))
    tips = [
        alt.Tooltip("slice:Q"),
        *(
            alt.Tooltip(f"{name}:Q", title=title, format=".3g")
            for name, title in (("value", "value"), ("low", "from"), ("high", "to"))
        ),
    ]
    layers = [
        base.mark_area(opacity=0.25, color=BLUE).encode(
            y=alt.Y("low:Q", title=None), y2=alt.Y2("high:Q")
        ),
        base.mark_line(color=BLUE, point={"size": 24, "color": BLUE}).encode(y=y, tooltip=tips),
    ]
    return alt.LayerChart(layer=layers).properties(height=HEIGHT, width="container")


def draw_curve(points: pa.Table) -> alt.LayerChart:
    """Columns at_s, value, low, high, slice, clip_id: a line per clip, and where they are known its smallest and largest values."""
    base = alt.Chart(points).encode(
        x=alt.X("at_s:Q", title="time (s)", axis=alt.Axis(tickCount=8)), detail="clip_id:N"
    )
    scale = alt.Scale(zero=False)
    tips = [
        alt.Tooltip("at_s:Q", title="time (s)", format=".2f"),
        alt.Tooltip("value:Q", title="mean", format=".4g"),
        alt.Tooltip("slice:Q"),
    ]
    layers = [
        base.mark_area(opacity=0.15, color=BLUE).encode(
            y=alt.Y("low:Q", title=None, scale=scale), y2=alt.Y2("high:Q")
        ),
        base.mark_line(color=BLUE, strokeWidth=1.5, point={"size": 14, "color": BLUE}).encode(
            y=alt.Y("value:Q", title="mean of the slice", scale=scale), tooltip=tips
        ),
    ]
    return alt.LayerChart(layer=layers).properties(height=HEIGHT, width="container")


def draw_reactions(rows: pa.Table) -> alt.LayerChart:
    """Columns what, reaction, low, high, mean_dimension."""
    y = alt.Y("what:N", title=None, sort=None, axis=alt.Axis(labelOverlap=False, labelFlush=False))
    base = alt.Chart(rows).encode(y=y)
    x = alt.X("reaction:Q", title="standard deviations", scale=alt.Scale(zero=True))
    tips = [
        alt.Tooltip("what:N", title="change"),
        *(
            alt.Tooltip(f"{name}:Q", title=title, format=".3f")
            for name, title in (("reaction", "reaction"), ("low", "from"), ("high", "to"), ("mean_dimension", "mean dimension"))
        ),
    ]  # fmt: skip
    layers = [
        base.mark_rule(color=BLUE, strokeWidth=2).encode(x="low:Q", x2="high:Q"),
        base.mark_point(color=BLUE, filled=True, size=50).encode(x=x, tooltip=tips),
        base.mark_tick(color=ORANGE, thickness=2).encode(x="mean_dimension:Q", tooltip=tips),
    ]
    return alt.LayerChart(layer=layers).properties(
        height=AXIS + ROW * max(2, len(rows)), width="container"
    )
