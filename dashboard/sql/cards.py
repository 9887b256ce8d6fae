"""Rows that are clips or videos, as cards: a picture, a name and the further columns."""

from collections.abc import Mapping

import pyarrow as pa
import streamlit as st

from tubelet.dashboard import caching, units
from tubelet.dashboard.paging import turn_pages
from tubelet.dashboard.sql import thumbnails
from tubelet.dashboard.sql.results import make_displayable
from tubelet.store import Store
from tubelet.store.questions import clips
from tubelet.store.rows import NamedClip

PAGE, WIDTH = 40, 200  # cards on a page; pixels of a card, at least


def show(store: Store, rows: pa.Table) -> None:
    first = turn_pages(len(rows), PAGE, "gallery-page") if len(rows) > PAGE else 0
    page = make_displayable(rows[first : first + PAGE])
    by_clip = "clip_id" in page.column_names
    known = _find_clips(store, page, by_clip)
    shown = thumbnails.choose_caption_columns(page, ())
    cells = [
        _draw(store, known.get(row["clip_id" if by_clip else "video_id"]), row, shown)
        for row in page.to_pylist()
    ]
    st.html(thumbnails.arrange([cell for cell in cells if cell], WIDTH))
    if gone := cells.count(""):
        what = "clip" if by_clip else "video with clips"
        st.caption(f"{units.count(gone, 'row')} without a card: the store holds no such {what}.")


def _find_clips(store: Store, page: pa.Table, by_clip: bool) -> dict[str, NamedClip]:
    """The clip of each row; of a video, its first."""
    if by_clip:
        return thumbnails.find_clips(store, page["clip_id"].to_pylist())
    videos = sorted({str(id_) for id_ in page["video_id"].to_pylist() if id_ is not None})
    found = caching.rows(store, clips.first_clips(videos))
    return {row["video_id"]: NamedClip.of(row) for row in found}


def _draw(store: Store, clip: NamedClip | None, row: Mapping, shown: list[str]) -> str:
    if clip is None:
        return ""
    picture = thumbnails.slice_html(store, clip, clip.slices // 2)
    head = f"{clip.video_name}, {clip.start_s:.2f} to {clip.stop_s:.2f} s"
    return thumbnails.link_html(clip, None, picture + thumbnails.caption_html(head, row, shown))
