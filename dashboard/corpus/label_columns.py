"""Labels on the Corpus page: a filter by any of them, and a column for each."""

from collections.abc import Callable, Sequence

import pyarrow as pa
import streamlit as st

from tubelet.dashboard import address, caching
from tubelet.dashboard.parameters import bind
from tubelet.store import Store
from tubelet.store.questions import annotations
from tubelet.store.schema.annotations import FOLDER

COLUMNS_MOST = 12  # labels that have a column
FIRST = (
    "label",
    "split",
    "group",
)  # labels that come first: what a video is, and what reports go by
PREFIX = "label: "  # of a column's name in the table, which no other column has


def names(store: Store) -> list[str]:
    """The imported labels, those of `FIRST` first, without the folder: it has a column of its own."""
    rows = caching.rows(store, annotations.label_names())
    return sorted(
        (row["name"] for row in rows if row["name"] != FOLDER), key=lambda name: name not in FIRST
    )


def choose_name(store: Store, on_change: Callable[[], None]) -> str:
    """The label to filter by, an imported one where there is any; shown if there are others than the folder. A value in the address
    without a name is the folder's, as in every link so far."""
    known = names(store)
    if not known:
        return FOLDER
    choices = [*known, FOLDER]
    default = FOLDER if address.read_widget("label") else known[0]
    return st.selectbox(
        "Label",
        choices,
        choices.index(default),
        width=130,
        **bind("label-name"),
        on_change=on_change,
    )


def hold_name() -> None:
    """To be called where a value is chosen: the address then says of which label, by default or not."""
    if chosen := st.session_state.get("label-name"):
        st.session_state["label-name"] = chosen


def values(store: Store, name: str) -> list[str]:
    """The values of a label, most frequent first."""
    return [row["value"] for row in caching.rows(store, annotations.label_values(name))]


def columns(store: Store, video_ids: Sequence[str]) -> dict[str, pa.Array]:
    """A column per label for the videos of a page, joined where a video has several values."""
    shown = names(store)[:COLUMNS_MOST]
    if not shown or not video_ids:
        return {}
    rows = caching.rows(store, annotations.labels_of_videos(list(video_ids), shown))
    held = {(row["video_id"], row["name"]): row["value"] for row in rows}
    return {
        PREFIX + name: pa.array([held.get((id_, name)) for id_ in video_ids], pa.string())
        for name in shown
    }
