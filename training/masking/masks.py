"""Masks by name: which tokens of a grid are hidden, as booleans (S, H, W).

    multi-block        8 blocks of 0.15 of the frame each, through all slices: V-JEPA's short-range mask
    multi-block-long   2 blocks of 0.7
    tube               random patches, the same in all slices
    random             random tokens, each slice its own
    future, past       the last or the first slices
    every-other        slices 1, 3, 5, ...

A mask that somebody painted is `painting`'s.

Of the first two the sampler is that of `tubelet pretrain`, which is Meta's.
"""

from collections.abc import Callable

import numpy as np

from tubelet.ingest.errors import UsageError
from tubelet.ingest.networks.vjepa.positions import Grid
from tubelet.store.mask_kinds import PAINTED
from tubelet.training.pretraining.token_masks import blocks

Draw = Callable[[np.random.Generator, Grid, float], np.ndarray]


def draw_mask(kind: str, grid: Grid, ratio: float | None, seed: int) -> np.ndarray:
    """What a mask hides of a grid, (S, H, W). Raises UsageError where that is nothing, or all."""
    return refuse_extremes(kind, MASKS[kind](np.random.default_rng(seed), grid, ratio or 0.0))


def refuse_extremes(kind: str, hidden: np.ndarray) -> np.ndarray:
    """The mask. Raises UsageError where it hides nothing, or all."""
    if hidden.all() or not hidden.any():
        what = "all" if hidden.all() else "nothing"
        slices, rows, columns = hidden.shape
        other = "--until" if kind == PAINTED else "--ratio"
        raise UsageError(
            f"--mask {kind} hides {what} of a window of {slices} x {rows} x {columns} tokens: choose another --mask or {other}, or larger windows"
        )
    return hidden


def _draw_blocks(count: int, scale: float) -> Draw:
    return lambda generator, grid, ratio: blocks(count, scale)(generator, grid, 1)[0]


def _draw_tube(generator: np.random.Generator, grid: Grid, ratio: float) -> np.ndarray:
    """As in V-JEPA's random tubes, int((1 - ratio) * patches) patches are kept."""
    plane = _choose(generator, grid[1] * grid[2], ratio).reshape(1, *grid[1:])
    return np.broadcast_to(plane, grid)


def _draw_random(generator: np.random.Generator, grid: Grid, ratio: float) -> np.ndarray:
    return _choose(generator, int(np.prod(grid)), ratio).reshape(grid)


def _choose(generator: np.random.Generator, count: int, ratio: float) -> np.ndarray:
    kept = generator.permutation(count)[: int((1 - ratio) * count)]
    hidden = np.ones(count, bool)
    hidden[kept] = False
    return hidden


def _draw_future(generator: np.random.Generator, grid: Grid, ratio: float) -> np.ndarray:
    hidden = np.zeros(grid, bool)
    hidden[grid[0] - round(ratio * grid[0]) :] = True
    return hidden


def _draw_past(generator: np.random.Generator, grid: Grid, ratio: float) -> np.ndarray:
    return _draw_future(generator, grid, ratio)[::-1]


def _draw_every_other(generator: np.random.Generator, grid: Grid, ratio: float) -> np.ndarray:
    hidden = np.zeros(grid, bool)
    hidden[1::2] = True
    return hidden


MASKS: dict[str, Draw] = {
    "multi-block": _draw_blocks(8, 0.15),
    "multi-block-long": _draw_blocks(2, 0.7),
    "tube": _draw_tube,
    "random": _draw_random,
    "future": _draw_future,
    "past": _draw_past,
    "every-other": _draw_every_other,
}
