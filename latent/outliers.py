"""Outliers of a label: videos whose mean token lies far from those of the other videos with the same value.

Within a value, the videos are taken along their own leading components. If none stands out, the share of a component that one video carries
follows a beta distribution, which gives each video a p-value; it is multiplied by the number of videos that are tested (Bonferroni), so that
labels without outliers have one reported in at most 5 of 100 cases.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.stats

from tubelet.array_types import Float, Float32
from tubelet.latent.errors import LatentError
from tubelet.latent.video_vectors import VideoVectors

VIDEOS_LEAST = 8  # of a value, to say what is usual
COMPONENTS = 3  # along which a video may stand out, at most
VIDEOS_PER_COMPONENT = 8
ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class OutlierVideo:
    """A video that stands out among those of its value. `distance` is from the mean of the others, in units of their root mean square distance from
    their own mean; `nearest` is the value whose mean is nearest; `p` is corrected for all videos that were tested."""

    video_id: str
    name: str
    value: str
    videos: int
    distance: float
    nearest: str
    p: float


@dataclass(frozen=True, kw_only=True)
class Outliers:
    """The outliers found, the least likely first, among the tested videos and values; values with fewer than 8 videos are `skipped`."""

    found: tuple[OutlierVideo, ...]
    tested: int
    values: int
    skipped: int

    @property
    def video_ids(self) -> list[str]:
        return [row.video_id for row in self.found]


def find_outliers(videos: VideoVectors, labels: Mapping[str, str]) -> Outliers:
    """Outliers of the values of a label, by video id. Raises LatentError where no value has enough videos."""
    own = np.array([labels.get(video_id, "") for video_id in videos.video_ids], dtype=object)
    values = sorted({value for value in own if value})
    members = {value: np.flatnonzero(own == value) for value in values}
    tested = {value: rows for value, rows in members.items() if len(rows) >= VIDEOS_LEAST}
    if not tested:
        raise LatentError(
            f"no value of this label has {VIDEOS_LEAST} encoded videos: choose another label, or label more videos"
        )
    count = sum(map(len, tested.values()))
    means = {value: videos.vectors[rows].mean(axis=0) for value, rows in members.items()}
    found = [
        _describe(videos, int(rows[n]), (value, rows), means, min(1.0, float(p[n]) * count))
        for value, rows in tested.items()
        for p in [rate_members(videos.vectors[rows])]
        for n in np.flatnonzero(p * count <= ALPHA)
    ]
    return Outliers(
        found=tuple(sorted(found, key=lambda row: (row.p, row.video_id))),
        tested=count,
        values=len(tested),
        skipped=len(members) - len(tested),
    )


def rate_members(vectors: Float32[np.ndarray, "n D"]) -> Float[np.ndarray, " n"]:
    """The p-value of each vector: how often one of vectors without an outlier carries as much of their leading components."""
    count = len(vectors)
    centered = vectors.astype(float) - vectors.mean(axis=0, dtype=float)
    shares, sizes, _ = np.linalg.svd(centered, full_matrices=False)
    rank = int((sizes > sizes[0] * 1e-6).sum()) if sizes[0] > 0 else 0
    kept = min(COMPONENTS, max(1, count // VIDEOS_PER_COMPONENT), rank, count - 2)
    if kept < 1:
        return np.ones(count)
    carried = (shares[:, :kept] ** 2).sum(axis=1) * count / (count - 1)
    return scipy.stats.beta.sf(np.minimum(carried, 1), kept / 2, (count - 1 - kept) / 2)


def _describe(
    videos: VideoVectors,
    row: int,
    group: tuple[str, np.ndarray],
    means: Mapping[str, np.ndarray],
    p: float,
) -> OutlierVideo:
    value, rows = group
    others = videos.vectors[rows[rows != row]]
    usual = np.sqrt(((others - others.mean(axis=0)) ** 2).sum(axis=1).mean())
    away = float(np.linalg.norm(videos.vectors[row] - others.mean(axis=0)))
    centers = {**means, value: others.mean(axis=0)}
    nearest = min(centers, key=lambda name: np.linalg.norm(videos.vectors[row] - centers[name]))
    return OutlierVideo(
        video_id=videos.video_ids[row],
        name=videos.names[row],
        value=value,
        videos=len(rows),
        distance=away / float(usual) if usual > 0 else np.inf,
        nearest=nearest,
        p=p,
    )
