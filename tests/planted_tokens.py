"""Stores whose tokens carry a label that their mean does not: in the order of slices, or in one patch."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.compared import encoder_row, write_clip
from tests.planted_probes import label, video_ids
from tests.stores import synthetic_store
from tubelet.store import Store
from tubelet.store.schema import TABLES

DIM, SLICES, SIDE = 16, 4, 2
ORDER, PATCH = "order", "patch"  # encoders


def token_store(path: Path, videos: int = 64) -> Store:
    """Two classes of videos, and an encoder for each way to carry them; the caller closes it."""
    store = synthetic_store(path, videos=videos, slices=SLICES, side=SIDE, dim=4)
    classes = np.random.default_rng(3).permutation(np.arange(videos) % 2)
    label(store, "action", {v: ("pour", "cut")[c] for v, c in zip(video_ids(store), classes)})
    for name, make in ((ORDER, _order), (PATCH, _patch)):
        plant_tokens(store, name, [make(number, c) for number, c in enumerate(classes)])
    return store


def plant_tokens(store: Store, name: str, grids: list[np.ndarray]) -> str:
    """Add an encoder with one clip per video, whose tokens are the grids ``(S, H, W, D)``; its id."""
    encoder = encoder_row(store, name)
    encoder |= {"embed_dim": grids[0].shape[-1], "weights_source": "made for tests"}
    clips = store.rows("FROM clips WHERE starts_with(encoder_id, 'toy-') ORDER BY video_id")
    made = [
        write_clip(store, clip | {"encoder_id": encoder["encoder_id"]}, grid.astype("<f2"))
        for clip, grid in zip(clips, grids)
    ]
    derived = {name: pa.concat_tables(part[name] for _, part in made) for name in made[0][1]}
    store.commit(
        {
            "encoders": pa.Table.from_pylist([encoder], TABLES["encoders"].arrow),
            "clips": pa.Table.from_pylist([clip for clip, _ in made], TABLES["clips"].arrow),
            **derived,
        }
    )
    return str(encoder["encoder_id"])


def _noise(number: int) -> np.ndarray:
    return 0.3 * np.random.default_rng([number, 5]).standard_normal((SLICES, SIDE, SIDE, DIM))


def _order(number: int, class_: int) -> np.ndarray:
    """Each slice says when it is (dimensions 0 to 3). One of the first two is bright, and one of the last two is dark, or the other way around (dimension 4)."""
    grid = _noise(number)
    for slice_ in range(SLICES):
        grid[slice_, ..., slice_] += 4
        grid[slice_, ..., 4] += 3 * (1 - 2 * class_) * (1 if slice_ < SLICES // 2 else -1)
    return grid


def _patch(number: int, class_: int) -> np.ndarray:
    """One patch of one slice is marked (dimension 0) and bright or dark (dimension 4); another one, unmarked, is as dark or bright. All have dimension 8."""
    grid, generator = _noise(number), np.random.default_rng([number, 6])
    grid[..., 8] += 6
    there, other = generator.permutation(SLICES * SIDE * SIDE)[:2]
    flat = grid.reshape(-1, DIM)
    flat[there, 0] += 6
    flat[there, 4] += 5 * (1 - 2 * class_)
    flat[other, 4] -= 5 * (1 - 2 * class_)
    return grid
