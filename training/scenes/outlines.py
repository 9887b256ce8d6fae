"""Outlines: random closed curves around a center, drawn as masks."""

from collections.abc import Callable

import numpy as np
import torch

HARMONICS = 5


def disc(side: int) -> torch.Tensor:
    """A mask (side, side) in 0..1 of the inscribed disc, its border a pixel soft."""
    return _fill_outline(side, np.ones_like)


def blob(generator: np.random.Generator, side: int) -> torch.Tensor:
    """A mask (side, side) in 0..1 whose border wanders between three tenths and the whole of the half side."""
    orders = np.arange(1, HARMONICS + 1)
    sizes = generator.normal(size=HARMONICS) / orders
    phases = generator.uniform(0, 2 * np.pi, HARMONICS)

    def radius(angles: np.ndarray) -> np.ndarray:
        waves = (sizes * np.cos(angles[..., None] * orders + phases)).sum(-1)
        return 0.3 + 0.7 / (1 + np.exp(-1.5 - 1.5 * waves))

    return _fill_outline(side, radius)


def _fill_outline(side: int, radius: Callable[[np.ndarray], np.ndarray]) -> torch.Tensor:
    axis = (np.arange(side) + 0.5) / side * 2 - 1
    y, x = np.meshgrid(axis, axis, indexing="ij")
    inside = radius(np.arctan2(y, x)) - np.hypot(y, x)
    return torch.from_numpy(np.clip(inside * side / 2 + 0.5, 0, 1).astype(np.float32))
