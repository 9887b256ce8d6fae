"""The lines of a chart, told apart: a color each, and dashes where there are more lines than colors."""

from collections.abc import Sequence
from typing import Any

import altair as alt

COLORS = (
    "#2a7fb0",
    "#c2700f",
    "#3f8f6b",
    "#8a5aa8",
    "#b0476a",
    "#5c6f1f",
    "#7b8a95",
    "#a0522d",
)  # readable on light and dark
DASHES = ([1, 0], [6, 3], [2, 2])  # three times as many lines look different


def tell_apart(names: Sequence[str]) -> dict[str, Any]:
    """The channels of lines by their column `series`, in the order of their names."""
    domain = list(dict.fromkeys(names))
    legend = alt.Legend(orient="top", labelLimit=600, columns=1, symbolType="stroke")
    colors = [COLORS[n % len(COLORS)] for n in range(len(domain))]
    color = alt.Color("series:N", title=None, sort=None, legend=legend, scale=alt.Scale(domain=domain, range=colors))  # fmt: skip
    if len(domain) <= len(COLORS):
        return {"color": color}
    dashes = [DASHES[n // len(COLORS) % len(DASHES)] for n in range(len(domain))]
    scale = alt.Scale(domain=domain, range=dashes)
    return {"color": color, "strokeDash": alt.StrokeDash("series:N", title=None, sort=None, legend=legend, scale=scale)}  # fmt: skip
