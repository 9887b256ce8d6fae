"""Where a token is, as the networks see it: queries and keys turn (V-JEPA 2 and 2.1), or a table is added (V-JEPA 1).

    Grid, coordinates     tokens are numbered by slice, row, column
    Rotary                token ids -> Turns, as a generation does it: `interleave` or `tile` the angles
    rotate                queries and keys after their Turns
    sincos_table          the table of a grid; `resize_table` stretches it to another grid

Positions are float32 whatever the network computes in.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

Grid = tuple[int, int, int]  # slices, rows, columns
TRAINED_SIDE = 16  # rows and columns of the pretraining grid: interpolated positions run from 0 to 15 whatever the picture
BASE = 10000.0  # of the frequencies, for rotations and the table alike


def coordinates(ids: torch.Tensor, grid: Grid) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Slice, row and column of token ids; ids past the grid's last slice are in future slices."""
    _, rows, columns = grid
    return ids // (rows * columns), ids // columns % rows, ids % columns


@dataclass(frozen=True)
class Piece:
    """A piece of a larger picture: the `grid` of the whole, and the id on it of each token of the piece, ``ids`` (N,)."""

    ids: torch.Tensor
    grid: Grid


@dataclass(frozen=True)
class PairTransform:
    """The transform of pairs of neighboring components, each read as one complex number z: ``z * straight + conj(z) * mirrored``.

    Both are (..., pairs); without a mirrored part the pairs are rotated.
    """

    straight: torch.Tensor
    mirrored: torch.Tensor | None = None


def interleave(angles: torch.Tensor) -> PairTransform:
    """V-JEPA 2.1: both components of pair m take angle m of (..., pairs)."""
    return PairTransform(_unit(angles))


def tile(angles: torch.Tensor) -> PairTransform:
    """V-JEPA 2: component e takes angle e mod pairs, so the two of a pair turn by different angles u and v.

    (a, b) becomes (a cos u - b sin u, b cos v + a sin v): not a rotation, but what the weights were trained with.
    """
    pairs = angles.shape[-1]
    angle_of = torch.arange(2 * pairs, device=angles.device) % max(pairs, 1)
    first, second = _unit(angles[..., angle_of[0::2]]), _unit(angles[..., angle_of[1::2]])
    return PairTransform((first + second) / 2, (first - second).conj() / 2)


def _unit(angles: torch.Tensor) -> torch.Tensor:
    return torch.polar(torch.ones_like(angles), angles)


@dataclass(frozen=True)
class Rotary:
    """Rotary positions: a third of each head's components for time, rows, columns; the rest is not rotated.

    Interpolated, rows and columns are stretched to 0..15; time always counts slices.
    """

    turning: Callable[[torch.Tensor], PairTransform]
    interpolated: bool

    def turns(self, ids: torch.Tensor, grid: Grid, head_dim: int) -> PairTransform:
        """Token ids (...) on a grid -> Turns (..., ceil(head_dim / 2))."""
        pairs = head_dim // 3 // 2
        spacings = (1.0, *(self._spacing(count) for count in grid[1:]))
        axes = [
            self.turning(_angles(at * spacing, pairs))
            for at, spacing in zip(coordinates(ids, grid), spacings, strict=True)
        ]
        at_rest = torch.zeros(
            *ids.shape, (head_dim + 1) // 2 - 3 * pairs, dtype=torch.complex64, device=ids.device
        )
        straight = torch.cat([*(axis.straight for axis in axes), at_rest + 1], dim=-1)
        mirrored = [axis.mirrored for axis in axes if axis.mirrored is not None]
        return PairTransform(
            straight, torch.cat([*mirrored, at_rest], dim=-1) if mirrored else None
        )

    def _spacing(self, count: int) -> float:
        return (TRAINED_SIDE - 1) / (count - 1) if self.interpolated else 1.0


def _angles(positions: torch.Tensor, pairs: int) -> torch.Tensor:
    """One axis: positions (...) -> p 10000^(-m / pairs) for pair m, (..., pairs)."""
    frequencies = BASE ** (
        -torch.arange(pairs, dtype=torch.float32, device=positions.device) / pairs
    )
    return positions[..., None].float() * frequencies


def rotate(vectors: torch.Tensor, turns: PairTransform) -> torch.Tensor:
    """Vectors (..., head_dim) after their Turns, in float32.

    A complex product reads and writes every value once: on a CPU six times faster than cosines, sines and a swap of neighbors.
    """
    head_dim = vectors.shape[-1]
    paired = F.pad(vectors, (0, 1)) if head_dim % 2 else vectors
    pairs = torch.view_as_complex(paired.float().unflatten(-1, (-1, 2)))
    turned = pairs * turns.straight
    if turns.mirrored is not None:
        turned = turned + pairs.conj() * turns.mirrored
    return torch.view_as_real(turned).flatten(-2)[..., :head_dim]


def sincos_table(grid: Grid, dim: int) -> torch.Tensor:
    """V-JEPA 1's positions, (1, N, dim): for time, rows and columns in turn sines, then cosines, of p 10000^(-m / count); cut to `dim`."""
    count = math.ceil(dim / 6)  # sines of an axis, and as many cosines
    frequencies = BASE ** (-np.arange(count) / count)
    axes = [
        np.multiply.outer(positions, frequencies) for positions in np.indices(grid).reshape(3, -1)
    ]
    table = np.concatenate(
        [part for angles in axes for part in (np.sin(angles), np.cos(angles))], axis=1
    )
    return torch.from_numpy(table[None, :, :dim].astype(np.float32))


def resize_table(table: torch.Tensor, trained: Grid, grid: Grid, cut: bool) -> torch.Tensor:
    """A table (1, N, D) of one grid for another, in float32: trilinear in time, rows and columns.

    With `cut`, fewer slices of the trained size are its first ones, unstretched.
    """
    if cut and grid[1:] == trained[1:] and grid[0] <= trained[0]:
        return table[:, : math.prod(grid)].float()
    cells = table.float().transpose(1, 2).unflatten(2, trained)  # (1, D, S, H, W)
    return (
        F.interpolate(cells, size=grid, mode="trilinear", align_corners=False)
        .flatten(2)
        .transpose(1, 2)
    )
