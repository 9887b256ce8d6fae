"""From the table of videos to the selected videos: the chosen rows, or what the filters list."""

from dataclasses import replace

import streamlit as st

from tubelet.dashboard import address, caching, selected_videos, units
from tubelet.dashboard.chosen import IDS_MOST, LABEL, Chosen
from tubelet.store import Store
from tubelet.store.questions import corpus
from tubelet.store.questions.corpus import VideoFilter
from tubelet.store.schema.annotations import FOLDER


def offer(store: Store, videos: VideoFilter, total: int) -> None:
    """Make the chosen rows, or what the filters list, the selected videos of every page, or a tag."""
    if chosen := address.chosen_videos():
        _offer(store, chosen, _of_ids(chosen), "chosen")
    if total and videos != replace(videos, text="", label=None, state="all"):
        ids = [row["video_id"] for row in caching.rows(store, corpus.video_ids(videos))]
        _offer(store, ids, _of_label(videos) or _of_ids(ids), "filtered")


def _of_ids(ids: list[str]) -> Chosen | None:
    """None for more videos than an address carries."""
    return Chosen.of_ids(ids) if len(ids) <= IDS_MOST else None


def _of_label(videos: VideoFilter) -> Chosen | None:
    """The one value that the filters ask for; None where they ask for something else, too."""
    alone = videos == replace(videos, text="", state="all", chosen=None)
    if not alone or not videos.label or videos.label_name == FOLDER:
        return None
    return Chosen(LABEL, f"{videos.label_name}={videos.label}")


def _offer(store: Store, ids: list[str], chosen: Chosen | None, key: str) -> None:
    fits = "Every page is then about these videos."
    lacks = f"An address carries up to {IDS_MOST} videos: save more as a tag."
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
    selected_videos.offer_tag(store, ids, key)
