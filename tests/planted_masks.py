"""Stores whose tokens say which object a patch shows, wherever it is: what a patch probe must find is known, and places tell nothing."""

from pathlib import Path

import numpy as np

from tests.planted_objects import FRAME, PICTURE, bring
from tests.planted_probes import video_ids
from tests.planted_tokens import plant_tokens
from tests.stores import synthetic_store
from tubelet.store import Store
from tubelet.store.annotations.masks import mask_rows
from tubelet.store.placement import place_picture

SLICES, SIDE, DIM, VIDEOS = 2, 8, 12, 9
OBJECTS = (1, 7)  # numbers in the masks


def mask_store(
    path: Path, noise: float = 0.3, rare: bool = False, videos: int = VIDEOS, dim: int = DIM
) -> Store:
    """An encoder `shown` whose tokens have a dimension per object, and one `blind` whose tokens are noise; the caller closes it. `rare`: the first video has an object 9, too."""
    store = synthetic_store(path, videos=videos, slices=SLICES, side=SIDE, dim=4)
    maps = [_draw_map(number) for number in range(videos)]
    plant_tokens(store, "shown", [_make_tokens(n, one, noise, dim) for n, one in enumerate(maps)])
    plant_tokens(
        store, "blind", [_make_tokens(n, one * 0, noise, dim) for n, one in enumerate(maps)]
    )
    rows: list[dict] = []
    for video, shown in zip(video_ids(store), maps):
        for slice_ in range(SLICES):  # a frame of each is annotated
            rows += mask_rows(video, 2 * slice_, _draw_frame(shown[slice_]))
    if rare:
        rows += mask_rows(video_ids(store)[0], 0, np.full(FRAME, 9))
    bring(store, "masks", rows)
    return store


def _draw_map(number: int) -> np.ndarray:
    """Objects of patches ``(S, H, W)``: each is 2 x 2 patches at a place of its own."""
    generator = np.random.default_rng([number, 14])
    shown = np.zeros((SLICES, SIDE, SIDE), int)
    for slice_ in range(SLICES):
        rows, columns = generator.integers(0, SIDE - 1, 2), generator.integers(0, 3, 2)
        for object_, y, x in zip(OBJECTS, rows, columns + np.array((0, 4))):
            shown[slice_, y : y + 2, x : x + 2] = object_
    return shown


def _make_tokens(number: int, shown: np.ndarray, noise: float, dim: int) -> np.ndarray:
    generator = np.random.default_rng([number, 15])
    grid = noise * generator.standard_normal((*shown.shape, dim))
    for at, object_ in enumerate(OBJECTS):
        grid[..., at] += 3 * (shown == object_)
    return grid


def _draw_frame(shown: np.ndarray) -> np.ndarray:
    """Objects of the pixels of a frame ``(240, 320)``, whose middle is the encoder's picture."""
    top, left, high, wide = place_picture(FRAME, (PICTURE, PICTURE), "crop").seen
    rows = np.floor(((np.arange(FRAME[0]) + 0.5) / FRAME[0] - top) / high * SIDE).astype(int)
    columns = np.floor(((np.arange(FRAME[1]) + 0.5) / FRAME[1] - left) / wide * SIDE).astype(int)
    padded = np.pad(shown, 1)
    return padded[np.clip(rows + 1, 0, SIDE + 1)[:, None], np.clip(columns + 1, 0, SIDE + 1)]
