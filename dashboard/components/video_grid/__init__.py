"""The grid of videos as pictures: each scrubs through its slice pictures under the pointer, opens its video, and can be chosen."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from tubelet.dashboard.components import modules

KEY = "video-grid"
MOUNT = modules.mount("video_grid")


@dataclass(frozen=True, kw_only=True)
class Scrub:
    """The sheet of slice pictures of one clip: its address, its number of slices, and height and width of each picture in pixels."""

    url: str
    slices: int
    tile: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Card:
    """A video in the grid: `facts` stand below its name; `thumbnail` is a data URI; `scrub` is None where no slice pictures are stored."""

    video: str
    name: str
    facts: str
    thumbnail: str | None
    scrub: Scrub | None
    chosen: bool


def show(
    cards: Sequence[Card], choose: Callable[[list[str]], None], open_video: Callable[[str], None]
) -> None:
    """Draw the grid. `choose` is called with the chosen videos of these cards, `open_video` with the one whose picture was clicked."""
    shown = {card.video for card in cards}
    MOUNT(
        key=KEY,
        data={"cards": [asdict(card) for card in cards]},
        on_chosen_change=lambda: choose([id_ for id_ in _parse_ids("chosen") if id_ in shown]),
        on_opened_change=lambda: _open(open_video, shown),
    )


def _open(open_video: Callable[[str], None], shown: set[str]) -> None:
    for video_id in _parse_ids("opened"):
        if video_id in shown:
            open_video(video_id)


def _parse_ids(name: str) -> list[Any]:
    """The ids of what the browser says: `at` beside them makes the same ids said twice two events."""
    said = st.session_state[KEY][name]
    ids = said.get("ids") if isinstance(said, dict) else None
    return ids if isinstance(ids, list) else []
