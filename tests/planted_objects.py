"""Stores whose tokens show an object that moves by a patch per slice, with its masks and points: what segmentation and tracking must find is known."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.planted_probes import video_ids
from tests.planted_tokens import plant_tokens
from tests.stores import synthetic_store
from tubelet.store import Store
from tubelet.store.annotations.masks import mask_rows
from tubelet.store.placement import place_picture
from tubelet.store.schema import TABLES

SLICES, SIDE, DIM, VIDEOS = 4, 8, 16, 6
FRAME = 240, 320  # height and width of the videos
PICTURE = 128  # pixels per side of the encoder's picture, which is the middle of a frame
START = 2, 1  # row and column of the object's first patch; it is 2 x 2 patches
HIDDEN = 3  # slice in which the object of the last video is gone


def object_store(path: Path) -> Store:
    """An encoder `objects` whose tokens show the object; the caller closes it."""
    store = synthetic_store(path, videos=VIDEOS, slices=SLICES, side=SIDE, dim=4)
    plant_tokens(store, "objects", [_grid(number) for number in range(VIDEOS)])
    masks, points = [], []
    for number, video in enumerate(video_ids(store)):
        for frame in range(2 * SLICES):
            place = place_object(number, frame // 2)
            masks += mask_rows(video, frame, _draw(place) if place else np.zeros(FRAME, int))
            points.append(_point(video, frame, place))
    bring(store, "masks", masks)
    bring(store, "points", points)
    return store


def place_object(number: int, slice_: int) -> tuple[int, int] | None:
    """Row and column of the object's first patch; None where it is gone."""
    if number == VIDEOS - 1 and slice_ == HIDDEN:
        return None
    return START[0], START[1] + slice_


def bring(store: Store, kind: str, rows: list[dict]) -> None:
    """Commit rows of masks or points as one source."""
    source = {
        "annotation_id": kind,
        "source": kind,
        "kind": kind,
        "path": f"/{kind}",
        "sha256": "0" * 64,
        "matched_by": "id",
        "rows": len(rows),
        "unmatched": 0,
    }
    named = [
        {"annotation_id": kind, "source": kind, "row": n, **row} for n, row in enumerate(rows, 1)
    ]
    store.commit(
        {
            "annotations": pa.Table.from_pylist([source], TABLES["annotations"].arrow),
            kind: pa.Table.from_pylist(named, TABLES[kind].arrow),
        }
    )


def _grid(number: int) -> np.ndarray:
    """A background of its own in every video; each of the object's four patches has a dimension of its own."""
    generator = np.random.default_rng([number, 8])
    still = generator.standard_normal((SIDE, SIDE, DIM))
    still[..., :4] = 0
    grid = np.repeat(still[None], SLICES, axis=0)
    grid += 0.02 * generator.standard_normal(grid.shape)
    for slice_ in range(SLICES):
        if place := place_object(number, slice_):
            for part in range(4):
                y, x = place[0] + part // 2, place[1] + part % 2
                grid[slice_, y, x] = 0.3 * grid[slice_, y, x]
                grid[slice_, y, x, part] = 6
    return grid


def _draw(place: tuple[int, int]) -> np.ndarray:
    """The object as 1 in a frame ``(240, 320)``."""
    top, left, high, wide = place_picture(FRAME, (PICTURE, PICTURE), "crop").seen
    rows = ((np.arange(FRAME[0]) + 0.5) / FRAME[0] - top) / high * SIDE
    columns = ((np.arange(FRAME[1]) + 0.5) / FRAME[1] - left) / wide * SIDE
    inside = [(side >= at) & (side < at + 2) for side, at in zip((rows, columns), place)]
    return (inside[0][:, None] & inside[1]).astype(int)


def _point(video: str, frame: int, place: tuple[int, int] | None) -> dict:
    """A quarter of a patch from the corner of the object's first patch."""
    top, left, high, wide = place_picture(FRAME, (PICTURE, PICTURE), "crop").seen
    y, x = place or START
    return {
        "video_id": video,
        "point": "corner",
        "frame": frame,
        "pixel_x": ((x + 0.25) / SIDE * wide + left) * FRAME[1],
        "pixel_y": ((y + 0.25) / SIDE * high + top) * FRAME[0],
        "visible": place is not None,
    }
