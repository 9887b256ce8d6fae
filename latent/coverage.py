"""Which videos to look at or label first: those that leave no video far from all chosen ones (k-center, by the farthest first).

chosen = choose_centers(vectors, 20, labeled)        # `labeled` are centers already
chosen.radius                                        # how far the farthest video is from a chosen or labeled one
chosen.chance                                        # the same of choices at random: mean, and the middle 95%
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Float, Float32, Int
from tubelet.latent.errors import LatentError
from tubelet.latent.video_vectors import VideoVectors

CENTERS_MOST = 1_000
RANDOM_CHOICES = 40
BLOCK = 512  # centers that are measured at a time


@dataclass(frozen=True, kw_only=True)
class CenterVideo:
    """A chosen video: its place in the order, and its distance from all chosen or labeled before, None for the first."""

    place: int
    video_id: str
    name: str
    distance: float | None


@dataclass(frozen=True, kw_only=True)
class Centers:
    """The chosen videos, and the distance from the farthest video to its nearest chosen or labeled one; `chance` (mean, low, high) is that of
    as many videos chosen at random; `labeled` counts the videos that were centers before."""

    chosen: tuple[CenterVideo, ...]
    radius: float
    chance: tuple[float, float, float]
    labeled: int

    @property
    def video_ids(self) -> list[str]:
        return [row.video_id for row in self.chosen]


def choose_centers(videos: VideoVectors, count: int, labeled: Collection[str] = ()) -> Centers:
    """The farthest video first, again and again; the first is the one nearest to the mean where nothing is labeled. Raises LatentError where nothing is left."""
    if not 1 <= count <= CENTERS_MOST:
        raise LatentError(f"{count:,} videos cannot be chosen: ask for 1 to {CENTERS_MOST:,}")
    known = np.array([video_id in labeled for video_id in videos.video_ids], bool)
    if known.all():
        raise LatentError("every encoded video has the label: choose another label")
    before = _measure(videos.vectors, np.flatnonzero(known))
    order, distances, after = _go_farthest(videos.vectors, min(count, int((~known).sum())), before)
    chosen = tuple(
        CenterVideo(
            place=n + 1,
            video_id=videos.video_ids[row],
            name=videos.names[row],
            distance=float(distance) if np.isfinite(distance) else None,
        )
        for n, (row, distance) in enumerate(zip(order, distances))
    )
    chance = _choose_randomly(videos.vectors, np.flatnonzero(~known), len(chosen), before)
    return Centers(
        chosen=chosen, radius=float(after.max()), chance=chance, labeled=int(known.sum())
    )


def _measure(
    vectors: Float32[np.ndarray, "n D"], centers: Int[np.ndarray, " k"]
) -> Float[np.ndarray, " n"]:
    """Distance of every video to the nearest of some; infinite where there are none."""
    nearest = np.full(len(vectors), np.inf)
    moved = vectors - vectors.mean(axis=0)
    squares = (moved**2).sum(axis=1)
    for start in range(0, len(centers), BLOCK):
        rows = centers[start : start + BLOCK]
        squared = squares[:, None] + squares[rows][None] - 2 * moved @ moved[rows].T
        np.minimum(nearest, np.sqrt(np.maximum(squared, 0)).min(axis=1), out=nearest)
    nearest[centers] = 0
    return nearest


def _go_farthest(
    vectors: Float32[np.ndarray, "n D"], count: int, before: Float[np.ndarray, " n"]
) -> tuple[list[int], list[float], Float[np.ndarray, " n"]]:
    """The chosen rows, the distance of each when it was chosen, and the distance of every video from the nearest in the end."""
    nearest, order, distances = before.copy(), [], []
    for _ in range(count):
        row = int(nearest.argmax())
        if not np.isfinite(nearest[row]):
            row = int(np.linalg.norm(vectors - vectors.mean(axis=0), axis=1).argmin())
        order.append(row)
        distances.append(float(nearest[row]))
        np.minimum(nearest, np.linalg.norm(vectors - vectors[row], axis=1), out=nearest)
        nearest[row] = -1.0  # of equal videos each is chosen once
    return order, distances, np.maximum(nearest, 0)


def _choose_randomly(
    vectors: Float32[np.ndarray, "n D"],
    rows: Int[np.ndarray, " m"],
    count: int,
    before: Float[np.ndarray, " n"],
) -> tuple[float, float, float]:
    randomness = np.random.default_rng(0)
    radii = [
        float(np.minimum(before, _measure(vectors, randomness.permutation(rows)[:count])).max())
        for _ in range(RANDOM_CHOICES)
    ]
    low, high = np.quantile(radii, (0.025, 0.975))
    return float(np.mean(radii)), float(low), float(high)
