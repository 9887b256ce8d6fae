"""The encoder's picture: where it is on a frame, and how the pictures of a clip's slices are arranged on one sheet.

    sheet = Sheet.of(clip)          # of a `clips` row
    sheet.corner(slice)             # top, left of a slice's picture, in pixels of the JPEG

Arithmetic only: ingest resizes and draws with it, the dashboard inverts it.
"""

from dataclasses import dataclass
from math import ceil, sqrt

from tubelet.store.questions.rows import ShownPair
from tubelet.store.rows import ClipRow

CROP, FIT, META = "crop", "fit", "meta"  # geometries of a clip
META_RESIZE, META_CROP = (
    256,
    224,
)  # of V-JEPA's evaluation transform: the short side is resized to a little more than is kept
TILE = 256  # pixels: longest side of a slice's picture
BLOCK = 16  # pixels: side of what JPEG compresses together; a tile of whole blocks takes nothing from its neighbors


@dataclass(frozen=True)
class Placement:
    """Resize a frame to `resized` (height, width), then keep `crop` (top, left, height, width) of it."""

    resized: tuple[int, int]
    crop: tuple[int, int, int, int]

    @property
    def seen(self) -> tuple[float, float, float, float]:
        """The crop as fractions of the frame: top, left, height, width."""
        height, width = self.resized
        top, left, *size = self.crop
        return top / height, left / width, size[0] / height, size[1] / width


def placement(frame: tuple[int, int], target: tuple[int, int], fit: bool) -> Placement:
    """Where a frame displayed at `frame` (height, width) goes in a picture of `target` (height, width).

    Truncation and rounding follow V-JEPA's evaluation transform.
    """
    if fit:
        return Placement(target, (0, 0, *target))
    scale = max(target[0] / frame[0], target[1] / frame[1])
    resized = max(target[0], int(frame[0] * scale)), max(target[1], int(frame[1] * scale))
    top, left = (round((side - wanted) / 2) for side, wanted in zip(resized, target))
    return Placement(resized, (top, left, *target))


def place_picture(frame: tuple[int, int], target: tuple[int, int], geometry: str) -> Placement:
    """The same for the `geometry` of a clip: `crop`, `fit`, or `meta`: the target is the middle 224 of 256 parts of what the frame covers."""
    if geometry != META:
        return placement(frame, target, geometry == FIT)
    resized = placement(
        frame,
        (int(target[0] * META_RESIZE / META_CROP), int(target[1] * META_RESIZE / META_CROP)),
        fit=False,
    ).resized
    top, left = (round((side - wanted) / 2) for side, wanted in zip(resized, target))
    return Placement(resized, (top, left, *target))


@dataclass(frozen=True)
class Sheet:
    """The pictures of a clip's slices, row by row on one JPEG: `tile` is the height and width of each, in pixels."""

    slices: int
    columns: int
    tile: tuple[int, int]

    @classmethod
    def of(cls, clip: ClipRow | ShownPair) -> "Sheet":
        """The sheet of a clip, or of each of the two of a pair."""
        return cls.fit(clip.slices, (clip.crop_height, clip.crop_width))

    @classmethod
    def fit(cls, slices: int, sides: tuple[int, int]) -> "Sheet":
        """A picture per slice, of an encoder whose picture is this high and wide: no larger than 256 px per side."""
        scale = min(1, TILE / max(sides))
        tile = tuple(max(1, round(side * scale / BLOCK)) * BLOCK for side in sides)
        return cls(slices, ceil(sqrt(slices)), (tile[0], tile[1]))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the JPEG in pixels."""
        return ceil(self.slices / self.columns) * self.tile[0], self.columns * self.tile[1]

    def corner(self, slice_: int) -> tuple[int, int]:
        """Top and left of a slice's picture in pixels."""
        row, column = divmod(slice_, self.columns)
        return row * self.tile[0], column * self.tile[1]
