"""Objects of a clip, cut out from their masks in one slice by `latent.segmentation`, and J and F of each in the slices after it.

An object is marked in the first slice that shows it: by the patches that it covers by more than half, and by those that it does not touch.
Where several objects claim a pixel, it goes to the one with the higher score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tubelet.latent.clips import Clip
from tubelet.latent.dense.davis import measure_boundary, measure_region
from tubelet.latent.dense.truth import Frames, ObjectMasks, measure_cover
from tubelet.latent.graph import TokenGraph, build_graph
from tubelet.latent.masks import upsample
from tubelet.latent.segmentation import THRESHOLD, segment

COVERED = 0.5


@dataclass(frozen=True, kw_only=True)
class ObjectScore:
    """Mean J and F of an object over its scored frames, of the tokens' masks, and of the given mask left where it was."""

    frames: int
    region: float
    boundary: float
    still_region: float
    still_boundary: float


@dataclass(frozen=True)
class GivenMask:
    """An object, and the frame and slice of the mask that is given."""

    truth: ObjectMasks
    frame: int
    slice: int

    @property
    def mask(self) -> np.ndarray:
        return self.truth.masks[self.frame]


def score_objects(clip: Clip, frames: Frames, objects: Sequence[ObjectMasks]) -> list[ObjectScore]:
    """Score each object that a slice shows and that has annotated frames in a later slice."""
    given = [one for one in (_find_given(truth, frames) for truth in objects) if one]
    if not given:
        return []
    graph = build_graph(clip)
    segmented = [(one, _segment(graph, one)) for one in given]
    marked = [(one, scores) for one, scores in segmented if scores is not None]
    found: dict[int, list[tuple[float, ...]]] = {number: [] for number in range(len(marked))}
    for frame, slice_ in frames.slices.items():
        asked = [
            number
            for number, (one, _) in enumerate(marked)
            if slice_ > one.slice and frame in one.truth.masks
        ]
        if not asked:
            continue
        masks = _claim([marked[number][1][slice_ : slice_ + 1] for number in asked], frames.size)
        for number, mask in zip(asked, masks, strict=True):
            found[number].append(_compare(mask, marked[number][0], frame))
    return [_average(rows) for rows in found.values() if rows]


def _average(rows: Sequence[tuple[float, ...]]) -> ObjectScore:
    region, boundary, still_region, still_boundary = np.mean(rows, axis=0)
    return ObjectScore(
        frames=len(rows),
        region=region,
        boundary=boundary,
        still_region=still_region,
        still_boundary=still_boundary,
    )


def _find_given(truth: ObjectMasks, frames: Frames) -> GivenMask | None:
    """The first frame that shows the object, if a later slice is annotated."""
    frame = next((frame for frame, mask in truth.masks.items() if mask.any()), None)
    if frame is None or max(map(frames.slices.__getitem__, truth.masks)) <= frames.slices[frame]:
        return None
    return GivenMask(truth, frame, frames.slices[frame])


def _segment(graph: TokenGraph, given: GivenMask) -> np.ndarray | None:
    """Scores ``(S, H, W)``; None where the object leaves no patch to mark the rest by."""
    cover = measure_cover(given.mask, graph.positions[1:])
    inside = cover > COVERED if (cover > COVERED).any() else cover == cover.max()
    finite = graph.finite.reshape(graph.positions)[given.slice]
    inside, outside = inside & finite, (cover == 0) & finite
    if not inside.any() or not outside.any():
        return None
    marks = [
        [(given.slice, int(y), int(x)) for y, x in np.argwhere(part)] for part in (inside, outside)
    ]
    return segment(graph, *marks).scores


def _claim(scores: Sequence[np.ndarray], size: tuple[int, int]) -> list[np.ndarray]:
    """Masks ``(h, w)`` of one slice that do not overlap."""
    pixels = np.stack([upsample(one, *size)[0] for one in scores])
    winner = pixels.argmax(axis=0)
    return [(winner == number) & (one > THRESHOLD) for number, one in enumerate(pixels)]


def _compare(mask: np.ndarray, given: GivenMask, frame: int) -> tuple[float, ...]:
    truth = given.truth.masks[frame]
    pairs = [
        (measure_region(one, truth), measure_boundary(one, truth)) for one in (mask, given.mask)
    ]
    return (*pairs[0], *pairs[1])
