"""The strip of a clip: one small picture a slice, side by side in one JPEG, as the encoder saw them.

It lets a person see that two windows show the same frames, and lies in the store as a cache: the dashboard decodes no video.
"""

import io

import torch
from PIL import Image
from torch.nn.functional import interpolate

HEIGHT = 144  # pixels of a picture, at most
LONGEST = 65_000  # pixels: a JPEG ends at 65,535


def strip(pixels: torch.Tensor, tubelet: int) -> bytes:
    """Pictures ``(T, 3, H, W)`` in uint8 to a JPEG of the first picture of every slice, from left to right."""
    shown = pixels[:: min(tubelet, len(pixels))]
    height, width = shown.shape[2:]
    scale = min(1.0, HEIGHT / height, LONGEST / (width * len(shown)))
    size = max(1, int(height * scale)), max(1, int(width * scale))
    small = interpolate(shown, size=size, mode="bilinear", antialias=True, align_corners=False)  # (S, 3, h, w)
    file = io.BytesIO()
    Image.fromarray(torch.cat(list(small), dim=2).permute(1, 2, 0).numpy()).save(file, "JPEG", quality=80)
    return file.getvalue()
