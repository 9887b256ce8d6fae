"""The numbers in a gray PNG as they were written: Pillow stretches 2 and 4 bits to 0 to 255, so that object 1 of 16 would be object 17."""

import re

import numpy as np
from PIL import Image

STRETCH = {"2": 255 // 3, "4": 255 // 15}  # by bits per pixel


def read_numbers(picture: Image.Image) -> np.ndarray:
    """The values ``(h, w)`` of a picture of one channel that was opened and is not loaded yet."""
    stretch = _find_stretch(picture)
    return np.asarray(picture) // np.uint8(stretch) if stretch else np.asarray(picture)


def _find_stretch(picture: Image.Image) -> int | None:
    modes = " ".join(str(tile[3]) for tile in getattr(picture, "tile", ()))
    found = re.search(r"\bL;([24])\b", modes) if picture.mode == "L" else None
    return STRETCH[found[1]] if found else None
