"""Rows that are tokens with a number, as heat over the pictures of their slices."""

import base64
import io
from collections.abc import Mapping
from itertools import groupby

import numpy as np
import pyarrow as pa
import streamlit as st
from PIL import Image

from tubelet.dashboard import units
from tubelet.dashboard.paging import turn_pages
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.sql import thumbnails
from tubelet.dashboard.sql.columns import ADDRESS, list_columns
from tubelet.reports.literal import html_text, literal
from tubelet.store import Store
from tubelet.store.rows import NamedClip

PAGE, WIDTH = 24, 220  # slices on a page; pixels of one, at least
OPACITY = 165  # of 255: the frame shines through
STOPS = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], float)
VALUE = "heat-of"  # URL parameter


def show(store: Store, rows: pa.Table) -> None:
    """A page of slices, all on one scale."""
    names = list(list_columns(rows).values)
    if st.session_state.get(VALUE) not in names:
        st.session_state[VALUE] = names[0]
    value = st.selectbox("Heat", names, **bind(VALUE), width=220)
    tokens = rows.select([*ADDRESS, value]).to_pylist()
    numbers = np.array([np.nan if row[value] is None else float(row[value]) for row in tokens])
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        st.caption(f"{literal(value)} has no finite value.")
        return
    low, high = float(finite.min()), float(finite.max())
    keyed = sorted(zip(tokens, numbers), key=lambda one: (str(one[0]["clip_id"]), one[0]["slice"] or 0))  # fmt: skip
    slices = [list(same) for _, same in groupby(keyed, key=lambda one: (one[0]["clip_id"], one[0]["slice"]))]  # fmt: skip
    first = turn_pages(len(slices), PAGE, "gallery-page") if len(slices) > PAGE else 0
    page = slices[first : first + PAGE]
    known = thumbnails.find_clips(store, (same[0][0]["clip_id"] for same in page))
    st.html(draw_legend(value, low, high))
    cells = [
        _draw_slice(store, known.get(same[0][0]["clip_id"]), same, (low, high)) for same in page
    ]
    st.html(thumbnails.arrange([cell for cell in cells if cell], WIDTH))
    if gone := cells.count(""):
        st.caption(
            f"{units.count(gone, 'slice')} without a picture: the store holds no such slice."
        )


def _draw_slice(
    store: Store,
    clip: NamedClip | None,
    tokens: list[tuple[Mapping, float]],
    scale: tuple[float, float],
) -> str:
    """A slice with its heat; "" where the store holds none of these tokens."""
    if clip is None:
        return ""
    grid = np.full((clip.grid_height, clip.grid_width), np.nan)
    for row, number in tokens:
        if thumbnails.contains(clip, (row["slice"], row["y"], row["x"])):
            grid[row["y"], row["x"]] = number
    slice_ = tokens[0][0]["slice"]
    if np.isnan(grid).all():
        return ""
    picture = thumbnails.slice_html(store, clip, slice_, draw_heat(color_heat(grid, *scale)))
    best = np.unravel_index(np.nanargmax(grid), grid.shape)
    head = (
        f"{clip.video_name}, slice {slice_}: up to {np.nanmax(grid):.4g} at ({best[0]}, {best[1]})"
    )
    return thumbnails.link_html(clip, (slice_, int(best[0]), int(best[1])), picture + f"<div>{html_text(head)}</div>")  # fmt: skip


def color_heat(grid: np.ndarray, low: float, high: float) -> np.ndarray:
    """A grid of numbers ``(H, W)`` as ``(H, W, 4)`` bytes from dark to bright; NaN is transparent."""
    place = np.clip((np.nan_to_num(grid) - low) / ((high - low) or 1.0), 0, 1) * (len(STOPS) - 1)
    colors = np.stack([np.interp(place, range(len(STOPS)), STOPS[:, c]) for c in range(3)], -1)
    alpha = np.where(np.isnan(grid), 0, OPACITY)[..., None]
    return np.concatenate([np.rint(colors), alpha], -1).astype(np.uint8)


def draw_heat(colors: np.ndarray) -> str:
    sink = io.BytesIO()
    Image.fromarray(colors).save(sink, "PNG")
    data = base64.b64encode(sink.getvalue()).decode()
    style = "position: absolute; inset: 0; width: 100%; height: 100%; image-rendering: pixelated; border-radius: 3px"
    return f'<img alt="" src="data:image/png;base64,{data}" style="{style}">'


def draw_legend(name: str, low: float, high: float) -> str:
    stops = ", ".join(f"rgb({', '.join(f'{c:.0f}' for c in stop)})" for stop in STOPS)
    bar = f'<div style="flex: 0 1 180px; height: 10px; border-radius: 3px; background: linear-gradient(to right, {stops})"></div>'
    return f'<div style="display: flex; gap: 0.6rem; align-items: center; font-size: 0.85rem">{html_text(name)}: {low:.4g} {bar} {high:.4g}</div>'
