"""Masks: which tokens the encoder sees (context) and which the predictor has to predict (targets), as token ids.

    blocks   tubes: the same rectangles hidden in every slice (V-JEPA's own: 8 of 0.15, or 2 of 0.7 of the grid; images 10 of 0.15)
    tubes    random single patches hidden in every slice
    scatter  random tokens hidden, each slice its own: what is hidden here is often visible one slice away
    future   the last slices hidden: only motion tells what comes

Ids count slices, rows, columns in this order. A batch shares one count: both lists are cut to the shortest of its clips.
"""

from collections.abc import Callable

import numpy as np
import torch

from tubelet.ingest.networks.vjepa import Masks
from tubelet.ingest.networks.vjepa.positions import Grid

ASPECT = 0.75, 1.5  # of a block, height over width
HIDDEN = 0.7  # of the patches or tokens, by tubes and scatter


def blocks(count: int, scale: float) -> Callable:
    """Union of `count` rectangles that cover `scale` of the grid each, through all slices; one size per batch, one place per clip."""

    def hide(generator: np.random.Generator, grid: Grid, clips: int) -> np.ndarray:
        slices, rows, columns = grid
        ratio = generator.uniform(*ASPECT)
        area = int(rows * columns * scale)
        height, width = (
            min(rows, max(1, round((area * ratio) ** 0.5))),
            min(columns, max(1, round((area / ratio) ** 0.5))),
        )
        hidden = np.stack(
            [_union(generator, (rows, columns), (height, width), count) for _ in range(clips)]
        )
        return np.repeat(hidden[:, None], slices, 1)

    return hide


def _union(
    generator: np.random.Generator, plane: tuple[int, int], block: tuple[int, int], count: int
) -> np.ndarray:
    while True:  # until something is left to see
        hidden = np.zeros(plane, bool)
        for _ in range(count):
            top, left = (
                int(generator.integers(0, extent - side + 1))
                for extent, side in zip(plane, block, strict=True)
            )
            hidden[top : top + block[0], left : left + block[1]] = True
        if not hidden.all():
            return hidden


def tubes(share: float) -> Callable:
    """This share of the patches, hidden in all slices."""

    def hide(generator: np.random.Generator, grid: Grid, clips: int) -> np.ndarray:
        order = _order(generator, clips, grid[1] * grid[2]).reshape(clips, 1, *grid[1:])
        return np.repeat(order >= _count_seen(share, grid[1] * grid[2]), grid[0], 1)

    return hide


def scatter(share: float) -> Callable:
    """This share of the tokens."""

    def hide(generator: np.random.Generator, grid: Grid, clips: int) -> np.ndarray:
        tokens = int(np.prod(grid))
        order = _order(generator, clips, tokens).reshape(clips, *grid)
        return order >= _count_seen(share, tokens)

    return hide


def _order(generator: np.random.Generator, clips: int, count: int) -> np.ndarray:
    """A random order of so many things per clip."""
    return generator.random((clips, count)).argsort(1).argsort(1)


def _count_seen(share: float, count: int) -> float:
    """What is not hidden, at least one and not all."""
    return min(max(1.0, round((1 - share) * count, 9)), count - 1)


def future(generator: np.random.Generator, grid: Grid, clips: int) -> np.ndarray:
    """The last slices, one to half of them; of those before all are seen, or half the tokens."""
    kept = grid[0] - int(generator.integers(1, grid[0] // 2 + 1))
    hidden = np.ones((clips, *grid), bool)
    hidden[:, :kept] = generator.random((clips, kept, *grid[1:])) < generator.choice([0.0, 0.5])
    return hidden


KINDS: dict[str, Callable[[float], Callable]] = {  # by the share that tubes and scatter hide
    "short": lambda share: blocks(8, 0.15),
    "long": lambda share: blocks(2, 0.7),
    "image": lambda share: blocks(10, 0.15),
    "tubes": tubes,
    "scatter": scatter,
    "future": lambda share: future,
}


def sample_masks(
    kind: str, generator: np.random.Generator, grid: Grid, clips: int, share: float = HIDDEN
) -> Masks:
    """Masks of one kind for a batch of clips."""
    hidden = KINDS[kind](share)(generator, grid, clips).reshape(clips, -1)
    seen = [np.flatnonzero(~row) for row in hidden]
    targets = [np.flatnonzero(row) for row in hidden]
    return Masks(_truncate(seen), _truncate(targets), grid)


def _truncate(ids: list[np.ndarray]) -> torch.Tensor:
    shortest = min(map(len, ids))
    return torch.from_numpy(np.stack([row[:shortest] for row in ids]))


def distances(masks: Masks) -> torch.Tensor:
    """Distances from each context token to its nearest target, in grid units: (B, K)."""
    places = torch.cartesian_prod(
        *(
            torch.arange(extent, dtype=torch.float32, device=masks.context.device)
            for extent in masks.grid
        )
    )
    return torch.stack(
        [
            torch.cdist(places[seen], places[hidden]).amin(1)
            for seen, hidden in zip(masks.context, masks.targets, strict=True)
        ]
    )
