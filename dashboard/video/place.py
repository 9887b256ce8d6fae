"""The place on the Video page: clip, slice, patches and the marks of a mask, read from the URL and written back to it."""

from collections.abc import Iterable

import streamlit as st

from tubelet.dashboard import address, units
from tubelet.dashboard.components.player import KEY, SeekTarget
from tubelet.dashboard.parameters import AREA, CLIP, HIT, PATCHES, SEGMENT, SLICE, VIDEO
from tubelet.latent.area import Area
from tubelet.latent.marks import MarkedPatches


def place(clip_id: str) -> SeekTarget:
    """Where the player is to go, within the timeline of a clip."""
    return SeekTarget(clip_id, slice_(), _nonce())


def video_id() -> str:
    return address.read()[VIDEO]


def clip_id() -> str:
    return address.read()[CLIP]


def slice_() -> int:
    return _number(address.read()[SLICE])


def read_marked_patches() -> MarkedPatches:
    """The patches that the URL names, whether or not there are such."""
    return MarkedPatches.parse(address.read()[PATCHES])


def hit() -> MarkedPatches:
    """The patch of a search that the URL names, whether or not it exists."""
    return MarkedPatches.parse(address.read()[HIT])


def area() -> Area | None:
    """The area of the map that the URL names."""
    return Area.parse(area_name())


def area_name() -> str:
    return address.read()[AREA]


def choose_area(name: str) -> None:
    """Another area of the map, "" for none."""
    address.write(**{AREA: name})


def segment() -> MarkedPatches:
    """The foreground and background that the URL names, whether or not there are such."""
    return MarkedPatches.parse(address.read()[SEGMENT])


def apply_news(news: str) -> None:
    """The player's news, into the URL, unless it was led elsewhere meanwhile."""
    value = st.session_state[KEY][news]
    if not value or value["nonce"] != _nonce():
        return
    if news == "cut":
        marks = {SEGMENT: _text(value["clip"], value["foreground"], value["background"])}
    else:
        marks = (
            {PATCHES: _text(value["clip"], value["patches"]), HIT: ""} if news == "picked" else {}
        )
    address.write(**{CLIP: value["clip"], SLICE: str(value["slice"])}, **marks)


def jump(video: str, clip: str, slice_: int, patches: Iterable[Iterable[int]] = ()) -> None:
    """Lead the player to a slice, in this video or another."""
    elsewhere = {} if video_id() in ("", video) else {SEGMENT: ""}
    address.redirect(
        **{VIDEO: video, CLIP: clip, SLICE: str(slice_), PATCHES: _text(clip, patches), HIT: ""},
        **elsewhere,
    )


def show_hit(video: str, clip: str, patch: tuple[int, int, int]) -> None:
    """Move the player to a patch that a search found. The selected patches stay, and with them what was found."""
    elsewhere = {} if video_id() in ("", video) else {SEGMENT: ""}
    address.redirect(
        **{VIDEO: video, CLIP: clip, SLICE: str(patch[0]), HIT: _text(clip, [patch])}, **elsewhere
    )


def change_video(video_id: str) -> None:
    """Another video: what the URL says of the last one goes."""
    address.redirect(**{VIDEO: video_id, CLIP: "", SLICE: "", PATCHES: "", SEGMENT: "", HIT: ""})


def _nonce() -> str:
    return str(address.count_redirects())


def _text(clip: str, *kinds: Iterable[Iterable[int]]) -> str:
    return MarkedPatches(clip, *(tuple(_patch(*one) for one in patches) for patches in kinds)).name


def _patch(slice_: int, y: int, x: int) -> tuple[int, int, int]:
    return slice_, y, x


def _number(text: str) -> int:
    return units.read(text) or 0
