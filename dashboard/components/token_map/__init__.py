"""The map's component: tokens as points that turn, in WebGL."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import streamlit as st

from tubelet.dashboard.components import modules

KEY = "cloud"
MOUNT = modules.mount("token_map")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What is drawn: the `url` of the points, what they show in words, which of them stand out (`here`: the first and how many) and
    which are ringed. Points are the tokens of `clip` in order (`sampled.sheet`), or else `lookup` is where the browser asks for one by number.
    """

    url: str
    axes: str
    here: tuple[int, int]
    marked: list[int]
    clip: Mapping | None = None
    lookup: str | None = None


def show(picture: Picture, chosen: Callable[[Mapping], None]) -> None:
    """Draw the map; `chosen` is called with video, clip and patch of a point that was clicked."""
    MOUNT(key=KEY, data=asdict(picture), on_chosen_change=lambda: chosen(st.session_state[KEY]["chosen"]))
