"""Shifting: the same frames in two windows one slice apart. How much do their tokens differ, where, and in which dimensions?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Shift:
    """One pair of windows: `relative` (shared slices, D) is the mean difference of a dimension over its spread among the tokens."""

    relative: np.ndarray

    @property
    def size(self) -> float:
        """Mean over dimensions and shared slices."""
        return float(self.relative.mean())

    @property
    def curve(self) -> np.ndarray:
        """Mean over dimensions at each shared slice."""
        return self.relative.mean(1)

    @property
    def edges_over_middle(self) -> float:
        """Mean of the first and last shared slice over that of the middle third."""
        third = len(self.curve) // 3
        return float(
            self.curve[[0, -1]].mean()
            / max(self.curve[third : len(self.curve) - third].mean(), 1e-12)
        )


def shift(earlier: torch.Tensor, later: torch.Tensor) -> Shift:
    """Two token grids (S, H, W, D), the second one slice later: S - 1 slices show the same frames in both.

    Dividing by the spread removes each dimension's scale; a dimension that never varies counts as unchanged.
    """
    difference = (earlier[1:] - later[:-1]).abs().mean((1, 2))
    spread = torch.cat([earlier, later]).flatten(0, 2).std(0)
    return Shift((difference / spread.clamp(min=1e-6)).double().numpy())


def consistency(shifts: Sequence[Shift]) -> list[float]:
    """For each video the mean rank correlation of its dimensions' sensitivities with those of every other video: 0 is chance.

    Empty if fewer than two videos differ at all: what never changes has no ranking.
    """
    ranks = np.array(
        [found.relative.mean(0).argsort().argsort() for found in shifts if found.size], float
    )
    if len(ranks) < 2:
        return []
    correlations = np.corrcoef(ranks)
    return ((correlations.sum(1) - 1) / (len(ranks) - 1)).tolist()
