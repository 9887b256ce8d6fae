"""Charts: functions from a table to an Altair chart, without Streamlit."""

import altair as alt
import pyarrow as pa

HEIGHT = 200  # pixels
GRAY = "#7b8a95"
BLUE, ORANGE = (
    "#2b85bb",
    "#c8710f",
)  # of measured values, and of what to compare them with: readable on light and dark


def over_time(points: pa.Table, statistic: str, unit: str) -> alt.Chart:
    """A statistic over the seconds of a video: one line per clip, one point per slice. Columns clip_id, slice, at_s, value."""
    title = f"{statistic} ({unit})" if unit else statistic
    return (
        alt.Chart(points)
        .mark_line(point={"size": 12}, strokeWidth=1.5, opacity=0.85)
        .encode(
            x=alt.X("at_s:Q", title="time (s)", axis=alt.Axis(tickCount=8)),
            y=alt.Y(
                "value:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)
            ),
            detail="clip_id:N",
            tooltip=[
                alt.Tooltip("at_s:Q", title="time (s)", format=".2f"),
                alt.Tooltip("value:Q", title=title, format=".4g"),
                alt.Tooltip("slice:Q", title="slice"),
                alt.Tooltip("clip_id:N", title="clip"),
            ],
        )
        .properties(height=HEIGHT)
    )


def likeness(track: pa.Table, level: float) -> alt.LayerChart:
    """Cosine of the best match in each slice, lost ones hollow, over the level that unrelated patches reach. Columns slice, y, x, score, margin, lost."""
    x = alt.X(
        "slice:Q",
        title="slice",
        axis=alt.Axis(tickMinStep=1, format="d"),
        scale=alt.Scale(nice=False),  # the axis ends where the slices end
    )
    score = alt.Y(
        "score:Q",
        title="cosine of the best match",
        scale=alt.Scale(zero=False),
        axis=alt.Axis(tickCount=5),
    )
    state = alt.condition("datum.lost", alt.value("transparent"), alt.value(BLUE))
    tooltip = [
        alt.Tooltip("slice:Q"),
        alt.Tooltip("y:Q"),
        alt.Tooltip("x:Q"),
        *(alt.Tooltip(f"{n}:Q", format=".3f") for n in ("score", "margin")),
        alt.Tooltip("lost:N"),
    ]
    line = alt.Chart(track).mark_line(strokeWidth=1, opacity=0.5, color=BLUE).encode(x=x, y=score)
    points = (
        alt.Chart(track)
        .mark_point(size=50, filled=True, stroke=BLUE, strokeWidth=1.5, opacity=1)
        .encode(x=x, y=score, fill=state, tooltip=tooltip)
    )
    layers = [line, points]
    if level == level:
        unrelated = pa.table({"level": [level], "meaning": ["chance level (unrelated patches)"]})
        rule = alt.Chart(unrelated).mark_rule(color=ORANGE, strokeDash=[5, 4]).encode(y="level:Q")
        words = (
            alt.Chart(unrelated)
            .mark_text(align="right", baseline="bottom", dy=-3, color=ORANGE)
            .encode(y="level:Q", x=alt.value("width"), text="meaning:N")
        )
        layers += [rule, words]
    return alt.LayerChart(layer=layers).properties(height=HEIGHT)


def likeness_over_time(track: pa.Table) -> alt.LayerChart:
    """Cosine of the best match over a whole video, one line per window, lost ones hollow, over the level that unrelated patches reach.
    Columns seconds, frame, slice, clip_id, score, level, lost."""
    x = alt.X("seconds:Q", title="time (s)", axis=alt.Axis(tickCount=8))
    score = alt.Y(
        "score:Q",
        title="cosine of the best match",
        scale=alt.Scale(zero=False),
        axis=alt.Axis(tickCount=5),
    )
    tooltip = [
        alt.Tooltip("seconds:Q", title="time (s)", format=".2f"),
        *(alt.Tooltip(f"{name}:Q") for name in ("frame", "slice")),
        alt.Tooltip("score:Q", format=".3f"),
        alt.Tooltip("lost:N"),
    ]
    state = alt.condition("datum.lost", alt.value("transparent"), alt.value(BLUE))
    base = alt.Chart(track).encode(x=x)
    layers = [
        base.mark_line(strokeWidth=1, opacity=0.5, color=BLUE).encode(y=score, detail="clip_id:N"),
        base.mark_point(size=28, filled=True, stroke=BLUE, strokeWidth=1.2, opacity=1).encode(
            y=score, fill=state, tooltip=tooltip
        ),
        base.mark_line(color=ORANGE, strokeDash=[5, 4]).encode(y="level:Q"),
    ]
    return alt.LayerChart(layer=layers).properties(height=HEIGHT)


def likeness_of_two(points: pa.Table) -> alt.LayerChart:
    """Cosine of the best match of two players over the seconds of the video, lost ones hollow. Columns side, at_s, slice, score, lost."""
    sides = ["left", "right"]
    colors = alt.Scale(domain=sides, range=[BLUE, ORANGE])
    color = alt.Color("side:N", title=None, scale=colors, legend=alt.Legend(orient="top"))
    base = alt.Chart(points).encode(
        x=alt.X("at_s:Q", title="time (s)", axis=alt.Axis(tickCount=8)),
        y=alt.Y("score:Q", title="cosine of the best match", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)),
        color=color,
        tooltip=[
            alt.Tooltip("side:N"),
            alt.Tooltip("at_s:Q", title="time (s)", format=".2f"),
            alt.Tooltip("slice:Q"),
            alt.Tooltip("score:Q", format=".3f"),
            alt.Tooltip("lost:N"),
        ],
    )  # fmt: skip
    opacity = alt.condition("datum.lost", alt.value(0), alt.value(1))
    points_ = base.mark_point(size=50, filled=True, strokeWidth=1.5).encode(fillOpacity=opacity)
    line = base.mark_line(strokeWidth=1, opacity=0.5).encode(strokeDash=alt.StrokeDash("side:N", sort=sides, legend=None))  # fmt: skip
    return alt.LayerChart(layer=[line, points_]).properties(height=HEIGHT)


def errors_over_time(points: pa.Table) -> alt.LayerChart:
    """Errors of predictions over the seconds of a video, one line per guess and window. Columns clip_id, slice, at_s, guess, error."""
    guesses = list(dict.fromkeys(points["guess"].to_pylist()))
    colors = alt.Scale(domain=guesses, range=[BLUE, ORANGE, GRAY])
    chart = alt.Chart(points).mark_line(point={"size": 22}, strokeWidth=1.5)
    encoded = chart.encode(
        x=alt.X("at_s:Q", title="time (s)", axis=alt.Axis(tickCount=8)),
        y=alt.Y("error:Q", title="error (L1)", axis=alt.Axis(tickCount=5)),
        color=alt.Color(
            "guess:N", title=None, scale=colors, legend=alt.Legend(orient="top", columns=2)
        ),
        strokeDash=alt.StrokeDash("guess:N", title=None, sort=guesses, legend=None),
        detail="clip_id:N",
        tooltip=[
            alt.Tooltip("guess:N", title="error of"),
            alt.Tooltip("at_s:Q", title="time (s)", format=".2f"),
            alt.Tooltip("slice:Q"),
            alt.Tooltip("error:Q", format=".3f"),
        ],
    )
    return alt.LayerChart(layer=[encoded]).properties(height=HEIGHT)


SLICE_CURVES = {  # columns of slice_sensitivity: the title of their axis
    "absolute": ("q50", "|difference|, median and quartiles"),
    "relative": ("relative", "|difference| / standard deviation"),
    "cosine": ("token_cosine", "cosine of the embeddings"),
}


def over_shared_slices(points: pa.Table, name: str) -> alt.LayerChart:
    """One of SLICE_CURVES over the shared slices; the absolute one with its quartiles over dimensions."""
    column, title = SLICE_CURVES[name]
    x = alt.X(
        "shared_slice:Q",
        title="shared slice",
        axis=alt.Axis(tickMinStep=1, tickCount=6),
        scale=alt.Scale(nice=False),
    )
    y = alt.Y(
        f"{column}:Q",
        title=None,
        scale=alt.Scale(zero=name != "cosine"),
        axis=alt.Axis(tickCount=4, format="~g"),
    )
    tooltip = [
        alt.Tooltip("shared_slice:Q", title="shared slice"),
        alt.Tooltip(f"{column}:Q", title=name, format=".4g"),
    ]
    line = (
        alt.Chart(points)
        .mark_line(point={"size": 16}, strokeWidth=1.5)
        .encode(x, y, tooltip=tooltip)
    )
    band = (
        alt.Chart(points)
        .mark_area(opacity=0.25)
        .encode(x, alt.Y("q25:Q", title=None), alt.Y2("q75:Q"))
    )
    layers = [band, line] if name == "absolute" else [line]
    return alt.LayerChart(layer=layers).properties(
        height=HEIGHT, title=alt.TitleParams(title, fontSize=12, fontWeight=600, anchor="start")
    )


def over_patches(points: pa.Table, height: int, width: int) -> alt.Chart:
    """A value of every patch of the frame. Columns y, x, l2, cosine."""
    side = max(4, min(40, 320 // max(height, width)))
    scale = alt.Scale(paddingInner=0)
    return (
        alt.Chart(points)
        .mark_rect()
        .encode(
            alt.X("x:O", axis=None, scale=scale),
            alt.Y("y:O", axis=None, scale=scale),
            alt.Color("l2:Q", title="distance", scale=alt.Scale(scheme="blues")),
            [
                alt.Tooltip("y:O", title="row"),
                alt.Tooltip("x:O", title="column"),
                alt.Tooltip("l2:Q", format=".4g"),
                alt.Tooltip("cosine:Q", format=".4f"),
            ],
        )
        .properties(
            width=side * width, height=side * height, autosize=alt.AutoSizeParams(type="pad")
        )
    )
