"""From the table of videos to the selected videos: what the filters list, or the rows that the reader checks."""

from dataclasses import replace

import streamlit as st

from tubelet.dashboard import caching, selected_videos, units
from tubelet.dashboard.chosen import IDS_MOST, LABEL, Chosen
from tubelet.store import Store
from tubelet.store.questions import corpus
from tubelet.store.questions.corpus import VideoFilter
from tubelet.store.schema.annotations import FOLDER


def offer(store: Store, videos: VideoFilter, total: int, checked: list[str]) -> None:
    """Make the checked rows where there are several, or what the filters list, the selected videos of every page, or a tag."""
    if len(checked) > 1:
        few = Chosen.of_ids(checked) if len(checked) <= IDS_MOST else None
        _offer(store, checked, few, "checked")
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
