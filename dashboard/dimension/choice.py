"""Which direction is shown, and over which video: from the URL, with the widgets that choose another."""

import streamlit as st

from tubelet.dashboard import address, caching
from tubelet.dashboard.parameters import VIDEO, bind
from tubelet.dashboard.selection import Selection
from tubelet.latent.directions.direction import Direction
from tubelet.latent.directions.naming import FORMS, count_dimensions, find_direction
from tubelet.latent.errors import LatentError
from tubelet.reports.literal import literal_sentence
from tubelet.store import Store
from tubelet.store.questions import clips
from tubelet.store.questions.rows import NamedVideo

DIRECTION = "direction"
LISTED = 200  # videos offered at once
HELP = f"{FORMS}: NAME is the name or id of a basis. Links of the pages Video and Probes lead here."


def read_direction() -> str:
    """The direction that takes the place of a dimension, "" for none, before the widget that carries it is drawn."""
    return address.read_widget(DIRECTION).strip()


def choose_direction(store: Store, selection: Selection) -> Direction | None:
    """The direction of the URL, a dimension or what takes its place; None, with a sentence that says which there are, where there is none."""
    with st.container(
        horizontal=True, vertical_alignment="bottom", gap="small", key="choices-dimension"
    ):
        size = count_dimensions(store, selection.encoder_id)
        dim = st.number_input(
            "Dimension",
            min_value=0,
            value=0,
            step=1,
            help=f"From 0 to {size - 1}.",
            width=150,
            **bind("dimension"),
        )
        name = st.text_input(
            "Or another direction",
            placeholder="basis:NAME:2",
            help=HELP,
            width=260,
            **bind(DIRECTION),
        ).strip()
    try:
        return find_direction(store, selection.encoder_id, name or f"{dim}")
    except LatentError as error:
        st.warning(literal_sentence(f"{error}"), icon=":material/search_off:")
        return None


def choose_video(store: Store, selection: Selection, default: str) -> str:
    """The video whose curve is shown: that of the URL, or the default."""
    with st.container(
        horizontal=True, vertical_alignment="bottom", gap="small", key="choices-curve"
    ):
        text = st.text_input(
            "Search videos",
            placeholder="video or label",
            icon=":material/search:",
            width=200,
            **bind("curve-of"),
        ).strip()
        asked = clips.videos_with_clips(selection.encoder_id, LISTED, text, selection.video_ids)
        names = {row.video_id: row.name for row in caching.read(store, asked, NamedVideo)}
        shown = selection.video_id or default
        if shown not in names and (video := caching.find_video(store, shown)):
            names = {shown: video.name, **names}
        ids = list(names)
        key = f"curve-video-{shown}"
        st.selectbox(
            "Video",
            ids,
            ids.index(shown) if shown in names else None,
            lambda video_id: names[video_id],
            key=key,
            on_change=lambda: _take_video(st.session_state[key]),
            placeholder="none chosen",
            width=320,
        )
    return shown if shown in names else ""


def _take_video(video_id: str | None) -> None:
    if video_id:
        address.redirect(**{VIDEO: video_id})
