"""An encoder made by hand whose dimensions are known to react to one change alone, and what they do under real changes of drawn windows.

dimension 0  the slice of the window
dimension 1  the column of the patch: after a flip, tokens of a place come from the column across
dimension 2  the mean of the window
dimension 3  noise, drawn at every encoding
dimension 4  right half of a patch minus its left half: a mirrored window turns its sign
dimension 5  brightness summed over all later frames: what a prefix lacks
and from 6 on products with the pixels of a patch, nearly the same for a mirrored one, and their mean over the window
"""

import numpy as np
import torch

from tubelet.ingest.changes import Change

COLUMN, NOISE, MIRROR, FUTURE, DIMS = 1, 3, 4, 5, 24
FRAMES, SIDE, PATCH, TUBELET = 8, 12, 4, 2
CHANGES = (Change("flip"), Change("noise", 0.1), Change("dark", 0.7), Change("prefix", 0.5))


def draw_window(rng: np.random.Generator) -> torch.Tensor:
    """Frames ``(T, 3, H, W)`` that resemble the ones before them."""
    frames = rng.uniform(60, 190, (1, 3, SIDE, SIDE)) + rng.normal(0, 30, (FRAMES, 3, SIDE, SIDE)).cumsum(0)  # fmt: skip
    return torch.from_numpy(np.clip(frames, 0, 255).astype(np.uint8))


def encode(frames: torch.Tensor, rng: np.random.Generator, planted: bool = True) -> np.ndarray:
    """Tokens ``(S, 3, 3, D)``; without what is `planted`, dimensions 4 and 5 are like those from 6 on."""
    pixels = frames.numpy().astype(np.float32).mean(1) / 255  # (T, H, W)
    slices, grid = len(pixels) // TUBELET, SIDE // PATCH
    cut = pixels.reshape(slices, TUBELET, grid, PATCH, grid, PATCH).mean(1).transpose(0, 1, 3, 2, 4)  # fmt: skip
    weights = np.random.default_rng(99).standard_normal((PATCH, PATCH, DIMS))
    weights = weights + 0.7 * weights[:, ::-1]
    weights -= weights.mean((0, 1))
    tokens = np.einsum("shwyx,yxd->shwd", cut, weights)
    tokens = tokens + 2 * tokens.mean(0)
    tokens[..., 0] = np.arange(slices)[:, None, None]
    tokens[..., 1] = np.arange(grid)
    tokens[..., 2] = pixels.mean()
    tokens[..., 3] = rng.standard_normal(tokens.shape[:-1])
    if planted:
        half = PATCH // 2
        tokens[..., MIRROR] = cut[..., half:].mean((3, 4)) - cut[..., :half].mean((3, 4))
        later = cut.mean((3, 4))[::-1].cumsum(0)[::-1] - cut.mean((3, 4))
        tokens[..., FUTURE] = later
    return tokens


def measure_reactions(seed: int, videos: int, planted: bool = True) -> np.ndarray:
    """Reactions ``(C, V, D)`` to `CHANGES`: mean absolute difference at the same places, over the dimension's standard deviation."""
    rng = np.random.default_rng(seed)
    found = np.empty((len(CHANGES), videos, DIMS))
    for video in range(videos):
        frames = draw_window(rng)
        tokens = encode(frames, rng, planted)
        spread = tokens.std((0, 1, 2))
        for number, change in enumerate(CHANGES):
            changed = change.apply(frames, TUBELET)
            other = encode(changed.frames, rng, planted)
            other = changed.alignment.align(torch.from_numpy(other).float()).numpy()
            away = np.abs(tokens[: len(other)] - other).mean((0, 1, 2))
            found[number, video] = away / np.where(spread > 0, spread, np.nan)
    return found
