"""Pictures of patches, slices and clips as HTML, each a link to where it stands on the Video page."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

import pyarrow as pa

from tubelet.dashboard import caching
from tubelet.dashboard.parameters import CLIP, ENCODER, PATCHES, SLICE, VIDEO, VIDEO_PAGE
from tubelet.latent.marks import MarkedPatches
from tubelet.reports.literal import html_text
from tubelet.store import Store
from tubelet.store.placement import Sheet
from tubelet.store.questions import clips
from tubelet.store.rows import NamedClip

CONTEXT = 2  # patches around the one that is shown
CAPTIONS = 4  # further columns below a picture, at most
CAPTION = 60  # characters of a value
GRID = "display: grid; grid-template-columns: repeat(auto-fill, minmax({width}px, 1fr)); gap: 0.8rem 0.6rem; align-items: start"
LINK = "color: inherit; text-decoration: none; display: block; font-size: 0.8rem; overflow-wrap: anywhere"
RING = "position: absolute; box-sizing: border-box; border: 2px solid #ff8a1f; box-shadow: 0 0 0 1px rgba(0, 0, 0, 0.6); border-radius: 2px"


def find_clips(store: Store, clip_ids: Iterable[object]) -> dict[str, NamedClip]:
    """The clips of some rows by id; what the store does not hold is left out."""
    wanted = sorted({str(id_) for id_ in clip_ids if id_ is not None})
    found = caching.rows(store, clips.named_clips(wanted))
    return {row["clip_id"]: NamedClip.of(row) for row in found}


def arrange(cells: Iterable[str], width: int) -> str:
    """Cells side by side, each at least so many pixels wide."""
    return f'<div style="{GRID.format(width=width)}">{"".join(cells)}</div>'


def link_html(
    clip: NamedClip,
    patch: tuple[int, int, int] | None,
    inner: str,
    shown: Mapping[str, str] | None = None,
) -> str:
    """A picture that opens the Video page at its clip, and at its patch; `shown`: further parameters of that page."""
    where = dict(shown or {}) | {VIDEO: clip.video_id, CLIP: clip.clip_id, ENCODER: clip.encoder_id}
    if patch:
        where |= {SLICE: str(patch[0]), PATCHES: MarkedPatches(clip.clip_id, (patch,)).name}
    return f'<a href="{html_text(f"{VIDEO_PAGE}?{urlencode(where)}")}" style="{LINK}">{inner}</a>'


def caption_html(head: str, row: Mapping[str, object], shown: Iterable[str]) -> str:
    """What stands below a picture: where it is, then the further columns of its row."""
    lines = [f"{name}: {_text(row[name])}" for name in list(shown)[:CAPTIONS]]
    return "".join(f"<div>{html_text(line)}</div>" for line in [head, *lines])


def slice_html(store: Store, clip: NamedClip, slice_: int, inner: str = "") -> str:
    """A whole slice, with something over it."""
    return _box(store, clip, slice_, (0, 0, clip.grid_height, clip.grid_width), inner, "slice")


def patch_html(store: Store, clip: NamedClip, patch: tuple[int, int, int]) -> str:
    """A patch with the ones around it, ringed."""
    slice_, y, x = patch
    high, wide = (min(2 * CONTEXT + 1, size) for size in (clip.grid_height, clip.grid_width))
    top = min(max(y - CONTEXT, 0), clip.grid_height - high)
    left = min(max(x - CONTEXT, 0), clip.grid_width - wide)
    ring = "; ".join(
        f"{side}: {100 * part / size:.4g}%"
        for side, part, size in (
            ("top", y - top, high),
            ("left", x - left, wide),
            ("height", 1, high),
            ("width", 1, wide),
        )
    )
    return _box(store, clip, slice_, (top, left, high, wide), f'<div style="{RING}; {ring}"></div>', "patch")  # fmt: skip


def contains(clip: NamedClip, patch: tuple[object, object, object]) -> bool:
    """Whether a clip has a patch of this address."""
    sizes = clip.slices, clip.grid_height, clip.grid_width
    return all(isinstance(at, int) and 0 <= at < size for at, size in zip(patch, sizes))


def choose_caption_columns(rows: pa.Table, besides: Iterable[str]) -> list[str]:
    """The columns that captions show: all but the address and ids."""
    return [name for name in rows.column_names if name not in besides and not name.endswith("_id")]


def _box(
    store: Store,
    clip: NamedClip,
    slice_: int,
    box: tuple[int, int, int, int],
    inner: str,
    what: str,
) -> str:
    """Some patches of a slice (top, left, height, width), as wide as their cell; gray where the store has no pictures."""
    sheet, (top, left, high, wide) = Sheet.of(clip), box
    row, column = (sheet.tile[0] / clip.grid_height, sheet.tile[1] / clip.grid_width)
    corner = sheet.corner(slice_)
    y, x = corner[0] + top * row, corner[1] + left * column
    style = [
        "position: relative",
        "width: 100%",
        f"aspect-ratio: {wide * column:.6g} / {high * row:.6g}",
        "background-color: rgba(128, 128, 128, 0.25)",
        "border-radius: 3px",
    ]
    if store.layout.has_pictures(clip.video_id, clip.clip_id):
        style += [
            f"background-image: url(pictures/{quote(clip.clip_id)})",
            f"background-size: {_percent(sheet.size[1], wide * column)} {_percent(sheet.size[0], high * row)}",
            f"background-position: {_position(x, sheet.size[1], wide * column)} {_position(y, sheet.size[0], high * row)}",
        ]
    label = f"{clip.video_name}, slice {slice_}, {what}"
    return f'<div role="img" aria-label="{html_text(label)}" style="{html_text("; ".join(style))}">{inner}</div>'


def _percent(whole: float, part: float) -> str:
    return f"{100 * whole / part:.6g}%"


def _position(start: float, whole: float, part: float) -> str:
    """A background's position in percent: of the room that the picture has beside what is shown."""
    return f"{100 * start / (whole - part):.6g}%" if whole > part else "0%"


def _text(value: object) -> str:
    text = f"{value:.5g}" if isinstance(value, float) else "NULL" if value is None else str(value)
    return text if len(text) <= CAPTION else f"{text[:CAPTION]}\N{HORIZONTAL ELLIPSIS}"
