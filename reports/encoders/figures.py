"""Matrices of a comparison as pictures: every encoder and layer beside every other."""

import altair as alt
import numpy as np
import pyarrow as pa

from tubelet.latent.comparison.places import Place
from tubelet.reports.blocks import Picture
from tubelet.reports.encoders.findings import EncoderFindings
from tubelet.reports.encoders.narrative import MEASURES
from tubelet.reports.rasters import STOPS, Raster
from tubelet.store.encoder_names import add_layer

SIDE, MOST = 420, 60  # pixels; places beyond which cells are too small to read
ENDS = ("value", "low", "high", "chance")


def draw_matrix(found: EncoderFindings, measure: str) -> Picture:
    rows = list_cells(found, measure)
    title = MEASURES[measure]
    many = len(found.compared.places) > MOST
    return Picture(
        name=f"matrix_{measure}",
        title=title[0].upper() + title[1:],
        drawing=_raster(found, rows, title) if many else _chart(found, rows, title),
        alt=f"Matrix of the {title} of every encoder and layer with every other",
        numbers=lambda: rows,
        caption="Each encoder and layer against each other, 1 on the diagonal. The table has the intervals and the chance level.",
        questions=found.states,
    )


def list_cells(found: EncoderFindings, measure: str) -> pa.Table:
    """a, b, value, low, high, chance: both triangles, and the diagonal."""
    names = name_places(found)
    rows = [
        {"a": names[one.a], "b": names[one.b], **{end: getattr(one.found, end) for end in ENDS}}
        for one in found.compared.of_measure(measure)
    ]
    mirrored = [{**row, "a": row["b"], "b": row["a"]} for row in rows]
    diagonal = [{"a": name, "b": name, "value": 1.0} for name in names.values()]
    types = [pa.field(name, pa.string()) for name in ("a", "b")] + [pa.field(name, pa.float64()) for name in ENDS]  # fmt: skip
    return pa.Table.from_pylist([*rows, *mirrored, *diagonal], pa.schema(types))


def name_places(found: EncoderFindings) -> dict[Place, str]:
    names = found.names
    return {
        place: add_layer(names[place.encoder_id], place.layer, " ")
        for place in found.compared.places
    }


def _chart(found: EncoderFindings, rows: pa.Table, title: str) -> alt.Chart:
    names = list(name_places(found).values())
    axis = alt.Axis(labelLimit=220, labelOverlap=True, title=None)
    color = alt.Color("value:Q", title=title, scale=alt.Scale(domain=[0, 1], range=list(STOPS), clamp=True))  # fmt: skip
    tips: list[str | alt.Tooltip] = ["a:N", "b:N"]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ENDS]
    x = alt.X("b:N", sort=names, axis=alt.Axis(labelLimit=220, labelOverlap=True, title=None, labelAngle=-60))  # fmt: skip
    y = alt.Y("a:N", sort=names, axis=axis)
    base = alt.Chart(rows).mark_rect().encode(x=x, y=y, color=color, tooltip=tips)
    return base.properties(width=SIDE, height=SIDE)


def _raster(found: EncoderFindings, rows: pa.Table, title: str) -> Raster:
    at = {name: n for n, name in enumerate(name_places(found).values())}
    values = np.full((len(at), len(at)), np.nan)
    for row in rows.to_pylist():
        values[at[row["a"]], at[row["b"]]] = np.nan if row["value"] is None else row["value"]
    return Raster(
        values=values,
        x="encoder and layer",
        y="encoder and layer",
        unit=title,
        low=0,
        high=1,
        square=True,
    )
