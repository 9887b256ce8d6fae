"""Coordinates and clusters as colors.

Ranges are fixed with the basis, so a color means the same in every frame and every video; they are quantiles (0.5 and 99.5%), so that
one wild token cannot wash a picture out. Categories take ten colors that remain distinct with every kind of color blindness, and from gray:
of any two, as people without red, green or blue cones see them (Machado et al. 2009), the CIELAB distance is above 28 (Okabe and Ito: 16).
"""

from collections.abc import Sequence

import numpy as np

from tubelet.array_types import Float, Float32, Int, UInt8

QUANTILES = (0.005, 0.995)
UNDEFINED = 128  # gray: a coordinate that is NaN, or a component without range
PALETTE = np.array(
    [
        (85, 85, 204),
        (238, 119, 0),
        (85, 255, 187),
        (170, 0, 0),
        (102, 170, 221),
        (255, 238, 0),
        (136, 0, 255),
        (221, 153, 102),
        (119, 51, 119),
        (204, 238, 255),
    ],
    np.uint8,
)  # blue, orange, aqua, dark red, sky blue, yellow, violet, tan, plum, pale blue
OTHER = (128, 128, 128)  # gray: every category beyond the palette


def ranges(coordinates: Float[np.ndarray, "n k"]) -> Float32[np.ndarray, "k 2"]:
    """Lowest and highest coordinate on the color scale, of coordinates ``(n, k)``: float32 ``(k, 2)``."""
    return np.quantile(coordinates, QUANTILES, axis=0).T.astype(np.float32)


def to_rgb(
    coordinates: Float[np.ndarray, "*n k"],
    limits: Float[np.ndarray, "k 2"],
    channels: Sequence[int | None] = (0, 1, 2),
) -> UInt8[np.ndarray, "*n 3"]:
    """Coordinates ``(..., k)`` as uint8 ``(..., 3)``: a component each for red, green and blue; None, or one there is not, leaves gray."""
    out = np.full((*coordinates.shape[:-1], 3), UNDEFINED, np.uint8)
    for channel, component in enumerate(channels):
        if component is not None and component < coordinates.shape[-1]:
            out[..., channel] = scale_to_bytes(coordinates[..., component], *limits[component])
    return out


def scale_to_bytes(
    values: Float[np.ndarray, "*n"], low: float, high: float
) -> UInt8[np.ndarray, "*n"]:
    """Values between `low` and `high` as 0 to 255, uint8; gray where they are NaN or there is no range."""
    if not high > low:
        return np.full(values.shape, UNDEFINED, np.uint8)
    steps = np.clip((values - low) * (255 / (high - low)), 0, 255)
    return np.where(np.isnan(steps), UNDEFINED, np.rint(np.nan_to_num(steps))).astype(np.uint8)


def color_categories(places: Int[np.ndarray, "*n"]) -> UInt8[np.ndarray, "*n 3"]:
    """Places of categories ``(...)`` in the palette as uint8 ``(..., 3)``; gray where there is none (below 0, or beyond the palette)."""
    known = (places >= 0) & (places < len(PALETTE))
    return np.where(known[..., None], PALETTE[np.where(known, places, 0)], np.uint8(OTHER[0]))
