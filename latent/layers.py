"""What a slice is drawn with, as pixels of its grid: how alike patches are, a mask, or colors."""

import numpy as np

from tubelet.array_types import Float32, UInt8
from tubelet.latent import masks
from tubelet.latent.segmentation import THRESHOLD
from tubelet.latent.tracking import Track
from tubelet.latent.tracks import scale_similarity

HEAT, MASK, EDGE = (
    (255, 150, 20),
    (30, 200, 255),
    (255, 255, 255),
)  # as components/player/painting.js has them
FINE = 8  # pixels of a mask per patch


def render_heat(track: Track) -> UInt8[np.ndarray, "S H W 4"]:
    """How far each patch is above the level, RGBA ``(S, H, W, 4)``."""
    return np.stack([tint(HEAT, alpha) for alpha in scale_similarity(track)])


def render_mask(scores: Float32[np.ndarray, "H W"], smooth: bool) -> UInt8[np.ndarray, "h w 4"]:
    """The mask of one slice's scores ``(H, W)`` with a white edge, RGBA ``(8 H, 8 W, 4)``: patch by patch, or smooth as in the files."""
    height, width = (FINE * side for side in scores.shape)
    mask = (
        masks.threshold_pixels(scores[None], height, width)[0]
        if smooth
        else (scores > THRESHOLD).repeat(FINE, 0).repeat(FINE, 1)
    )
    around = np.pad(mask, 1, mode="edge")
    inner = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    pixels = tint(MASK, mask * np.uint8(255))
    pixels[mask & ~inner, :3] = EDGE
    return pixels * mask[..., None]


def make_opaque(colors: UInt8[np.ndarray, "*n 3"]) -> UInt8[np.ndarray, "*n 4"]:
    """Colors ``(..., 3)`` as RGBA."""
    return np.concatenate([colors, np.full((*colors.shape[:-1], 1), 255, np.uint8)], axis=-1)


def tint(color: tuple[int, int, int], alpha: UInt8[np.ndarray, "*n"]) -> UInt8[np.ndarray, "*n 4"]:
    """One color ``(h, w, 4)`` as opaque as `alpha` ``(h, w)`` says."""
    return np.dstack([np.broadcast_to(np.array(color, np.uint8), (*alpha.shape, 3)), alpha])
