"""The lines of a chart, told apart: a color each, dashes where there are more lines than colors, and a place beside each other for their intervals."""

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
GAP = 1.03  # between neighbors on a logarithmic axis
BESIDE = 0.25  # of a step of a discrete axis: what the lines at one of its values share
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


def stand_side_by_side(x: alt.X, names: Sequence[str]) -> dict[str, Any]:
    """The channels of a discrete x axis on which lines stand a little apart by their column `series`, so that no interval covers another."""
    domain = list(dict.fromkeys(names))
    if len(domain) < 2:
        return {"x": x}
    narrow = alt.Scale(paddingInner=1 - BESIDE, paddingOuter=(1 - BESIDE) / 2)
    return {"x": x.scale(narrow), "xOffset": alt.XOffset("series:N", sort=domain, scale=alt.Scale(type="point"))}  # fmt: skip


def move_apart(values: Sequence[float], names: Sequence[str]) -> list[float]:
    """Values of a logarithmic axis, moved apart in the order of their lines by a few percent, for the same reason."""
    domain = list(dict.fromkeys(names))
    middle = (len(domain) - 1) / 2
    return [value * GAP ** (domain.index(name) - middle) for value, name in zip(values, names)]
