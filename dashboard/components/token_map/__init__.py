"""The map's component: tokens, or videos, as points that turn or slide, in WebGL."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import streamlit as st

from tubelet.dashboard.components import modules
from tubelet.dashboard.components.player import Swatch
from tubelet.latent.workspace import SampledToken
from tubelet.store import Store
from tubelet.store.placement import Sheet
from tubelet.store.rows import ClipRow

KEY = "cloud"
MOUNT = modules.mount("token_map")


@dataclass(frozen=True, kw_only=True)
class MapPicture:
    """What is drawn: the `url` of the points, what they show in words, which of them stand out (`here`: the first and how many) and
    which are ringed, as `marked` or as `near` them; what the colors mean, whether the map is `flat`, and the `area` drawn on it. `slices` says
    by clip where each slice begins among the points of a sample; `other` is the address of another window's points. Points are the tokens of `clip` in order (`describe_clip`), or else `lookup` is where the browser asks for one by number.
    """

    url: str
    axes: str
    here: tuple[int, int]
    marked: list[int]
    near: list[int] = field(default_factory=list)
    legend: tuple[Swatch, ...] = ()
    flat: bool = False
    area: str = ""
    slices: Mapping[str, list[int]] = field(default_factory=dict)
    other: str | None = None
    clip: dict[str, Any] | None = None  # as `describe_clip` says it
    lookup: str | None = None
    noun: str = "token"  # what a point is


def show(
    picture: MapPicture, chosen: Callable[[Mapping[str, Any]], None], drawn: Callable[[str], None]
) -> None:
    """Draw the map; `chosen` is called with video, clip and patch of a point that was clicked, `drawn` with an area, "" for none."""
    MOUNT(
        key=KEY,
        data=asdict(picture),
        on_chosen_change=lambda: chosen(st.session_state[KEY]["chosen"]),
        on_area_change=lambda: drawn(st.session_state[KEY]["area"] or ""),
    )


def describe_clip(store: Store, clip: ClipRow) -> dict[str, Any]:
    """What the browser has to know of a `clips` row to cut the picture of a patch out of its sheet."""
    pictures = store.layout.has_pictures(clip.video_id, clip.clip_id)
    shape = {
        "slices": clip.slices,
        "h": clip.grid_height,
        "w": clip.grid_width,
        "tile": list(Sheet.of(clip).tile),
    }
    return {
        "id": clip.clip_id,
        "video": clip.video_id,
        "pictures": f"pictures/{clip.clip_id}" if pictures else None,
        **shape,
    }


def describe_token(store: Store, token: SampledToken) -> dict[str, Any]:
    """A token of the sample: its clip, its patch, and in words where that is."""
    return describe_clip(store, token.clip) | {
        "patch": token.patch,
        "where": f"{token.video_name}, {token.seconds:.2f} s: ",
    }
