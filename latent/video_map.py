"""The map of videos: one point per video, laid out in two dimensions so that videos with similar embeddings lie together.

found = lay_out(read_vectors(store, encoder_id), PCA)
found.places                                 # float32 (n, 3) from -1 to 1, the third 0
found.find_inside(area)                      # ids of the videos in an area that was drawn
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Bool, Float32, Shaped, UInt8
from tubelet.latent import linear, manifold
from tubelet.latent.area import Area
from tubelet.latent.categories import MOST, NONE, OTHERS
from tubelet.latent.colors import QUANTILES
from tubelet.latent.errors import LatentError
from tubelet.latent.video_vectors import VideoVectors

PCA, UMAP = "PCA", "UMAP"
LAYOUTS = (PCA, UMAP)
NEIGHBORS, SEED, UMAP_LEAST = 15, 0, 10
FAINT = 26  # of 255: the opacity of videos that the filters leave out
RAMP = np.array([(68, 84, 190), (38, 160, 160), (250, 230, 80)], float)  # low, middle, high
UNDEFINED = (128, 128, 128)  # gray: a video without the number


@dataclass(frozen=True)
class VideoMap:
    """Videos and their places; `explained` is the share of the variance that both axes of a PCA show, None of another layout."""

    videos: VideoVectors
    places: Float32[np.ndarray, "n 3"]
    explained: float | None = None

    def find_inside(self, area: Area) -> list[str]:
        """Ids of the videos in an area, as it was seen when it was drawn."""
        inside = np.flatnonzero(area.contains(self.places))
        return [self.videos.video_ids[number] for number in inside]

    def number_of(self, video_ids: Iterable[str]) -> list[int]:
        """Numbers of the points of some videos; those that the map does not have are left out."""
        place = {video_id: number for number, video_id in enumerate(self.videos.video_ids)}
        return [place[video_id] for video_id in video_ids if video_id in place]

    def pack_points(self, colors: UInt8[np.ndarray, "n 3"], shown: Bool[np.ndarray, " n"]) -> bytes:
        """16 bytes per video: x, y, z in float32, then red, green, blue, opacity in uint8; faint where it is not `shown`."""
        packed = np.empty(len(self.videos), [("place", "<f4", 3), ("color", "u1", 4)])
        packed["place"] = self.places
        packed["color"][:, :3] = colors
        packed["color"][:, 3] = np.where(shown, 255, FAINT)
        return packed.tobytes()


def lay_out(videos: VideoVectors, layout: str) -> VideoMap:
    """Both axes have one scale, and the farthest video is at 1. Raises LatentError for an unknown layout, or too few videos for it."""
    if layout not in LAYOUTS:
        raise LatentError(f"{layout} is not a layout: choose one of {', '.join(LAYOUTS)}")
    if layout == UMAP and len(videos) < UMAP_LEAST:
        raise LatentError(f"UMAP needs at least {UMAP_LEAST} videos: choose PCA")
    explained = None
    if layout == UMAP:
        made, _ = manifold.umap(videos.vectors, 2, NEIGHBORS, SEED)
        flat = made.transform(videos.vectors)
    elif len(videos) < 2:
        flat = np.zeros((len(videos), 2), np.float32)
    else:
        model, variance = linear.pca(videos.vectors, 2)
        flat = model.transform(videos.vectors)
        explained = float(variance.explained.sum() / variance.total) if variance.total else None
    return VideoMap(videos, _scale(flat), explained)


def _scale(flat: Float32[np.ndarray, "n k"]) -> Float32[np.ndarray, "n 3"]:
    """Centered and scaled alike, so that distances keep their ratios; nothing is clipped: a video far from all is worth seeing."""
    middle = (flat.min(axis=0) + flat.max(axis=0)) / 2
    placed = np.zeros((len(flat), 3), np.float32)
    placed[:, : flat.shape[1]] = flat - middle
    farthest = np.abs(placed).max()
    return placed / farthest if farthest > 0 else placed


def categorize_values(
    video_ids: Collection[str], values: Mapping[str, str]
) -> tuple[np.ndarray, tuple[str, ...], int]:
    """The category of each video: its place among the commonest values (-1 for others), the names of those, and the number of others."""
    own = [values.get(video_id, NONE) for video_id in video_ids]
    names, counts = np.unique(own, return_counts=True)
    ranked = [
        str(names[n]) for n in sorted(range(len(names)), key=lambda n: (-counts[n], names[n]))
    ]
    place = {name: number for number, name in enumerate(ranked[:MOST])}
    places = np.array([place.get(value, OTHERS) for value in own], int)
    return places, tuple(ranked[:MOST]), max(0, len(ranked) - MOST)


def color_numbers(
    values: Shaped[np.ndarray, " n"],
) -> tuple[UInt8[np.ndarray, "n 3"], tuple[float, float] | None]:
    """Numbers as colors between their outer quantiles, gray where undefined; and those quantiles, None where nothing is defined."""
    defined = values[np.isfinite(values)]
    if not len(defined):
        return np.tile(np.array(UNDEFINED, np.uint8), (len(values), 1)), None
    low, high = (float(value) for value in np.quantile(defined, QUANTILES))
    share = np.clip((values - low) / (high - low), 0, 1) if high > low else np.zeros(len(values))
    at = np.linspace(0, 1, len(RAMP))
    shades = np.stack([np.interp(share, at, RAMP[:, channel]) for channel in range(3)], axis=1)
    colors = np.where(np.isfinite(values)[:, None], np.nan_to_num(shades), UNDEFINED)
    return np.rint(colors).astype(np.uint8), (low, high)
