"""Scenes in a store, followed and cut out of it, and held to their truth: the same numbers for every encoder.

    scenes = ingested(folder, "toy", [Scene.of(seed) for seed in range(6)])
    held = Held.of([scenes.follow(number) for number in range(6)])
    in_pixels, in_patches = scenes.cut(0)          # intersection over union with the object's mask
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from tubelet.ingest.encoders import row
from tubelet.ingest.job import Job
from tubelet.latent import clips, graph, masks, query, segmentation, tracking, null_similarity
from tubelet.latent.clips import Clip
from tubelet.latent.tracking import Track
from tubelet.store import Store
from tests.scenes import FRAMES, RADIUS, SIDE, Scene

PART = "part"  # of the patch is visible, or it is half outside: no truth to hold a track to


@dataclass(frozen=True)
class Followed:
    """The track of the patch under the object's center in the first slice, and its true (y, x) in each: None where it is not there, or PART."""

    track: Track
    places: list[np.ndarray | str | None]


@dataclass(frozen=True)
class Held:
    """Shares of slices. Of the `visible`: `near`, found within one patch of the truth, and `kept`, not called lost; of the `absent`: `lost`."""

    visible: int
    near: float
    kept: float
    absent: int
    lost: float

    @classmethod
    def of(cls, followed: Sequence[Followed]) -> "Held":
        near, kept, lost = [], [], []
        for one in followed:
            for number, place in enumerate(one.places):
                if place is None:
                    lost.append(one.track.lost[number])
                elif not isinstance(place, str):
                    near.append(max(abs(one.track.y[number] - place[0]), abs(one.track.x[number] - place[1])) <= 1)
                    kept.append(not one.track.lost[number])
        return cls(len(near), float(np.mean(near)), float(np.mean(kept)), len(lost), float(np.mean(lost)))


@dataclass(frozen=True)
class Scenes:
    """Scenes, and the store that holds a clip of each, named by its number."""

    scenes: Sequence[Scene]
    store: Store

    def clip(self, number: int) -> Clip:
        found = self.store.rows("SELECT clip_id FROM clips JOIN videos USING (video_id) WHERE name = ?", [f"{number}.mp4"])
        return clips.open_clip(self.store, found[0]["clip_id"])

    def follow(self, number: int) -> Followed:
        scene, clip = self.scenes[number], self.clip(number)
        slices, side = clip.positions[0], SIDE / clip.positions[1]  # pixels of a patch
        start = (scene.place(0) // side).astype(int)
        asked = query.query_clip(clip, [(0, *start)])
        found = tracking.track(asked, clip, null_similarity.sample_other_videos(self.store, clip.encoder_id, clip.video_id))
        offset = (start + 0.5) * side - scene.place(0)
        return Followed(found, [_truth(scene, offset, side, _frames(number, slices)) for number in range(slices)])

    def cut(self, number: int, corrections: int = 0) -> tuple[float, float]:
        """Marks on the object and beside it in the first slice, on the occluder in another, then so many corrections where it is most wrong,
        in any slice: the intersection over union in pixels and in patches."""
        scene, clip = self.scenes[number], self.clip(number)
        slices, height, width = clip.positions
        shown = np.stack([np.mean([scene.visible(frame) for frame in _frames(s, slices)], axis=0) for s in range(slices)])
        covered, joined = _covered(shown, height, width), graph.build_graph(clip)
        inside, outside = [(0, *place) for place in np.argwhere(covered[0] > 0.95)], _outside(scene, clip)
        found = segmentation.segment(joined, inside, outside)
        for _ in range(corrections):
            place = _most_wrong(found.mask(), covered)
            if place is None:
                break
            (inside if covered[place] > 0.5 else outside).append(place)
            found = segmentation.segment(joined, inside, outside)
        in_pixels = masks.iou(masks.threshold_pixels(found.scores, SIDE, SIDE), shown > 0.5)
        return in_pixels, masks.iou(found.mask(), covered > 0.5)


def ingested(folder: Path, encoder: str, scenes: Sequence[Scene], layer: str = "last") -> Scenes:
    """Scenes through a real ingest, each as one clip; the caller closes the store."""
    for number, scene in enumerate(scenes):
        scene.write(folder / "videos" / f"{number}.mp4")
    patch = row(encoder).patch
    job = Job.of(paths=[str(folder / "videos")], encoder=encoder, layer=layer, frames=FRAMES, size=str(SIDE // patch * patch), device="cpu", pairs="0")
    summary = job.run(str(folder / "store")).execute(job.sources)
    assert summary.clips == len(scenes) and not summary.failures
    return Scenes(scenes, Store(folder / "store"))


def _covered(shown: np.ndarray, height: int, width: int) -> np.ndarray:
    """The share of each patch that a mask ``(S, SIDE, SIDE)`` covers, ``(S, H, W)``."""
    rows, columns = (np.arange(SIDE) * count // SIDE for count in (height, width))
    summed = np.add.reduceat(np.add.reduceat(shown, np.searchsorted(rows, range(height)), axis=1), np.searchsorted(columns, range(width)), axis=2)
    return summed / np.bincount(rows)[:, None] / np.bincount(columns)


def _outside(scene: Scene, clip: Clip) -> list[tuple[int, int, int]]:
    """Marks on the background of the first slice, and on the occluder of a slice in which it stands."""
    slices, height, width = clip.positions
    first = [(1, 14), (14, 1), (14, 14), (8, 12)]
    occluded, column = slices * 5 // 16, (scene.occluder[0] + RADIUS) * width // SIDE
    return [*((0, y * height // 16, x * width // 16) for y, x in first), *((occluded, y * height // 16, column) for y in (2, 12))]


def _most_wrong(mask: np.ndarray, covered: np.ndarray) -> tuple[int, int, int] | None:
    """The middle of the largest region of patches that a mask has wrong, of those that show the object or the rest alone; None for none."""
    regions, count = ndimage.label((mask != (covered > 0.5)) & (abs(covered - 0.5) > 0.4))
    if not count:
        return None
    largest = regions == 1 + np.bincount(regions.ravel())[1:].argmax()
    depth = ndimage.distance_transform_edt(np.pad(largest, 1))[1:-1, 1:-1, 1:-1]
    return tuple(int(n) for n in np.unravel_index(depth.argmax(), depth.shape))


def _frames(number: int, slices: int) -> range:
    """Frames of a slice."""
    tubelet = FRAMES // slices
    return range(number * tubelet, (number + 1) * tubelet)


def _truth(scene: Scene, offset: np.ndarray, side: float, frames: range) -> np.ndarray | str | None:
    """Where the patch, `offset` from the object's center, is in frames: its (y, x) where it is wholly visible, None where no object is."""
    shown = [scene.visible(frame) for frame in frames]
    if not any(one.any() for one in shown):
        return None
    middle = np.mean([scene.place(frame) for frame in frames], axis=0) + offset
    top, left = np.rint(middle - side / 2).astype(int)
    size = round(side)
    inside = 0 <= top <= SIDE - size and 0 <= left <= SIDE - size
    whole = inside and all(one[top : top + size, left : left + size].all() for one in shown)
    return (middle // side).astype(int) if whole else PART
