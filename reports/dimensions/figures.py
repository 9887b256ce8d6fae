"""The pictures of the report on dimensions: shares as stacked bars, profiles over the window, and the mean shares by layer."""

import altair as alt
import numpy as np
import pyarrow as pa

from tubelet.reports import series
from tubelet.reports.blocks import Picture
from tubelet.reports.dimensions.findings import (
    DimensionFindings,
    LayerFindings,
    list_dimensions,
    questions_of,
)
from tubelet.reports.dimensions.narrative import PART_NAMES
from tubelet.reports.dimensions.variance import PARTS
from tubelet.reports.literal import literal
from tubelet.store.questions import dimensions as queries
from tubelet.store.wording import count

BARS, LINES, HEIGHT = 40, 8, 260
BAR_SCHEMA = pa.schema(
    {"dim": pa.int64(), "component": pa.string(), "number": pa.int64(), "share": pa.float64()}
)
COLORS = ("#2a7fb0", "#c2700f", "#3f8f6b", "#7b8a95")  # of the parts, readable on both


def draw_shares(layer: LayerFindings, prefix: str) -> Picture:
    """The dimensions whose share of the position is largest, each as a bar of its parts."""
    rows = list_dimensions(layer)[:BARS].select(["dim", *PARTS]).to_pylist()
    drawn = pa.Table.from_pylist(
        [
            {"dim": row["dim"], "component": PART_NAMES[part], "number": number, "share": row[part]}
            for row in rows
            for number, part in enumerate(PARTS)
            if row[part] is not None
        ],
        BAR_SCHEMA,
    )
    order = [row["dim"] for row in rows]
    chart = _bars(
        drawn,
        alt.X(
            "dim:N", sort=order, title="dimension", axis=alt.Axis(labelAngle=0, labelOverlap=True)
        ),
    )
    return Picture(
        name=f"{prefix}shares",
        title=f"Shares of the variance of {len(rows)} dimensions",
        drawing=chart,
        alt="Shares of the variance of each dimension between videos, positions, moments and patches",
        numbers=lambda: drawn,
        caption="First those that depend on the position of the slice, then by its share; the table has all.",
        questions=questions_of(layer),
    )


def _bars(drawn: pa.Table, x: alt.X) -> alt.Chart:
    color = alt.Color(
        "component:N",
        title=None,
        sort=list(PART_NAMES.values()),
        legend=alt.Legend(orient="top", labelLimit=600, columns=1),
        scale=alt.Scale(domain=list(PART_NAMES.values()), range=list(COLORS)),
    )
    tips: list[str | alt.Tooltip] = [
        x.shorthand,
        "component:N",
        alt.Tooltip("share:Q", format=".1%"),
    ]
    y = alt.Y(
        "share:Q",
        title="share of the variance",
        axis=alt.Axis(format="%"),
        scale=alt.Scale(domain=[0, 1]),
    )
    return (
        alt.Chart(drawn)
        .mark_bar()
        .encode(x=x, y=y, color=color, order="number:Q", tooltip=tips)
        .properties(height=HEIGHT, width="container")
    )


def draw_profiles(layer: LayerFindings, prefix: str) -> Picture:
    """The mean of the named dimensions at each position; where none is named, of those with the largest share."""
    named = layer.named[:LINES]
    dims = named if len(named) else list_dimensions(layer)["dim"].to_numpy()[:LINES]
    drawn = list_profiles(layer, dims)
    x = alt.X("slice:Q", title="slice of the window", axis=alt.Axis(tickMinStep=1, format="d"))
    color = alt.Color(
        "dim:N",
        title="dimension",
        sort=[int(dim) for dim in dims],
        scale=alt.Scale(range=list(series.COLORS)),
    )
    chart = (
        alt.Chart(drawn)
        .mark_line(strokeWidth=2, point={"size": 24})
        .encode(
            x=x,
            y=alt.Y("mean:Q", title="mean, in standard deviations"),
            color=color,
            tooltip=["dim:N", "slice:Q", alt.Tooltip("mean:Q", format=".3f")],
        )
        .properties(height=HEIGHT, width="container")
    )
    which = (
        "with the largest share of the position, all beyond chance"
        if len(named)
        else "with the largest share of the position, none beyond chance"
    )
    return Picture(
        name=f"{prefix}profiles",
        title="Profile over the window",
        drawing=chart,
        alt="Mean of dimensions at each slice of the window",
        numbers=lambda: drawn,
        caption=f"Of {count(len(dims), 'dimension')} {which}: mean over videos at each slice, minus the mean over slices, over the dimension's standard deviation.",
        questions={"Profiles, in the units of the dimension": queries.profiles(layer.scope)},
    )


def list_profiles(layer: LayerFindings, dims: np.ndarray) -> pa.Table:
    """dim, slice, mean in standard deviations; no row where a dimension does not vary."""
    known = [int(dim) for dim in dims if layer.shares.varies[dim]]
    slices = layer.scope.slices
    return pa.table(
        {
            "dim": pa.array([dim for dim in known for _ in range(slices)], pa.int64()),
            "slice": pa.array(list(range(slices)) * len(known), pa.int64()),
            "mean": pa.array(layer.shares.profile[:, known].T.ravel(), pa.float64()),
        }
    )


def draw_layers(found: DimensionFindings) -> Picture:
    """Mean shares over the dimensions of each layer."""
    drawn = pa.Table.from_pylist(
        [
            {
                "layer": row["layer"],
                "component": PART_NAMES[part],
                "number": number,
                "share": row[part],
            }
            for row in list_layers(found).to_pylist()
            for number, part in enumerate(PARTS)
            if row[part] is not None
        ]
    )
    order = [layer.scope.layer for layer in found.layers]
    questions = {literal(layer.scope.layer): queries.shares(layer.scope) for layer in found.layers}
    return Picture(
        name="layers_shares",
        title="Mean share of each part, by layer",
        drawing=_bars(
            drawn,
            alt.X(
                "layer:N", sort=order, title="layer", axis=alt.Axis(labelAngle=0, labelOverlap=True)
            ),
        ),
        alt="Mean over dimensions of the shares of the variance, one bar per layer",
        numbers=lambda: drawn,
        caption="One bar per layer: what a dimension's variance consists of, on average over its dimensions.",
        questions=questions,
    )


def list_layers(found: DimensionFindings) -> pa.Table:
    """One row per layer: mean shares over its dimensions, and how many depend on the position."""
    rows = []
    for layer in found.layers:
        varies = layer.shares.varies
        means = {part: _mean(getattr(layer.shares, part)[varies]) for part in PARTS}
        sizes = {"dims": len(varies), "varying": int(varies.sum()), "named": len(layer.named)}
        rows.append({"layer": layer.scope.layer, **sizes, **means})
    return pa.Table.from_pylist(rows)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if np.isfinite(values).any() else None
