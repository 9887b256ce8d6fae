"""Slice pictures: what the encoder saw, one small picture per slice, all of a clip on one JPEG."""

import io

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

from tubelet.array_types import UInt8
from tubelet.store.placement import Sheet

QUALITY = 80  # of the JPEG: blocks do not show at the size of a patch


def first_frames(
    pixels: UInt8[torch.Tensor, "T 3 H W"], slices: int
) -> UInt8[torch.Tensor, "S 3 H W"]:
    """The first frame of each slice: ``(T, 3, H, W)`` to ``(S, 3, H, W)``."""
    return pixels[:: max(1, len(pixels) // slices)][:slices]


def draw_sheet(frames: UInt8[torch.Tensor, "S 3 H W"], sheet: Sheet) -> bytes:
    """JPEG of a clip's frames ``(S, 3, H, W)`` in uint8, laid out as the sheet says."""
    if tuple(frames.shape[2:]) != sheet.tile:
        frames = interpolate(
            frames, size=sheet.tile, mode="bilinear", antialias=True, align_corners=False
        )
    height, width = sheet.tile
    canvas = np.zeros((*sheet.size, 3), np.uint8)
    for index, frame in enumerate(frames.permute(0, 2, 3, 1).numpy()):
        top, left = sheet.corner(index)
        canvas[top : top + height, left : left + width] = frame
    file = io.BytesIO()
    Image.fromarray(canvas).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
