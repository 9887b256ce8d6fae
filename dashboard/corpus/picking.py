"""From the table of videos to the selected videos: what the filters list, or the rows that the reader picks."""

from dataclasses import replace

import streamlit as st

from tubelet.dashboard import caching, selected_videos, units
from tubelet.dashboard.chosen import IDS_MOST, LABEL, Chosen
from tubelet.dashboard.selection import Selection
from tubelet.store import Store
from tubelet.store.questions import corpus
from tubelet.store.questions.corpus import VideoFilter
from tubelet.store.schema.annotations import FOLDER

PICKING, PICKED = "pick-rows", "picked-videos"  # in the session: whether rows are picked, and which


def is_on() -> bool:
    """Whether rows are picked, rather than one video chosen."""
    return bool(st.session_state.get(PICKING, False))


def offer(store: Store, videos: VideoFilter, total: int) -> None:
    """Make the picked rows, or what the filters list, the selected videos of every page, or a tag."""
    if st.toggle("Pick rows", key=PICKING, help="Tick several rows of the table."):
        picked = st.session_state.get(PICKED, [])
        _offer(
            store, picked, Chosen.of_ids(picked) if 0 < len(picked) <= IDS_MOST else None, "picked"
        )
        return
    if not total or videos == replace(videos, text="", label=None, state="all"):
        return
    ids = [row["video_id"] for row in caching.rows(store, corpus.video_ids(videos))]
    alone = videos == replace(videos, text="", state="all", chosen=None)
    if alone and videos.label and videos.label_name != FOLDER:
        chosen = Chosen(LABEL, f"{videos.label_name}={videos.label}")
    elif total <= IDS_MOST:
        chosen = Chosen.of_ids(ids)
    else:
        chosen = None
    _offer(store, ids, chosen, "filtered")


def _offer(store: Store, ids: list[str], chosen: Chosen | None, key: str) -> None:
    fits = "Every page is then about these videos."
    lacks = f"An address carries 1 to {IDS_MOST} videos: save more as a tag."
    st.button(
        f"Select {units.count(len(ids), 'video')}",
        icon=":material/checklist:",
        type="tertiary",
        key=f"go-select-{key}",
        disabled=chosen is None,
        on_click=selected_videos.select,
        args=(chosen,),
        help=fits if chosen else lacks,
    )
    if ids:
        selected_videos.offer_tag(store, ids, key)


def find_ticked(selection: Selection, shown: list[str]) -> list[int]:
    """The rows that are ticked from the start: those picked before, or the chosen video's."""
    ticked = st.session_state.get(PICKED, []) if is_on() else [selection.video_id]
    return [number for number, video_id in enumerate(shown) if video_id in ticked]


def pick(key: str, shown: list[str]) -> None:
    """Keep what is ticked on this page of the table, beside what was ticked on others."""
    rows = st.session_state[key]["selection"]["rows"]
    others = [id_ for id_ in st.session_state.get(PICKED, []) if id_ not in shown]
    st.session_state[PICKED] = others + [shown[row] for row in rows]
