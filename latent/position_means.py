"""The mean embedding of each grid position over the corpus: what an encoder outputs for a place regardless of its content.

`token_samples` holds 32 tokens per clip, too few for each of hundreds of positions, so a few slices of a bounded number of
clips are read, those of different videos first. Every video weighs the same, however many of its clips are among them.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

import numpy as np

from tubelet.array_types import Float32
from tubelet.latent import clips, half
from tubelet.latent.errors import LatentError
from tubelet.store import Store
from tubelet.store.rows import ClipRow

CLIPS = 128  # read at most
SLICES = 4  # of each, evenly spaced: neighboring slices say nearly the same
VIDEOS = 8  # at least: of fewer, what they show would be taken for the position


def means(
    store: Store, encoder_id: str, height: int, width: int
) -> Float32[np.ndarray, "{height} {width} D"]:
    """Mean embedding of each position of a grid of `height` x `width` patches, float32 ``(H, W, D)``. Raises LatentError for too few videos."""
    chosen = [
        row
        for row in clips.with_embeddings(store, encoder_id)
        if (row.grid_height, row.grid_width) == (height, width)
    ][:CLIPS]
    videos = len({row.video_id for row in chosen})
    if videos < VIDEOS:
        raise LatentError(
            f"position means need {VIDEOS} videos of {encoder_id} with embeddings on a grid of {height} x {width} patches, "
            f"and there are {videos}: ingest more videos, or leave --remove-position-mean out"
        )
    total, count = np.zeros((height * width, chosen[0].embed_dim)), np.zeros((height * width, 1))
    for _, own in groupby(sorted(chosen, key=_video), key=_video):
        mean, known = _average(store, own)
        total += np.where(known, mean, 0)
        count += known
    return (total / np.maximum(count, 1)).astype(np.float32).reshape(height, width, -1)


def _video(row: ClipRow) -> str:
    return row.video_id


def _average(store: Store, rows: Iterable[ClipRow]) -> tuple[np.ndarray, np.ndarray]:
    """The mean of each position over the clips of one video ``(P, D)``, and whether it is known ``(P, 1)``."""
    total: np.ndarray | float = 0.0
    count: np.ndarray | int = 0
    for row in rows:
        for tokens in _slices(store, row):
            sound = np.isfinite(tokens).all(axis=1, keepdims=True)
            total = total + np.where(sound, tokens, 0).astype(np.float64)
            count = count + sound.astype(int)
    return total / np.maximum(count, 1), np.asarray(count) > 0


def _slices(store: Store, row: ClipRow) -> Iterator[Float32[np.ndarray, "P D"]]:
    for index in clips.spread_evenly(row.slices, SLICES):
        yield from half.slices(clips.read(store, row, index, index + 1))
