"""Masks in COCO's JSON: run lengths, compressed or not, and polygons, of one picture or of the frames of a video (YouTube-VIS)."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tubelet.array_types import Bool, Float
from tubelet.latent.errors import LatentError
from tubelet.latent.mask_objects import Layers, MaskObjects
from tubelet.store.annotations.masks import decode_runs

LONGEST = 4_000_000  # characters of one compressed run-length code
EFFORT, PER_ROW = (
    2_000_000_000,
    2_000,
)  # steps that filling all polygons may take: a row of one takes its corners, and as long as so many
FORMS = "COCO's annotations, or one {size, counts}"
Bound = Callable[[int, str], None]


@dataclass
class MaskLimits:
    """What reading a text may take; `bound` refuses a number of bytes that is too large."""

    bound: Bound
    effort: int = 0

    def fill(self, rows: int, corners: int) -> None:
        """Count what a polygon takes. Raises LatentError where all of them take too much."""
        self.effort += rows * (PER_ROW + corners)
        if self.effort > EFFORT:
            raise LatentError(
                "these polygons have too many rows and corners: pass those of one window, or run lengths"
            )


def read_json(data: bytes, bound: Bound) -> MaskObjects:
    """The objects of a JSON text; `bound` refuses a number of bytes that is too large. Raises LatentError, and ValueError for anything else."""
    found = json.loads(data)
    annotations = (
        found["annotations"]
        if isinstance(found, Mapping) and "annotations" in found
        else found
        if isinstance(found, list)
        else [found]
    )
    if found and not annotations:
        raise LatentError("this JSON has no annotation: pass one that holds a mask")
    size, limits = _find_size(found, _find_owner(annotations)), MaskLimits(bound)
    masks: dict[str, np.ndarray] = {}
    total = 0
    for number, one in enumerate(annotations, 1):
        name = str(one.get("id", number)) if isinstance(one, Mapping) else str(number)
        mask = np.stack(list(_frames(one, size, limits)))
        total += mask.size
        bound(total, "bytes")
        masks[name] = masks[name] | mask if name in masks else mask
    if not masks or len({mask.shape for mask in masks.values()}) > 1:
        raise ValueError("no annotation, or several sizes")
    return Layers(masks)


def _find_owner(annotations: Sequence[Any]) -> Any:
    """The id of the one picture or video that all of them belong to. Raises LatentError where they belong to several."""
    named = [one for one in annotations if isinstance(one, Mapping)]
    for key, noun in (("image_id", "pictures"), ("video_id", "videos")):
        if len(owners := {one.get(key) for one in named}) > 1:
            raise LatentError(f"these are annotations of {len(owners):,} {noun}: pass those of one")
    return next((one.get("image_id", one.get("video_id")) for one in named), None)


def _find_size(found: Any, owner: Any) -> tuple[int, int] | None:
    """Height and width of the picture, where the text names it: polygons need it."""
    listed = (
        (found.get("images") or found.get("videos") or ()) if isinstance(found, Mapping) else ()
    )
    own = [one for one in listed if owner is None or one.get("id", owner) == owner]
    return _own_size(own[0]) if own else None


def _frames(one: Any, size: tuple[int, int] | None, limits: MaskLimits) -> Iterator[np.ndarray]:
    """A mask ``(h, w)`` per frame of an annotation."""
    if "segmentations" in one:
        kept = one["segmentations"]
        known = _require_size(
            size
            or next((_part_size(part) for part in kept if isinstance(part, Mapping)), None)
            or _own_size(one)
        )
        limits.bound(len(kept) * prod(known), "bytes")
        yield from (_mask(part, known, limits) if part else np.zeros(known, bool) for part in kept)
        return
    yield _mask(one if "counts" in one else one["segmentation"], size or _own_size(one), limits)


def _own_size(one: Mapping) -> tuple[int, int] | None:
    return (int(one["height"]), int(one["width"])) if "height" in one and "width" in one else None


def _part_size(part: Mapping) -> tuple[int, int]:
    height, width = (int(side) for side in part["size"])
    return height, width


def _require_size(size: tuple[int, int] | None) -> tuple[int, int]:
    if size is None:
        raise LatentError(
            f"these polygons come without the size of their picture: pass {FORMS} with `images`, each with height and width"
        )
    return size


def _mask(part: Any, size: tuple[int, int] | None, limits: MaskLimits) -> np.ndarray:
    if isinstance(part, Mapping):
        height, width = _part_size(part)
        if min(height, width) < 1:
            raise ValueError("a side is not positive")
        limits.bound(height * width, "bytes")
        counts = part["counts"]
        return decode_runs(
            _decompress(counts) if isinstance(counts, str) else counts, height, width
        )
    return _fill(part, _require_size(size), limits)


def _decompress(text: str) -> list[int]:
    """Run lengths from COCO's text: five bits per character, the lowest first; from the fourth run on the difference to the one before last."""
    if len(text) > LONGEST:
        raise ValueError("the code is too long")
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError("no such code")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        value -= (1 << shift) if bits & 16 else 0
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs


def _fill(polygons: Sequence[Any], size: tuple[int, int], limits: MaskLimits) -> np.ndarray:
    """A mask from polygons, each x, y, x, y ...; a pixel belongs to one by its center, at half a pixel."""
    limits.bound(size[0] * size[1], "bytes")
    filled = np.zeros(size, bool)
    for polygon in polygons:
        corners = np.array(polygon, float).reshape(-1, 2)
        if len(corners) < 3 or not np.isfinite(corners).all() or np.abs(corners).max() > 1e6:
            raise ValueError("no polygon")
        first, last = (
            int(np.clip(at, 0, size[0])) for at in (corners[:, 1].min(), corners[:, 1].max() + 1)
        )
        limits.fill(last - first, len(corners))
        _fill_rows(filled, corners, range(first, last))
    return filled


def _fill_rows(
    filled: Bool[np.ndarray, "h w"], corners: Float[np.ndarray, "n 2"], rows: range
) -> None:
    """Add to a mask, row by row, the pixels whose centers have an odd number of edges to their left."""
    (x, y), (next_x, next_y) = corners.T, np.roll(corners, -1, axis=0).T
    width = filled.shape[1]
    for row in rows:
        at = row + 0.5
        crossed = (y <= at) != (next_y <= at)
        rise = (next_y - y)[crossed]
        where = x[crossed] + (at - y[crossed]) / rise * (next_x - x)[crossed]
        edges = np.clip(np.ceil(where - 0.5), 0, width).astype(int)
        odd = np.bincount(edges, minlength=width + 1)[:width].cumsum() % 2 == 1
        filled[row] |= odd
