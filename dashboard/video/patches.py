"""The patches that were taken on the player: picture, address and statistics."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import streamlit as st

from tubelet.dashboard import caching, downloads, links, units
from tubelet.dashboard.sql_link import sql_behind
from tubelet.latent.directions.naming import PATCHES
from tubelet.latent.marks import MarkedPatches, number_tokens
from tubelet.reports.literal import Markdown, html_text, literal
from tubelet.store import Store
from tubelet.store.placement import Sheet
from tubelet.store.questions import clips
from tubelet.store.rows import ClipRow
from tubelet.store.statistics import TOKEN_STATISTICS

SIDE, SMALL = 132, 108  # pixels of an enlarged patch, and of each of two pictures in a row
AROUND = 2  # patches on each side of one that show where it is
ROWS, ROW_HEIGHT = 8, 31  # rows before the table scrolls; pixels
READINGS = {  # from which value upwards a statistic reads so, the highest first
    "previous_cosine": (
        (0.98, "near 1: nothing moves"),
        (0.8, "a little changes since the slice before"),
        (-1.0, "much changes since the slice before"),
    ),
    "neighbour_cosine": (
        (0.9, "near 1: like the patches around it"),
        (0.5, "partly like the patches around it"),
        (-1.0, "unlike the patches around it: an edge, or something small"),
    ),
    "kurtosis": (
        (6.0, "far above 3: few dimensions carry much"),
        (2.0, "near 3: dimensions are spread as in a normal distribution"),
        (0.0, "below 2: no dimension stands out"),
    ),
}
FIRST_SLICE = "the first slice has none before it"


def show(store: Store, clip: ClipRow, marked: MarkedPatches) -> None:
    if not marked.patches:
        return
    question = clips.patches(clip.clip_id, number_tokens(clip, marked.patches))
    rows = caching.rows(store, question)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(_heading(marked), anchor="patch", width="content")
        sql_behind({"Patches": question}, "patches")
        downloads.offer_answer(store, f"{clip.clip_id}-patches", question)
        if len(marked.patches) == 2 and clip.embedding_path:
            between = MarkedPatches(clip.clip_id, marked.patches).name
            links.to_dimension("As a direction", clip.encoder_id, None, f"{PATCHES}:{between}")
    if len(rows) == 1:
        _one(store, clip, rows[0])
    else:
        _several(rows)


def _heading(marked: MarkedPatches) -> Markdown:
    if len(marked.patches) > 1:
        return units.count(len(marked.patches), "patch", "patches")
    slice_, y, x = marked.patches[0]
    return f"Patch ({y:d}, {x:d}) of slice {slice_:d}"


def _one(store: Store, clip: ClipRow, row: Mapping) -> None:
    with st.container(horizontal=True, vertical_alignment="top", gap="medium", key="one-patch"):
        if store.layout.has_pictures(clip.video_id, clip.clip_id):
            st.html(patch_html(clip, (row["slice"], row["y"], row["x"])), width="content")
        with st.container(key="patch-numbers"):
            st.table(_statistics(row), border="horizontal", alt="Statistics of the patch")
            st.caption(
                f"Address: clip {literal(clip.clip_id)}, slice {row['slice']:d}, y {row['y']:d}, x {row['x']:d}, each counted from 0."
            )


def patch_html(clip: ClipRow, patch: tuple[int, int, int]) -> str:
    """HTML of one patch, cut out of the clip's sheet of slice pictures by the browser."""
    tile = Sheet.of(clip).tile
    slice_, y, x = patch
    high, wide = tile[0] / clip.grid_height, tile[1] / clip.grid_width
    return _crop_html(clip, slice_, (y * high, x * wide, high, wide), "The patch")


def render_surroundings(clip: ClipRow, patch: tuple[int, int, int], where: str) -> str:
    """HTML of a patch where one recognizes it: outlined on what the encoder saw of its slice, and among the patches around it."""
    slice_, y, x = patch
    tile = Sheet.of(clip).tile
    high, wide = tile[0] / clip.grid_height, tile[1] / clip.grid_width
    spans = [
        _around(at, count) for at, count in ((y, clip.grid_height), (x, clip.grid_width))
    ]  # first and number of the rows, and of the columns
    (first_y, rows), (first_x, columns) = spans
    pictures = (
        ((0, 0, *tile), (y / clip.grid_height, x / clip.grid_width, 1 / clip.grid_height, 1 / clip.grid_width), "The frame"),
        (
            (first_y * high, first_x * wide, rows * high, columns * wide),
            ((y - first_y) / rows, (x - first_x) / columns, 1 / rows, 1 / columns),
            "The surroundings",
        ),
    )  # fmt: skip
    drawn = "".join(
        _crop_html(clip, slice_, box, f"{label} of the patch: {where}", (SMALL, _outline(mark)))
        for box, mark, label in pictures
    )
    return f'<div style="display: flex; gap: 6px">{drawn}</div>'


def _around(at: int, count: int) -> tuple[int, int]:
    """The first and the number of the patches around one, along a side of so many."""
    number = min(2 * AROUND + 1, count)
    return min(max(at - AROUND, 0), count - number), number


def _outline(box: tuple[float, float, float, float]) -> str:
    """HTML of a frame around a part (top, left, height, width) of a picture."""
    top, left, height, width = (f"{100 * side:.2f}%" for side in box)
    style = f"position: absolute; top: {top}; left: {left}; height: {height}; width: {width}; box-sizing: border-box; outline: 2px solid #ff9614; box-shadow: 0 0 0 3px #0b1216"
    return f'<div style="{style}"></div>'


def slice_html(clip: ClipRow, slice_: int) -> str:
    """HTML of what the encoder saw of one slice."""
    return _crop_html(clip, slice_, (0, 0, *Sheet.of(clip).tile), f"Slice {slice_}")


def _crop_html(
    clip: ClipRow,
    slice_: int,
    box: tuple[float, float, float, float],
    label: str,
    drawn: tuple[int, str] = (SIDE, ""),
) -> str:
    """A box (top, left, height, width) of a slice's picture, in pixels of the sheet; `drawn`: its longer side on the page, and what lies on it."""
    sheet = Sheet.of(clip)
    top, left = (corner + offset for corner, offset in zip(sheet.corner(slice_), box))
    high, wide = box[2:]
    scale = drawn[0] / max(high, wide)
    style = {
        "position": "relative",
        "width": f"{wide * scale:.1f}px",
        "height": f"{high * scale:.1f}px",
        "background-image": f"url(pictures/{quote(clip.clip_id)})",
        "background-size": f"{sheet.size[1] * scale:.1f}px {sheet.size[0] * scale:.1f}px",
        "background-position": f"{-left * scale:.1f}px {-top * scale:.1f}px",
        "image-rendering": "pixelated" if scale > 1 else "auto",
        "border-radius": "3px",
        "box-shadow": "inset 0 0 0 1px rgba(128, 128, 128, 0.4)",  # a white patch on a white page has an edge
    }
    return f'<div role="img" aria-label="{html_text(label)}" style="{html_text("; ".join(f"{name}: {value}" for name, value in style.items()))}">{drawn[1]}</div>'


def _statistics(row: Mapping) -> dict[str, list[Markdown]]:
    return {
        "statistic": list(TOKEN_STATISTICS),
        "this patch": [
            "not defined" if row[name] is None else f"{row[name]:.4g}" for name in TOKEN_STATISTICS
        ],
        "reading": [
            read_statistic(name, row[name], row[f"{name}_rank"]) for name in TOKEN_STATISTICS
        ],
    }


def read_statistic(name: str, value: float | None, rank: float | None) -> Markdown:
    """What a statistic of a patch says, in words; `rank`: the share of the window's patches below it, None where they differ by rounding alone."""
    if value is None:
        return FIRST_SLICE if name == "previous_cosine" else ""
    found = [number for number, (least, _) in enumerate(READINGS.get(name, ())) if value >= least]
    said = f"{READINGS[name][found[0]][1]}; " if found else ""
    if rank is None:
        return f"{said}the same in all patches of the window"
    return f"{said}higher than {rank:.0%} of the window's patches"


def _several(rows: Sequence[Mapping]) -> None:
    columns = {name: [row[name] for row in rows] for name in ("slice", "y", "x", *TOKEN_STATISTICS)}
    height = ROW_HEIGHT * (min(len(rows), ROWS) + 1) + 4
    config = {name: st.column_config.NumberColumn(format="%.4g") for name in TOKEN_STATISTICS}
    st.dataframe(
        columns,
        column_config=config,
        hide_index=True,
        height=height,
        placeholder="",
        alt="Statistics of the patches",
    )
