"""Charts: functions from a table to an Altair chart, without Streamlit."""

import altair as alt
import pyarrow as pa

HEIGHT = 200  # pixels


def over_time(points: pa.Table, statistic: str, unit: str) -> alt.Chart:
    """A statistic over the seconds of a video: a line a clip, a point a slice. Columns clip_id, slice, at_s, value."""
    title = f"{statistic} ({unit})" if unit else statistic
    return (
        alt.Chart(points)
        .mark_line(point={"size": 12}, strokeWidth=1.5, opacity=0.85)
        .encode(
            x=alt.X("at_s:Q", title="time (s)", axis=alt.Axis(tickCount=8)),
            y=alt.Y("value:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)),
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
