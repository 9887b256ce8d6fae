"""Geometry: how a frame becomes the encoder's picture, on the CPU, in 8 bits, before anything is copied to a device.

The resize is torch's antialiased bilinear filter, in its 8-bit kernel: within one gray level of V-JEPA's own tensor
path (in under 4% of the values) and two orders of magnitude faster than the same filter in floating point. Every
device sees the same pixels, and only the picture, not the frame, is kept in memory.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import interpolate

from tubelet.array_types import UInt8
from tubelet.ingest.errors import UsageError
from tubelet.media.errors import VideoError
from tubelet.store.placement import CROP, FIT, META, Placement

WHOLE = "whole"
FRAMINGS = {
    META: META,
    WHOLE: CROP,
    FIT: FIT,
}  # `--framing` -> what the column `geometry` of a clip says


LONGEST = 10  # long side over short side of a frame that is fitted
AMPLE = 16  # long side of a resized frame over that of its crop: beyond, only what the crop needs of the frame is resized
MARGIN = 4  # pixels around that, for the filter


@dataclass(frozen=True)
class Geometry:
    """What `--size` and `--framing` ask for.

    whole: the frame is resized to cover `height` x `width`, and its middle is kept. meta: the same with a margin cut off, as V-JEPA's
    authors evaluate: seven eighths of the short side are kept. fit: the short side becomes `height` and the whole frame is kept, each side
    rounded to a multiple of the patch.
    """

    height: int
    width: int
    framing: str = WHOLE

    @classmethod
    def parse(cls, size: str, framing: str = WHOLE) -> "Geometry":
        """Geometry from ``224`` or ``224x384`` (height x width)."""
        try:
            height, _, width = size.lower().partition("x")
            geometry = cls(int(height), int(width or height), framing)
        except ValueError as error:
            raise UsageError(
                f"--size {size} is not a size: write one side like 224, or height x width like 224x384"
            ) from error
        if framing == FIT and width:
            raise UsageError(
                f"--framing fit takes only the short side: write --size {height} --framing fit"
            )
        return geometry

    @property
    def mode(self) -> str:
        return FRAMINGS[self.framing]

    def target(self, height: int, width: int, patch: int) -> tuple[int, int]:
        """Height and width of the picture for frames displayed at `height` x `width` pixels.

        Raises VideoError where fitting would make a picture of unbounded length.
        """
        if self.framing != FIT:
            return self.height, self.width
        if max(height, width) > LONGEST * min(height, width):
            long = f"a frame of {width} x {height} px is more than {LONGEST} times as long as it is wide"
            raise VideoError(
                "window",
                f"{long}, too long for --framing fit: choose another --framing, or crop the video",
                0,
            )
        scale = self.height / min(height, width)
        rows, columns = (max(1, round(side * scale / patch)) for side in (height, width))
        return rows * patch, columns * patch


def choose_framing(framing: str | None, fit: bool, default: str) -> str:
    """The framing for `--framing` and `--fit`; the encoder's own if neither is given. Raises UsageError."""
    if framing is not None and framing not in FRAMINGS:
        raise UsageError(f"--framing {framing} is unknown: choose one of {', '.join(FRAMINGS)}")
    if fit and framing not in (None, FIT):
        raise UsageError(
            f"--fit and --framing {framing} contradict each other: leave one of them out"
        )
    return framing or (FIT if fit else default)


def picture(pixels: UInt8[np.ndarray, "H W 3"], place: Placement) -> UInt8[torch.Tensor, "3 h w"]:
    """RGB frame ``(H, W, 3)`` in uint8 to the encoder's picture ``(3, h, w)`` in uint8."""
    pixels, place = _narrow(pixels, place)
    frame = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None]
    top, left, height, width = place.crop
    resized = interpolate(
        frame, size=place.resized, mode="bilinear", antialias=True, align_corners=False
    )
    return resized[0, :, top : top + height, left : left + width].contiguous()


def _narrow(pixels: np.ndarray, place: Placement) -> tuple[np.ndarray, Placement]:
    """The part of a very long frame that the crop needs, and where it goes; any other frame unchanged."""
    if max(place.resized) <= AMPLE * max(place.crop[2:]):
        return pixels, place
    sides = zip(pixels.shape[:2], place.resized, place.crop[:2], place.crop[2:], strict=True)
    (rows, height, top), (columns, width, left) = (_span(*side) for side in sides)
    return pixels[rows, columns], Placement((height, width), (top, left, *place.crop[2:]))


def _span(side: int, resized: int, start: int, length: int) -> tuple[slice, int, int]:
    """One side of a frame: the pixels that a crop needs, what they are resized to, and where the crop begins in that."""
    scale = resized / side
    first, stop = (
        max(0, int(start / scale) - MARGIN),
        min(side, int((start + length) / scale) + 1 + MARGIN),
    )
    cut = max(length, round((stop - first) * scale))
    return slice(first, stop), cut, min(max(0, round(start - first * scale)), cut - length)
