"""Masks in PNG files: indexed as in DAVIS and YouTube-VOS, gray, one bit, 16 bits, in colors, or as transparency."""

import numpy as np
from PIL import Image

from tubelet.latent.errors import LatentError
from tubelet.latent.mask_objects import (
    OBJECT,
    Labels,
    Layers,
    MaskObjects,
    find_distinct,
    read_values,
)
from tubelet.media.gray_numbers import read_numbers

COLORS = 256  # of objects that a colored mask may have
LARGEST = 1 << 25  # pixels of one
CLEAR = "transparency"  # where Pillow keeps what a PNG declares transparent
OPAQUE = 127  # alpha above which a pixel counts


def read_image(picture: Image.Image) -> MaskObjects:
    """The objects of a picture that was opened and whose size was checked. Raises LatentError for a photograph."""
    if picture.mode == "P":
        return _read_indexed(picture)
    if len(picture.getbands()) > 1 and picture.width * picture.height > LARGEST:
        raise LatentError(
            f"this picture has {picture.width * picture.height:,} pixels in color, more than the {LARGEST:,} that are read: pass an indexed or a gray one"
        )
    if _drops_low_bytes(picture):
        raise LatentError(
            "this picture has 16 bits per color, of which the upper 8 are read, and these are the same everywhere: pass an indexed or a gray one"
        )
    if picture.mode in ("LA", "RGBA", "PA", "La", "RGBa") or (
        picture.mode == "RGB" and CLEAR in picture.info
    ):
        return _read_transparent(np.asarray(picture.convert("RGBA")))
    if picture.mode == "RGB":
        return _read_colored(np.asarray(picture))
    return _read_gray(picture)


def _drops_low_bytes(picture: Image.Image) -> bool:
    """Whether a PNG of several channels has 16 bits in each, of which Pillow reads the upper 8, and these are the same everywhere."""
    deep = any("16B" in str(tile[3]) for tile in getattr(picture, "tile", ()))
    if not deep or len(picture.getbands()) == 1:
        return False
    return all(np.ptp(band) == 0 for band in np.moveaxis(np.asarray(picture), -1, 0))


def _read_gray(picture: Image.Image) -> MaskObjects:
    """The numbers of a gray picture; one of them may be declared transparent, and is then the background."""
    values, clear = read_numbers(picture), picture.info.get(CLEAR)
    if values.dtype.kind == "i":  # Pillow's name for 16 bits of gray, in some versions
        values = np.clip(values, 0, 65_535).astype(np.uint16)
    if not isinstance(clear, int):
        return read_values(values[None])
    clear = min(clear, 1) if picture.mode == "1" else clear  # Pillow says 255 there
    if len(find_distinct(values)) <= 2:
        return Layers({OBJECT: (values != clear)[None]})
    return Labels(values[None].astype(np.uint16), clear)


def _read_indexed(picture: Image.Image) -> MaskObjects:
    """Indices are objects. Background is what is transparent, or black; of two colors that are black and white, the white one counts."""
    indices = np.asarray(picture)
    palette, used = _palette(picture), find_distinct(indices).tolist()
    clear = {index for index in used if palette[index, 3] <= OPAQUE}
    black = {index for index in used if not palette[index, :3].any()} - clear
    outside = clear or ({0} if 0 in black else black if len(black) == 1 else {0})
    background = min(outside)
    values = (
        indices
        if len(outside) == 1
        else np.where(np.isin(indices, list(outside)), np.uint8(background), indices)
    )
    if len(used) <= 2:
        return Layers({OBJECT: (values != background)[None]})
    return Labels(values[None], background)


def _palette(picture: Image.Image) -> np.ndarray:
    """Red, green, blue and alpha of every index, ``(256, 4)``."""
    colors = np.array(picture.getpalette("RGB") or [], np.uint8).reshape(-1, 3)[:256]
    palette = np.full((256, 4), 255, np.uint8)
    palette[:, :3] = 0
    palette[: len(colors), :3] = colors
    clear = picture.info.get(CLEAR, b"")
    if isinstance(clear, int):
        palette[clear, 3] = 0
    else:
        palette[: len(clear), 3] = np.frombuffer(clear, np.uint8)[:256]
    return palette


def _read_transparent(pixels: np.ndarray) -> MaskObjects:
    """What is opaque, where anything is transparent; of opaque black and white, the white. Where nothing is, and all
    is of one color, labels lie in the transparency."""
    alpha, opaque = pixels[..., 3], pixels[..., 3] > OPAQUE
    if not opaque.any() and alpha.any() and (pixels[..., :3] == pixels[:1, :1, :3]).all():
        return read_values(alpha[None])
    if opaque.all() or not opaque.any():
        return _read_colored(pixels[..., :3])
    shown = pixels[opaque][:, :3]
    if (
        set(np.unique(shown).tolist()) == {0, 255}
        and (shown.min(axis=1) == shown.max(axis=1)).all()
    ):
        opaque = opaque & (pixels[..., 0] == 255)
    return Layers({OBJECT: opaque[None]})


def _read_colored(pixels: np.ndarray) -> MaskObjects:
    """An object per color that is not black, numbered by red, green and blue; grays as such."""
    if (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all():
        return read_values(pixels[None, ..., 0])
    packed = pixels.astype(np.uint32) @ np.array([65_536, 256, 1], np.uint32)
    present, numbers = np.unique(packed, return_inverse=True)
    if len(present) > COLORS:
        raise LatentError(
            f"this picture has {len(present):,} colors and is not a mask: pass one with one color per object, or black and white"
        )
    numbers = numbers.reshape(packed.shape).astype(np.int32) + (present[0] != 0)
    return Labels(numbers[None]) if len(present) > 2 else Layers({OBJECT: (numbers > 0)[None]})
