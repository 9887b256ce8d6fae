"""Rows that are tokens, as pictures of their patches."""

from collections.abc import Mapping

import pyarrow as pa
import streamlit as st

from tubelet.dashboard import units
from tubelet.dashboard.paging import turn_pages
from tubelet.dashboard.sql import thumbnails
from tubelet.dashboard.sql.columns import ADDRESS
from tubelet.dashboard.sql.results import make_displayable
from tubelet.store import Store
from tubelet.store.rows import NamedClip

PAGE = 60  # patches on a page
WIDTH = 132  # pixels of a picture, at least


def show(store: Store, rows: pa.Table) -> None:
    """A page of patches, each with those around it, its address and its further columns."""
    first = 0
    if len(rows) > PAGE:
        first = turn_pages(len(rows), PAGE, "gallery-page")
    page = make_displayable(rows[first : first + PAGE])
    known = thumbnails.find_clips(store, page["clip_id"].to_pylist())
    shown = thumbnails.choose_caption_columns(page, ADDRESS)
    cells = [draw_row(store, row, known, shown) for row in page.to_pylist()]
    st.html(thumbnails.arrange([cell for cell in cells if cell], WIDTH))
    if gone := cells.count(""):
        st.caption(f"{units.count(gone, 'row')} without a picture: the store holds no such token.")


def draw_row(store: Store, row: Mapping, known: Mapping[str, NamedClip], shown: list[str]) -> str:
    """The picture of a row; "" where its address is of no token of the store."""
    clip, patch = known.get(row["clip_id"]), (row["slice"], row["y"], row["x"])
    if clip is None or not thumbnails.contains(clip, patch):
        return ""
    seconds = clip.start_s + patch[0] / clip.slices * (clip.stop_s - clip.start_s)
    head = f"{clip.video_name}, {seconds:.2f} s, slice {patch[0]}, ({patch[1]}, {patch[2]})"
    picture = thumbnails.patch_html(store, clip, patch)
    return thumbnails.link_html(clip, patch, picture + thumbnails.caption_html(head, row, shown))
