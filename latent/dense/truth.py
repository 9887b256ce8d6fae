"""Masks and points of a clip, as the encoder sees them: in its picture, at the frames that it was fed, by slice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Bool, Float32, Float64
from tubelet.store import Store
from tubelet.store.annotations.masks import decode_runs
from tubelet.store.placement import place_picture
from tubelet.store.rows import ClipRow, list_fed_frames

MASKS = """SELECT object, frame, mask_height, mask_width, runs FROM masks
WHERE video_id = $video AND frame IN (SELECT unnest($frames::INTEGER[])) ORDER BY object, frame"""
POINTS = """SELECT point, frame, pixel_x, pixel_y, visible FROM points
WHERE video_id = $video AND frame IN (SELECT unnest($frames::INTEGER[])) ORDER BY point, frame"""


@dataclass(frozen=True)
class Frames:
    """The frames of a clip and the slice that each is part of; `seen`: the part of a frame that the picture shows (top, left, height, width, as fractions)."""

    clip: ClipRow
    slices: Mapping[int, int]
    size: tuple[int, int]
    seen: tuple[float, float, float, float]

    @classmethod
    def of(cls, clip: ClipRow, frame: tuple[int, int]) -> "Frames":
        """`frame`: height and width of the video."""
        fed = list_fed_frames(clip)
        slices = {number: at * clip.slices // len(fed) for at, number in enumerate(fed)}
        size = clip.crop_height, clip.crop_width
        return cls(clip, slices, size, place_picture(frame, size, clip.geometry).seen)

    @property
    def asked(self) -> dict:
        return {"video": self.clip.video_id, "frames": list(self.slices)}


@dataclass(frozen=True)
class ObjectMasks:
    """The masks ``(h, w)`` of an object by frame, in the encoder's picture; empty where it is not to be seen."""

    number: int
    masks: Mapping[int, Bool[np.ndarray, "h w"]]


@dataclass(frozen=True)
class PointTrack:
    """The track of a point, per frame: where it is in the encoder's picture (x, y), in pixels, and whether it is visible."""

    name: str
    frames: tuple[int, ...]
    places: Float64[np.ndarray, "n 2"]
    visible: Bool[np.ndarray, " n"]


def read_objects(store: Store, frames: Frames, most: int) -> list[ObjectMasks]:
    """At most so many objects, in the order of their numbers. Frames that have a mask of some object are annotated for all of them."""
    rows = store.rows(MASKS, frames.asked)
    annotated = sorted({row["frame"] for row in rows})
    found: dict[int, dict[int, np.ndarray]] = {}
    for row in rows:
        if row["object"] in found or len(found) < most:
            whole = decode_runs(row["runs"], row["mask_height"], row["mask_width"])
            found.setdefault(row["object"], {})[row["frame"]] = crop_mask(whole, frames)
    empty = np.zeros(frames.size, bool)
    return [
        ObjectMasks(number, {frame: masks.get(frame, empty) for frame in annotated})
        for number, masks in found.items()
    ]


def crop_mask(mask: Bool[np.ndarray, "H W"], frames: Frames) -> Bool[np.ndarray, "h w"]:
    """A mask of whole frames in the encoder's picture: the nearest pixel of each."""
    top, left, high, wide = frames.seen
    rows, columns = (
        np.clip((((np.arange(side) + 0.5) / side) * share + start) * whole, 0, whole - 1).astype(
            int
        )
        for side, share, start, whole in zip(
            frames.size, (high, wide), (top, left), mask.shape, strict=True
        )
    )
    return mask[rows[:, None], columns]


def read_points(store: Store, frames: Frames, video: Mapping) -> list[PointTrack]:
    """All points of a clip, in the order of their names. A point beyond the encoder's picture is not to be seen."""
    rows: dict[str, list[dict]] = {}
    for row in store.rows(POINTS, frames.asked):
        rows.setdefault(row["point"], []).append(row)
    return [_track(name, found, frames, video) for name, found in rows.items()]


def _track(name: str, rows: Sequence[dict], frames: Frames, video: Mapping) -> PointTrack:
    top, left, high, wide = frames.seen
    height, width = frames.size
    shares = np.array(
        [(row["pixel_x"] / video["width"], row["pixel_y"] / video["height"]) for row in rows]
    )
    places = (shares - (left, top)) / (wide, high) * (width, height)
    inside = ((places >= 0) & (places < (width, height))).all(axis=1)
    seen = np.array([row["visible"] is not False for row in rows]) & inside
    return PointTrack(name, tuple(row["frame"] for row in rows), places, seen)


def measure_cover(
    mask: Bool[np.ndarray, "h w"], grid: tuple[int, int]
) -> Float32[np.ndarray, "H W"]:
    """The share of each patch that a mask covers."""
    rows, columns = (_average(side, count) for side, count in zip(mask.shape, grid, strict=True))
    return (rows @ mask.astype(np.float32) @ columns.T).astype(np.float32)


def _average(side: int, count: int) -> np.ndarray:
    """Weights ``(count, side)`` that average the pixels of each patch."""
    mine = np.arange(side) * count // side
    weights = (mine == np.arange(count)[:, None]).astype(np.float32)
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)


def pick_evenly(tracks: Sequence[PointTrack], most: int) -> Iterator[PointTrack]:
    """At most so many, evenly spread."""
    count = min(most, len(tracks))
    yield from (tracks[at * len(tracks) // count] for at in range(count))
