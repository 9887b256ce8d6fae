"""Coordinates and clusters as colors.

Ranges are fixed with the basis, so a color means the same in every frame and every video; they are quantiles (0.5 and 99.5%), so that
one wild token cannot wash a picture out. Clusters take the eight colors of Okabe and Ito, which remain distinct with red-green color
blindness; further clusters repeat them darker, then lighter.
"""

from collections.abc import Sequence

import numpy as np

from tubelet.array_types import Float, Float32, Int, UInt8

QUANTILES = (0.005, 0.995)
UNDEFINED = 128  # gray: a coordinate that is NaN, or a component without range
HUES = np.array(
    [
        (0, 114, 178),
        (230, 159, 0),
        (0, 158, 115),
        (204, 121, 167),
        (86, 180, 233),
        (213, 94, 0),
        (240, 228, 66),
        (0, 0, 0),
    ],
    np.uint8,
)  # blue, orange, green, purple, sky blue, vermilion, yellow, black
SHADES = ((1.0, 0.0), (0.55, 0.0), (0.55, 0.45))  # factor, and share of white


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


def color_clusters(clusters: Int[np.ndarray, "*n"]) -> UInt8[np.ndarray, "*n 3"]:
    """Cluster numbers ``(...)`` as uint8 ``(..., 3)``; gray where a token has none (below 0)."""
    table = np.concatenate(
        [np.rint(HUES * factor + 255 * white) for factor, white in SHADES]
    ).astype(np.uint8)
    colors = table[np.maximum(clusters, 0) % len(table)]
    return np.where((clusters < 0)[..., None], np.uint8(UNDEFINED), colors)
