"""Charts of reports: functions from a table to an Altair chart, without Streamlit."""

import altair as alt
import pyarrow as pa

BLUE, ORANGE, GREEN, GRAY = (
    "#2a7fb0",
    "#c2700f",
    "#3f8f6b",
    "#7b8a95",
)  # readable on light and on dark
HEIGHT = 240  # pixels


def curve(band: pa.Table, levels: pa.Table, unit: str, series: str | None = None) -> alt.LayerChart:
    """Median and quartile band over shared slices, and the levels of controls.

    Columns of `band`: slice, low, median, high, and `series` where two are drawn; of `levels`: level, what.
    """
    color = (
        alt.Color(
            f"{series}:N",
            title=None,
            legend=alt.Legend(orient="top", labelLimit=600),
            scale=alt.Scale(range=[BLUE, ORANGE]),
        )
        if series
        else alt.value(BLUE)
    )
    x = alt.X(
        "slice:Q",
        title="shared slice (0: where window B begins)",
        axis=alt.Axis(tickMinStep=1, format="d"),
        scale=alt.Scale(nice=False),
    )
    base = alt.Chart(band).encode(x=x, color=color)
    tips = [
        alt.Tooltip("slice:Q", title="shared slice"),
        *(
            alt.Tooltip(f"{n}:Q", title=t, format=".4g")
            for n, t in (
                ("median", "median"),
                ("low", "lower quartile"),
                ("high", "upper quartile"),
            )
        ),
    ]
    area = base.mark_area(opacity=0.22, strokeWidth=0).encode(
        y=alt.Y("low:Q", title=unit), y2="high:Q"
    )
    line = base.mark_line(point={"size": 22}, strokeWidth=2).encode(
        y=alt.Y("median:Q", title=unit), tooltip=tips
    )
    return alt.LayerChart(layer=[area, line, *_levels(levels)]).properties(
        height=HEIGHT, width="container"
    )


def _levels(levels: pa.Table) -> list[alt.Chart]:
    """Horizontal lines with their names."""
    if not len(levels):
        return []
    rule = (
        alt.Chart(levels)
        .mark_rule(strokeDash=[5, 4], strokeWidth=1.2, color=GRAY)
        .encode(y="level:Q", tooltip=["what:N", alt.Tooltip("level:Q", format=".4g")])
    )
    return [rule, _label(levels)]


def _label(levels: pa.Table) -> alt.Chart:
    return (
        alt.Chart(levels)
        .mark_text(align="right", dy=-7, color=GRAY, fontSize=11)
        .encode(x=alt.value("width"), y="level:Q", text="what:N")
    )


def ranked_dimensions(dims: pa.Table, reference: float, unit: str) -> alt.LayerChart:
    """Dimensions with their intervals, strongest first. Columns dim, relative, low, high, kind."""
    y = alt.Y(
        "dim:N", sort=None, title="dimension", axis=alt.Axis(labelOverlap=False, labelFlush=False)
    )
    color = alt.Color(
        "kind:N",
        title=None,
        legend=alt.Legend(orient="top"),
        scale=alt.Scale(domain=["specialist", "other"], range=[ORANGE, BLUE]),
    )
    tips: list[str | alt.Tooltip] = [
        "dim:N",
        *(alt.Tooltip(f"{name}:Q", format=".4g") for name in ("relative", "low", "high")),
    ]
    base = alt.Chart(dims).encode(y=y, color=color, tooltip=tips)
    reacts = any(dims["relative"].to_pylist())  # else the axis has one tick, 0.000000
    scale = alt.Scale(zero=True) if reacts else alt.Scale(domain=[0, 1])
    median = (
        alt.Chart(pa.table({"median": [reference]}))
        .mark_rule(strokeDash=[5, 4], color=GRAY)
        .encode(x="median:Q")
    )
    rules = base.mark_rule(strokeWidth=1.5).encode(
        x=alt.X("low:Q", title=unit, scale=scale, axis=alt.Axis(tickCount=8)),
        x2="high:Q",
    )
    rules = [rules] if dims["low"].null_count < len(dims) else []
    points = base.mark_point(filled=True, size=36, opacity=1).encode(
        x=alt.X("relative:Q", title=unit, scale=scale, axis=alt.Axis(tickCount=8))
    )
    return alt.LayerChart(layer=[median, *rules, points]).properties(
        height=13 * max(len(dims), 3), width="container"
    )


def share_and_strength(dims: pa.Table, chance: float, top: int, unit: str) -> alt.LayerChart:
    """Every dimension: how strongly it reacts and how often it is among the strongest. Columns dim, relative, share, q, kind."""
    color = alt.Color(
        "kind:N",
        title=None,
        legend=alt.Legend(orient="top"),
        scale=alt.Scale(domain=["specialist", "other"], range=[ORANGE, BLUE]),
    )
    tips: list[str | alt.Tooltip] = [
        "dim:N",
        alt.Tooltip("relative:Q", format=".4g"),
        alt.Tooltip("share:Q", format=".1%"),
        alt.Tooltip("q:Q", format=".2g"),
    ]
    points = (
        alt.Chart(dims)
        .mark_circle(size=26, opacity=0.75)
        .encode(
            x=alt.X("relative:Q", title=unit, axis=alt.Axis(tickCount=8)),
            color=color,
            tooltip=tips,
            y=alt.Y(
                "share:Q",
                title=f"share of videos among top {top}",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
        )
    )
    rule = alt.Chart(pa.table({"level": [chance], "what": [f"all dimensions alike {chance:.1%}"]}))
    line = rule.mark_rule(strokeDash=[5, 4], color=GRAY).encode(y="level:Q")
    return alt.LayerChart(layer=[line, points]).properties(height=HEIGHT, width="container")


def settling(rows: pa.Table, chance: float, top: int) -> alt.LayerChart:
    """Overlap of the list with the final one as videos are added. Columns videos, overlap, low, high."""
    x = alt.X(
        "videos:Q",
        title="videos",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(format=",d", values=rows["videos"].to_pylist(), labelOverlap=True),
    )
    base = alt.Chart(rows).encode(x=x)
    title = f"share of the final top {top}"
    axis, scale = alt.Axis(format="%"), alt.Scale(domain=[0, 1])
    area = base.mark_area(opacity=0.22, color=BLUE).encode(
        y=alt.Y("low:Q", title=title, axis=axis, scale=scale), y2="high:Q"
    )
    line = base.mark_line(point={"size": 22}, color=BLUE).encode(
        y=alt.Y("overlap:Q", title=title, axis=axis, scale=scale),
        tooltip=["videos:Q", alt.Tooltip("overlap:Q", format=".1%")],
    )
    levels = pa.table({"level": [chance], "what": ["all dimensions alike"]})
    return alt.LayerChart(layer=[area, line, *_levels(levels)]).properties(
        height=HEIGHT, width="container"
    )


def agreement(scores: pa.Table) -> alt.Chart:
    """How the videos' correlations with the rest are distributed. Columns low, high, videos."""
    return (
        alt.Chart(scores)
        .mark_bar(color=BLUE, stroke=None)
        .encode(
            x=alt.X(
                "low:Q",
                title="rank correlation of a video with the mean of the others",
                scale=alt.Scale(zero=False),
                bin="binned",
                axis=alt.Axis(tickCount=8),
            ),
            x2="high:Q",
            y=alt.Y("videos:Q", title="videos"),
            tooltip=[
                alt.Tooltip("low:Q", format=".3f"),
                alt.Tooltip("high:Q", format=".3f"),
                "videos:Q",
            ],
        )
        .properties(height=HEIGHT, width="container")
    )


def both(dims: pa.Table, names: tuple[str, str], unit: str) -> alt.Chart:
    """A dimension's mean in two scopes against each other. Columns dim, a, b."""
    tips: list[str | alt.Tooltip] = [
        "dim:N",
        *(
            alt.Tooltip(f"{column}:Q", title=name, format=".4g")
            for column, name in zip("ab", names)
        ),
    ]
    points = alt.Chart(dims).mark_circle(size=26, opacity=0.7, color=BLUE)
    axes = [
        kind(f"{column}:Q", title=f"{name}: {unit}")
        for kind, column, name in zip((alt.X, alt.Y), "ab", names)
    ]
    return points.encode(*axes, tooltip=tips).properties(height=300, width="container")
