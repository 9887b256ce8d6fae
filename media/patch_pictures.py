"""The picture of a token, or of a slice, cut from the stored sheet of a clip's slices, as PNG.

draw_patch(store, Address("9f86d0...", 3))
draw_patch(store, Address("9f86d0...", 3, 10, 7))      with the patches around it, ringed
cut_slice(store, clip, 3)                              as it is stored, without enlargement, as JPEG
"""

import io
from dataclasses import dataclass

from PIL import Image, ImageDraw

from tubelet.media import sources
from tubelet.store import Store, StoreError
from tubelet.store.placement import Sheet
from tubelet.store.questions import clips
from tubelet.store.rows import ClipRow

AROUND = 2  # patches on each side of the one that is shown
LEAST_SIDE, MOST_SIDE = 32, 1024  # pixels of a picture's longest side
SIDE = 320
RING = (255, 138, 31)


@dataclass(frozen=True)
class PictureAddress:
    """Where a token is; `y` and `x` None for the whole slice."""

    clip_id: str
    slice: int
    y: int | None = None
    x: int | None = None


def draw_patch(store: Store, at: PictureAddress, side: int = SIDE) -> bytes:
    """A patch among its neighbors, or a slice, as PNG of so many pixels. Raises StoreError where the store holds no such token or no picture of it."""
    clip = _find_clip(store, at)
    sheet = Sheet.of(clip)
    top, left, high, wide = _region(clip, at)
    row, column = sheet.tile[0] / clip.grid_height, sheet.tile[1] / clip.grid_width
    corner = sheet.corner(at.slice)
    box = (
        round(corner[1] + left * column),
        round(corner[0] + top * row),
        round(corner[1] + (left + wide) * column),
        round(corner[0] + (top + high) * row),
    )
    with Image.open(sources.pictures(store, clip)) as whole:
        cut = whole.convert("RGB").crop(box)
    picture = _enlarge(cut, max(LEAST_SIDE, min(side, MOST_SIDE)))
    if at.y is not None and at.x is not None:
        _ring(picture, (at.y - top, at.x - left), (high, wide))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def cut_slice(store: Store, clip: ClipRow, slice_: int) -> bytes:
    """A slice of a clip as large as it is stored, as JPEG. Raises StoreError where the store holds no picture of it."""
    sheet = Sheet.of(clip)
    top, left = sheet.corner(slice_)
    file = io.BytesIO()
    with Image.open(sources.pictures(store, clip)) as whole:
        cut = whole.convert("RGB").crop((left, top, left + sheet.tile[1], top + sheet.tile[0]))
    cut.save(file, "JPEG", quality=90)
    return file.getvalue()


def _find_clip(store: Store, at: PictureAddress) -> ClipRow:
    found = clips.clip(at.clip_id).answer(store).to_pylist()
    if not found:
        raise StoreError(
            f"the store holds no clip {at.clip_id[:80]!r}: `SELECT clip_id FROM clips` lists them"
        )
    clip = ClipRow.of(found[0])
    sizes = {"slice": (at.slice, clip.slices), "y": (at.y, clip.grid_height), "x": (at.x, clip.grid_width)}  # fmt: skip
    for name, (value, size) in sizes.items():
        if value is not None and not 0 <= value < size:
            raise StoreError(f"{name} is {value}: this clip has {size}, counted from 0")
    if (at.y is None) != (at.x is None):
        raise StoreError("a patch has both y and x: pass both, or neither for the whole slice")
    return clip


def _region(clip: ClipRow, at: PictureAddress) -> tuple[int, int, int, int]:
    """Top, left, height and width in patches."""
    if at.y is None or at.x is None:
        return 0, 0, clip.grid_height, clip.grid_width
    high, wide = (min(2 * AROUND + 1, size) for size in (clip.grid_height, clip.grid_width))
    top = min(max(at.y - AROUND, 0), clip.grid_height - high)
    left = min(max(at.x - AROUND, 0), clip.grid_width - wide)
    return top, left, high, wide


def _enlarge(cut: Image.Image, side: int) -> Image.Image:
    scale = side / max(cut.size)
    return cut.resize((max(1, round(cut.width * scale)), max(1, round(cut.height * scale))))


def _ring(picture: Image.Image, place: tuple[int, int], shape: tuple[int, int]) -> None:
    """Around a patch of a picture that shows `shape` (rows, columns) of them."""
    row, column = picture.height / shape[0], picture.width / shape[1]
    y, x = place
    box = (x * column, y * row, (x + 1) * column - 1, (y + 1) * row - 1)
    ImageDraw.Draw(picture).rectangle(box, outline=RING, width=max(2, picture.width // 100))
