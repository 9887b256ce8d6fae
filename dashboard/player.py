"""The player: one video, or its slice pictures, beside the colours of the tokens of the shown slice.

    show(Film(...), place, marked)      draws it; scrubbing needs no server

The browser fetches the file, the pictures and the colours from the routes of `media`, and tells two things back: where it
came to rest (`at`: clip and slice) and which patches were taken (`picked`: clip and [slice, y, x] each).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.marks import Marked
from store.pictures import Sheet, placement

HERE = Path(__file__).parent
KEY = "player"
MOUNT = st.components.v2.component(
    "tubelet.player",
    html=(HERE / "player.html").read_text(),
    css=(HERE / "player.css").read_text(),
    js="\n".join((HERE / name).read_text() for name in ("timeline.js", "player.js")),
)


@dataclass(frozen=True)
class Film:
    """What is played: a `videos` row, the `clips` rows of its timeline, and why slice pictures stand for the file (None: they do not)."""

    video: Mapping
    clip: Mapping  # one of them in full: geometry and size are the same for all
    clips: list[Mapping]
    unplayable: str | None


@dataclass(frozen=True)
class Place:
    """Where the player is to go; it goes there once a `nonce`."""

    clip_id: str
    slice: int = 0
    nonce: str = ""


@dataclass(frozen=True)
class Paint:
    """Where the colours come from, and what each channel means; no URL where there are none."""

    url: str | None = None
    legend: tuple[str, ...] = ()
    sentence: str = ""


def show(film: Film, paint: Paint, place: Place, marked: Marked, told: Callable[[str], None]) -> None:
    """Draw the player; `told` is called with ``at`` or ``picked`` when `st.session_state[KEY]` holds news of it."""
    MOUNT(
        key=KEY,
        data=_data(film) | {
            "colours": {"url": paint.url, "legend": list(paint.legend)} if paint.url else None,
            "goto": {"clip": place.clip_id, "slice": place.slice, "nonce": place.nonce},
            "marked": marked.clip_id,
            "patches": [list(patch) for patch in marked.patches],
            "selectable": True,
        },
        on_at_change=lambda: told("at"),
        on_picked_change=lambda: told("picked"),
    )  # fmt: skip


def _data(film: Film) -> dict:
    video, clip = film.video, film.clip
    top, left, height, width = placement(
        (video["height"], video["width"]), (clip["crop_height"], clip["crop_width"]), clip["geometry"] == "fit"
    ).seen
    return {
        "video": {
            **{name: video[name] for name in ("width", "height", "fps", "frames")},
            "id": video["video_id"],
            "url": None if film.unplayable else f"source/{video['video_id']}",
            "why": film.unplayable,
        },
        "seen": {"top": top, "left": left, "height": height, "width": width},
        "tile": list(Sheet.of(clip).tile),
        "pictures": "pictures",
        "track": "track",
        "windows": [_window(row) for row in film.clips],
    }


def _window(row: Mapping) -> dict:
    return {
        "id": row["clip_id"],
        "first": row["first_frame"],
        "frames": row["frames"],
        "step": row["step"],
        "start": row["start_s"],
        "stop": row["stop_s"],
        "slices": row["slices"],
        "h": row["height"],
        "w": row["width"],
        "embedded": row["embedded"],
    }
