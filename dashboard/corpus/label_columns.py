"""Labels on the Corpus page: a filter by any of them, and a column for each."""

from collections.abc import Callable, Sequence

import pyarrow as pa
import streamlit as st

from tubelet.dashboard import caching
from tubelet.dashboard.parameters import bind
from tubelet.store import Store
from tubelet.store.questions import annotations
from tubelet.store.schema.annotations import FOLDER

COLUMNS_MOST = 12  # labels that have a column
FIRST = (
    "label",
    "split",
    "group",
)  # labels whose columns come first: what a video is, and what reports go by
PREFIX = "label: "  # of a column's name in the table, which no other column has


def names(store: Store) -> list[str]:
    """The imported labels, without the folder: it has a column of its own."""
    rows = caching.rows(store, annotations.label_names())
    return [row["name"] for row in rows if row["name"] != FOLDER]


def choose_name(store: Store, on_change: Callable[[], None]) -> str:
    """The label to filter by; shown if there are others than the folder."""
    known = names(store)
    if not known:
        return FOLDER
    choices = [FOLDER, *known]
    return st.selectbox("Label", choices, width=130, **bind("label-name"), on_change=on_change)


def values(store: Store, name: str) -> list[str]:
    """The values of a label, most frequent first."""
    return [row["value"] for row in caching.rows(store, annotations.label_values(name))]


def columns(store: Store, video_ids: Sequence[str]) -> dict[str, pa.Array]:
    """A column per label for the videos of a page, joined where a video has several values."""
    shown = sorted(names(store), key=lambda name: name not in FIRST)[:COLUMNS_MOST]
    if not shown or not video_ids:
        return {}
    rows = caching.rows(store, annotations.labels_of_videos(list(video_ids), shown))
    held = {(row["video_id"], row["name"]): row["value"] for row in rows}
    return {
        PREFIX + name: pa.array([held.get((id_, name)) for id_ in video_ids], pa.string())
        for name in shown
    }
