"""What the Video page does, on scenes whose truth is known: follow the patch under an object's center, call it lost, cut the object out.

    followed = follow_patch(scene, clip, unrelated)       # its track, and where it truly is
    Held.of([followed, ...])                              # shares over scenes, as the benchmark shows them
    pixels, patches = segment_object(scene, clip, 10)     # intersection over union after ten corrections
    measure_scenes(encode, scenes)                        # all of it, one score per scene, for an encoder

The arithmetic is the page's own (`latent`); only marks and truth are made here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from scipy import ndimage

from tubelet.latent import clips, graph, half, masks, query, segmentation, tracking
from tubelet.latent.clips import Clip
from tubelet.latent.null_similarity import SLICES, NullSimilarity
from tubelet.latent.tracking import Track
from tubelet.training.scenes.hard import HardScene
from tubelet.training.scenes.occlusion import FRAMES, SIDE, OcclusionScene

PART = "part"  # of the patch is visible, or it is half outside: no truth to hold a track to
CORRECTIONS = 10  # clicks where a segmentation is most wrong
TOGETHER = 12  # scenes that are held at once, each other's unrelated videos
ENCODER = "evaluated"  # the name of the encoder in clips that no store holds

PageScene = OcclusionScene | HardScene
Truth = (
    np.ndarray | str | None
)  # (y, x) of a patch that is wholly visible, PART, or None where no object is


@dataclass(frozen=True)
class FollowedPatch:
    """The track of the patch under the object's center in the first slice, and its true place in each."""

    track: Track
    places: list[Truth]

    @property
    def near(self) -> list[bool]:
        """For the slices that show the patch: whether the match lies within one patch of it."""
        return [
            max(abs(self.track.y[n] - place[0]), abs(self.track.x[n] - place[1])) <= 1
            for n, place in self._visible
        ]

    @property
    def kept(self) -> list[bool]:
        """For the same slices: whether the patch is not called lost."""
        return [not self.track.lost[number] for number, _ in self._visible]

    @property
    def lost(self) -> list[bool]:
        """For the slices without the object: whether the patch is called lost."""
        return [
            bool(self.track.lost[number])
            for number, place in enumerate(self.places)
            if place is None
        ]

    @property
    def _visible(self) -> list[tuple[int, np.ndarray]]:
        return [
            (number, place)
            for number, place in enumerate(self.places)
            if isinstance(place, np.ndarray)
        ]


@dataclass(frozen=True, kw_only=True)
class TrackShares:
    """Shares of slices. Of the `visible`: `near`, found within one patch of the truth, and `kept`, not called lost; of the `absent`: `lost`."""

    visible: int
    near: float
    kept: float
    absent: int
    lost: float

    @classmethod
    def of(cls, followed: Sequence[FollowedPatch]) -> "TrackShares":
        near, kept, lost = (
            [value for one in followed for value in values(one)]
            for values in (lambda f: f.near, lambda f: f.kept, lambda f: f.lost)
        )
        return cls(
            visible=len(near),
            near=float(np.mean(near)),
            kept=float(np.mean(kept)),
            absent=len(lost),
            lost=float(np.mean(lost)),
        )


@dataclass(frozen=True, kw_only=True)
class PageScores:
    """One number per scene: `tracked` and `kept` of the slices that show the patch, `lost` of those without it; `first` and `corrected`,
    intersection over union from the first marks and after some corrections. NaN where a scene has no such slices."""

    tracked: list[float]
    kept: list[float]
    lost: list[float]
    first: list[float]
    corrected: list[float]


def measure_scenes(
    encode: Callable[[torch.Tensor], torch.Tensor],
    scenes: Sequence[PageScene],
    corrections: int = CORRECTIONS,
) -> PageScores:
    """Encode scenes, frames (T, 3, H, W) in uint8 to tokens (S, H, W, D), and score each as one clip beside some others."""
    rows = [
        row
        for first in range(0, len(scenes), TOGETHER)
        for row in _score(encode, scenes[first : first + TOGETHER], first, corrections)
    ]
    return (
        PageScores(
            **{
                field.name: list(scores)
                for field, scores in zip(fields(PageScores), zip(*rows, strict=True), strict=True)
            }
        )
        if rows
        else PageScores(tracked=[], kept=[], lost=[], first=[], corrected=[])
    )


def follow_patch(scene: PageScene, clip: Clip, unrelated: NullSimilarity) -> FollowedPatch:
    """Follow the patch under the object's center in the first slice of the scene's clip."""
    slices, side = clip.positions[0], SIDE / clip.positions[1]  # pixels of a patch
    start = (scene.center(0) // side).astype(int)
    found = tracking.track(query.query_clip(clip, [(0, *start)]), clip, unrelated)
    offset = (start + 0.5) * side - scene.center(0)
    return FollowedPatch(
        found, [_truth(scene, offset, side, _frames(number, slices)) for number in range(slices)]
    )


def segment_object(scene: PageScene, clip: Clip, corrections: int = 0) -> tuple[float, float]:
    """Marks on the object and beside it in the first slice, on the occluder in another, then so many corrections where it is most wrong,
    in any slice: the intersection over union in pixels and in patches."""
    return list(_segmentations(scene, clip, corrections))[-1]


def _score(
    encode: Callable, scenes: Sequence[PageScene], first: int, corrections: int
) -> Iterator[tuple[float, ...]]:
    held = [_clip(encode, scene, str(first + number)) for number, scene in enumerate(scenes)]
    others = _whole_slices(held)
    for scene, clip in zip(scenes, held, strict=True):
        followed = follow_patch(scene, clip, others.without(clip.video_id))
        overlaps = [in_pixels for in_pixels, _ in _segmentations(scene, clip, corrections)]
        yield (
            *(_share(slices) for slices in (followed.near, followed.kept, followed.lost)),
            overlaps[0],
            overlaps[-1],
        )


def _share(slices: Sequence[bool]) -> float:
    return float(np.mean(slices)) if slices else np.nan


def _clip(encode: Callable, scene: PageScene, name: str) -> Clip:
    frames = torch.from_numpy(scene.frames()).permute(0, 3, 1, 2)
    return Clip(name, name, ENCODER, encode(frames).numpy().astype(np.float16))


def _whole_slices(held: Sequence[Clip]) -> NullSimilarity:
    """As many slices of each clip as make SLICES of all but one."""
    each = -(-SLICES // (len(held) - 1)) if len(held) > 1 else 0
    chosen = [
        (clip, number)
        for clip in held
        for number in (clips.spread_evenly(clip.positions[0], each) if each else ())
    ]
    parts = [
        half.unit(half.widen(clip.grid[number].reshape(-1, clip.grid.shape[-1])))
        for clip, number in chosen
    ]
    return NullSimilarity(ENCODER, tuple(parts), tuple(clip.video_id for clip, _ in chosen))


def _segmentations(scene: PageScene, clip: Clip, corrections: int) -> Iterator[tuple[float, float]]:
    """The overlap in pixels and in patches from the first marks, and after each correction."""
    slices, height, width = clip.positions
    shown = np.stack(
        [
            np.mean([scene.visible(frame) for frame in _frames(s, slices)], axis=0)
            for s in range(slices)
        ]
    )
    covered, joined = _measure_cover(shown, height, width), graph.build_graph(clip)
    inside, outside = (
        [(0, *place) for place in np.argwhere(covered[0] > 0.95)],
        [place for place in _outside(scene, clip) if not covered[place]],
    )
    for number in range(corrections + 1):
        found = segmentation.segment(joined, inside, outside)
        yield (
            masks.iou(masks.threshold_pixels(found.scores, SIDE, SIDE), shown > 0.5),
            masks.iou(found.mask(), covered > 0.5),
        )
        place = _most_wrong(found.mask(), covered)
        if number == corrections or place is None:
            return
        (inside if covered[place] > 0.5 else outside).append(place)


def _measure_cover(shown: np.ndarray, height: int, width: int) -> np.ndarray:
    """The share of each patch that a mask ``(S, SIDE, SIDE)`` covers, ``(S, H, W)``."""
    rows, columns = (np.arange(SIDE) * count // SIDE for count in (height, width))
    summed = np.add.reduceat(
        np.add.reduceat(shown, np.searchsorted(rows, range(height)), axis=1),
        np.searchsorted(columns, range(width)),
        axis=2,
    )
    return summed / np.bincount(rows)[:, None] / np.bincount(columns)


def _outside(scene: PageScene, clip: Clip) -> list[tuple[int, int, int]]:
    """Marks on the background of the first slice, and on the occluder of a slice in which it stands, or where there would be one."""
    slices, height, width = clip.positions
    first = [(1, 14), (14, 1), (14, 14), (8, 12)]
    occluded, column = slices * 5 // 16, scene.marked_column * width // SIDE
    return [
        *((0, y * height // 16, x * width // 16) for y, x in first),
        *((occluded, y * height // 16, column) for y in (2, 12)),
    ]


def _most_wrong(mask: np.ndarray, covered: np.ndarray) -> tuple[int, int, int] | None:
    """The middle of the largest region of patches that a mask has wrong, of those that show the object or the rest alone; None for none."""
    regions, count = ndimage.label((mask != (covered > 0.5)) & (abs(covered - 0.5) > 0.4))
    if not count:
        return None
    largest = regions == 1 + np.bincount(regions.ravel())[1:].argmax()
    depth = ndimage.distance_transform_edt(np.pad(largest, 1))[1:-1, 1:-1, 1:-1]
    slice_, row, column = (int(n) for n in np.unravel_index(depth.argmax(), depth.shape))
    return slice_, row, column


def _frames(number: int, slices: int) -> range:
    """Frames of a slice."""
    tubelet = FRAMES // slices
    return range(number * tubelet, (number + 1) * tubelet)


def _truth(scene: PageScene, offset: np.ndarray, side: float, frames: range) -> Truth:
    """Where the patch, `offset` from the object's center, is in frames."""
    shown = [scene.visible(frame) for frame in frames]
    if not any(one.any() for one in shown):
        return None
    middle = np.mean([scene.center(frame) for frame in frames], axis=0) + offset
    top, left = np.rint(middle - side / 2).astype(int)
    size = round(side)
    inside = 0 <= top <= SIDE - size and 0 <= left <= SIDE - size
    whole = inside and all(one[top : top + size, left : left + size].all() for one in shown)
    return (middle // side).astype(int) if whole else PART
