"""Points of a clip, followed from the first slice that shows them by `latent.tracking`, and compared with the truth in the slices after it.

A point keeps its place in its patch; it is taken as hidden where the patch is lost.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from tubelet.latent.clips import Clip
from tubelet.latent.dense.tap_vid import SIDE, FollowedPoints
from tubelet.latent.dense.truth import Frames, PointTrack
from tubelet.latent.errors import LatentError
from tubelet.latent.null_similarity import NullSimilarity
from tubelet.latent.query import query_clip
from tubelet.latent.tracking import Track, track


def follow_points(
    clip: Clip, frames: Frames, points: Sequence[PointTrack], unrelated: NullSimilarity
) -> Iterator[tuple[FollowedPoints, FollowedPoints]]:
    """Follow each point that is visible and has places in a later slice: as the tokens find it, and as if it stayed where it was."""
    for point in points:
        at = int(point.visible.argmax())
        slices = np.array([frames.slices[frame] for frame in point.frames])
        scored = slices > slices[at]
        if not point.visible[at] or not scored.any():
            continue
        patch = _find_patch(point.places[at], frames)
        try:
            found = track(query_clip(clip, [(int(slices[at]), *patch)]), clip, unrelated)
        except LatentError:  # a token without direction
            continue
        places = point.places[at] + _moves(found, patch, frames)[slices[scored]]
        truth = _scale(point.places[scored], frames), point.visible[scored]
        yield (
            FollowedPoints(*truth, _scale(places, frames), ~found.lost[slices[scored]]),
            FollowedPoints(
                *truth,
                _scale(np.repeat(point.places[at : at + 1], scored.sum(), axis=0), frames),
                np.ones(scored.sum(), bool),
            ),
        )


def _find_patch(place: np.ndarray, frames: Frames) -> tuple[int, int]:
    """Row and column of the patch that a place (x, y) lies in."""
    (height, width), clip = frames.size, frames.clip
    return int(place[1] * clip.grid_height / height), int(place[0] * clip.grid_width / width)


def _moves(found: Track, patch: tuple[int, int], frames: Frames) -> np.ndarray:
    """How far (x, y) the best patch of each slice is from the first, in pixels of the picture."""
    (height, width), clip = frames.size, frames.clip
    x, y = found.x - float(patch[1]), found.y - float(patch[0])
    return np.stack([x * width / clip.grid_width, y * height / clip.grid_height], axis=1)


def _scale(places: np.ndarray, frames: Frames) -> np.ndarray:
    """Places (x, y) of the picture in one of 256 x 256 pixels."""
    height, width = frames.size
    return places * (SIDE / width, SIDE / height)
