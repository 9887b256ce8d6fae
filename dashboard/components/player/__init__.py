"""The player: one video, or its slice pictures, beside the colors of the tokens of the shown slice.

    show(Film(...), paint, Place(...), PlayerMarks(...), told)      draws it; scrubbing needs no server

The browser fetches the file, the pictures, the colors, tracks and masks from the routes of `media`, and tells three things back: where it
came to rest (`at`: clip and slice), which patches were taken (`picked`: clip and [slice, y, x] each) and which were marked as foreground
and background (`cut`).
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial

from tubelet.dashboard.components import modules
from tubelet.latent.exports.names import name_video
from tubelet.latent.marks import MOST, MarkedPatches
from tubelet.reports.literal import Markdown
from tubelet.store.placement import Sheet, place_picture
from tubelet.store.rows import ClipRow, TimelineRow, VideoRow

KEY = "player"
ALONE, FIRST_OF_TWO, SECOND, PAINTING = (
    "first",
    "first of two",
    "second",
    "painting",
)  # what a player of the page is; on the last one a mask is painted
KEYS = {ALONE: KEY, FIRST_OF_TWO: KEY, SECOND: "player-beside", PAINTING: "player-masking"}
MOUNT = modules.mount("player")


@dataclass(frozen=True)
class Film:
    """What is played: a `videos` row, the `clips` rows of its timeline, and why slice pictures stand for the file (None: they do not)."""

    video: VideoRow
    clip: ClipRow  # one of them in full: geometry and size are the same for all
    clips: list[TimelineRow]
    unplayable: str | None


@dataclass(frozen=True)
class SeekTarget:
    """Where the player is to go; it goes there once a `nonce`."""

    clip_id: str
    slice: int = 0
    nonce: str = ""


@dataclass(frozen=True)
class PlayerMarks:
    """The patches that are taken to be followed, and those from which a mask spreads."""

    taken: MarkedPatches = MarkedPatches()
    segment: MarkedPatches = MarkedPatches()


@dataclass(frozen=True)
class Swatch:
    """An entry of a legend: what a color means, and the color as CSS."""

    text: str
    color: str


@dataclass(frozen=True)
class Paint:
    """Where the colors come from, and what they mean; no URL where there are none. `measured`: from tables, of windows without embeddings too."""

    url: str | None = None
    legend: tuple[Swatch, ...] = ()
    sentence: Markdown = ""
    measured: bool = False


def show(
    film: Film,
    paint: Paint,
    place: SeekTarget,
    marks: PlayerMarks,
    told: Callable[[str], None],
    role: str = ALONE,
) -> None:
    """Draw the player; `told` is called with ``at``, ``picked`` or ``cut`` when `st.session_state[KEYS[role]]` holds news of it. Two on a
    page run on one clock."""
    news = {f"on_{name}_change": partial(told, name) for name in ("at", "picked", "cut")}
    data = describe(film, paint, place, marks) | _describe_role(film, role)
    MOUNT(key=KEYS[role], data=data, **news)


def _describe_role(film: Film, role: str) -> dict:
    return {
        "name": "second" if role == SECOND else "first",
        "painting": role == PAINTING,
        "mirrored": role in (FIRST_OF_TWO, SECOND),
        "cuttable": role not in (SECOND, PAINTING) and any(row.embedded for row in film.clips),
    }


def describe(film: Film, paint: Paint, place: SeekTarget, marks: PlayerMarks) -> dict:
    """All that the browser is handed, field by field as `Data` of contract.js names it."""
    return _describe_film(film) | {
        "colors": {
            "url": paint.url,
            "legend": list(map(asdict, paint.legend)),
            "measured": paint.measured,
        }
        if paint.url
        else None,
        "goto": {"clip": place.clip_id, "slice": place.slice, "nonce": place.nonce},
        "taken": {"clip": marks.taken.clip_id, "patches": _lists(marks.taken.patches)},
        "segment": {
            "clip": marks.segment.clip_id,
            "foreground": _lists(marks.segment.patches),
            "background": _lists(marks.segment.background),
        },
        "most": MOST,
        "selectable": True,
        **_describe_role(film, ALONE),
    }


def aspect(film: Film) -> float:
    """Width over height of what the player shows at first: the frame, and beside it the grid."""
    high, wide = Sheet.of(film.clip).tile
    grid = wide / high
    return (grid if film.unplayable else film.video.width / film.video.height) + grid


def _lists(patches: Iterable[tuple[int, int, int]]) -> list[list[int]]:
    return [list(patch) for patch in patches]


def _describe_film(film: Film) -> dict:
    video, clip = film.video, film.clip
    top, left, height, width = place_picture(
        (video.height, video.width), (clip.crop_height, clip.crop_width), clip.geometry
    ).seen
    return {
        "video": {
            **{name: video[name] for name in ("width", "height", "fps", "frames")},
            "id": video.video_id,
            "stem": name_video(video.name),
            "url": None if film.unplayable else f"source/{video.video_id}",
            "why": film.unplayable,
        },
        "seen": {"top": top, "left": left, "height": height, "width": width},
        "tile": list(Sheet.of(clip).tile),
        "pictures": "pictures",
        "track": "track",
        "mask": "mask",
        "mp4": "mp4",
        "windows": [_describe_window(row) for row in film.clips],
    }


def _describe_window(row: TimelineRow) -> dict:
    return {
        "id": row.clip_id,
        "first": row.first_frame,
        "frames": row.frame_count,
        "step": row.step,
        "start": row.start_s,
        "stop": row.stop_s,
        "slices": row.slices,
        "h": row.grid_height,
        "w": row.grid_width,
        "embedded": row.embedded,
    }
