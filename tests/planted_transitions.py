"""Stores whose slices follow each other in a known way: linear dynamics with noise, a walk at random, and slices that stay as they are."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from tests.planted_probes import video_ids
from tests.planted_tokens import plant_tokens
from tests.stores import synthetic_store
from tubelet.store import Store
from tubelet.store.placement import Sheet
from tubelet.store.rows import ClipRow

SLICES, SIDE, DIM = 12, 2, 4
TURN, SHRINK, NOISE = (
    0.7,
    0.98,
    0.3,
)  # radians and share per slice, standard deviation of what comes anew


def transition_store(path: Path, videos: int = 20) -> Store:
    """A store of videos without an encoder of interest yet; the caller closes it."""
    return synthetic_store(path, videos=videos, slices=2, side=2, dim=4, embeddings=False)


def step_matrix() -> np.ndarray:
    """A turn in two planes, at two speeds, and a little shrinking."""
    found = np.zeros((DIM, DIM))
    for plane, angle in ((0, TURN), (2, -TURN / 2)):
        turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        found[plane : plane + 2, plane : plane + 2] = SHRINK * np.array(turn)
    return found


def plant_linear(store: Store, name: str = "linear", noise: float = NOISE) -> str:
    """Each token times the same matrix, plus noise: what comes next can be known but for the noise. The encoder's id."""
    return plant_tokens(store, name, [_walk(n, step_matrix(), noise) for n in range(len(video_ids(store)))])  # fmt: skip


def plant_walk(store: Store, name: str = "walk") -> str:
    """The last slice plus noise: nothing is better than a copy."""
    return plant_tokens(store, name, [_walk(n, np.eye(DIM), NOISE) for n in range(len(video_ids(store)))])  # fmt: skip


def plant_still(store: Store, name: str = "still") -> str:
    """Every slice is a copy of the first."""
    return plant_tokens(store, name, [_walk(n, np.eye(DIM), 0) for n in range(len(video_ids(store)))])  # fmt: skip


def _walk(number: int, matrix: np.ndarray, noise: float) -> np.ndarray:
    generator = np.random.default_rng([number, 17])
    spread = NOISE / np.sqrt(1 - SHRINK**2)
    grid = np.empty((SLICES, SIDE, SIDE, DIM))
    grid[0] = spread * generator.standard_normal((SIDE, SIDE, DIM))
    for slice_ in range(1, SLICES):
        fresh = noise * generator.standard_normal((SIDE, SIDE, DIM))
        grid[slice_] = grid[slice_ - 1] @ matrix.T + fresh
    return grid


def known_optimum(store: Store, encoder_id: str, videos: list[str]) -> float:
    """Variance explained over copying by the matrix itself, on the slices that a transition model predicts."""
    clips = store.rows(
        "SELECT clip_id FROM clips WHERE encoder_id = $1 AND list_contains($2, video_id)",
        [encoder_id, videos],
    )
    grids = np.stack([store.grid(clip["clip_id"]).astype(float) for clip in clips])
    scaled = (grids - grids.mean((0, 1, 2, 3))) / grids.std((0, 1, 2, 3))
    seen, truth = scaled[:, 1:-1], scaled[:, 2:]
    return 1 - float(((seen @ step_matrix().T - truth) ** 2).sum() / ((seen - truth) ** 2).sum())


def add_pictures(store: Store, encoder_id: str) -> None:
    """Slice pictures of every clip of an encoder: a square that moves by four pixels per slice over gray of its video."""
    clips = store.rows("FROM clips WHERE encoder_id = $1 ORDER BY clip_id", [encoder_id])
    for number, row in enumerate(clips):
        clip = ClipRow.of(row)
        sheet = Sheet.of(clip)
        image = Image.new("RGB", sheet.size[::-1], (40 + 8 * number,) * 3)
        for slice_ in range(clip.slices):
            top, left = sheet.corner(slice_)
            x, y = left + 4 * slice_ % sheet.tile[1], top + sheet.tile[0] // 2
            image.paste((250, 60, 20), (x, y, x + 6, y + 6))
        sink = io.BytesIO()
        image.save(sink, "JPEG", quality=95)
        store.write_pictures(row, sink.getvalue())
