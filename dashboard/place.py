"""Where the reader stands on the Video page: clip, slice and patches, read from the URL and written back to it."""

from collections.abc import Iterable

import streamlit as st

from dashboard.marks import Marked
from dashboard.player import KEY, Place
from dashboard.selection import VIDEO

CLIP, SLICE, PATCHES = "clip", "slice", "patches"  # URL parameters
JUMPS = "player-jumps"  # how often something else than the player said where to go


def place(clip_id: str) -> Place:
    """Where the player is to go, within the timeline of a clip."""
    return Place(clip_id, slice_(), _nonce())


def clip_id() -> str | None:
    return st.query_params.get(CLIP)


def slice_() -> int:
    return _number(st.query_params.get(SLICE, ""))


def marked() -> Marked:
    """The patches that the URL names, whether or not there are such."""
    return Marked.parse(st.query_params.get(PATCHES, ""))


def told(news: str) -> None:
    """The player's news, into the URL, unless it was led elsewhere meanwhile."""
    value = st.session_state[KEY][news]
    if not value or value["nonce"] != _nonce():
        return
    st.query_params[CLIP], st.query_params[SLICE] = value["clip"], str(value["slice"])
    if news == "picked":
        _mark(value["clip"], value["patches"])


def jump(clip: str, slice_: int, patches: Iterable[Iterable[int]] = ()) -> None:
    """Lead the player somewhere else."""
    st.session_state[JUMPS] = st.session_state.get(JUMPS, 0) + 1
    st.query_params[CLIP], st.query_params[SLICE] = clip, str(slice_)
    _mark(clip, patches)


def change_video(video_id: str) -> None:
    """Another video: what the URL says of the last one goes."""
    st.session_state[JUMPS] = st.session_state.get(JUMPS, 0) + 1
    for name in (CLIP, SLICE, PATCHES):
        st.query_params.pop(name, None)
    st.query_params[VIDEO] = video_id


def _nonce() -> str:
    return str(st.session_state.get(JUMPS, 0))


def _mark(clip: str, patches: Iterable[Iterable[int]]) -> None:
    text = Marked(clip, tuple(tuple(patch) for patch in patches)).name
    if text:
        st.query_params[PATCHES] = text
    else:
        st.query_params.pop(PATCHES, None)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
