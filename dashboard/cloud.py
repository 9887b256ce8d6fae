"""The map's component: tokens as a cloud of points that turns, in WebGL."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import streamlit as st

from store.pictures import Sheet

HERE = Path(__file__).parent
KEY = "cloud"
MOUNT = st.components.v2.component(
    "tubelet.cloud", html=(HERE / "cloud.html").read_text(), css=(HERE / "cloud.css").read_text(), js=(HERE / "cloud.js").read_text()
)


def show(clip: Mapping, picture: Mapping[str, str], at: int, marked: Sequence[int], chosen: Callable[[Mapping], None]) -> None:
    """Draw the map: `picture` has the `url` of the points and says in `axes` what they show; slice `at` stands out, `marked` points are ringed.

    `chosen` is called with clip and patch of a point that was clicked.
    """
    shape = {"slices": clip["slices"], "h": clip["height"], "w": clip["width"], "clip": clip["clip_id"], "tile": list(Sheet.of(clip).tile)}
    MOUNT(
        key=KEY,
        data={**picture, **shape, "pictures": "pictures", "at": at, "marked": list(marked)},
        on_chosen_change=lambda: chosen(st.session_state[KEY]["chosen"]),
    )
