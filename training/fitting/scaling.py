"""Scaling: mean and standard deviation of each dimension over the training part, so that every dimension weighs the same whatever the encoder's scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tubelet.training.fitting.tokens import Sequences, StretchOptions

SMALLEST = 1e-6  # part of the largest standard deviation below which a dimension is constant


@dataclass(frozen=True)
class Scaling:
    """`mean` and `std`, (D,) each."""

    mean: Tensor
    std: Tensor

    def to(self, device: torch.device) -> "Scaling":
        return Scaling(self.mean.to(device), self.std.to(device))

    def scale(self, tokens: Tensor) -> Tensor:
        return (tokens - self.mean) / self.std


def measure_scaling(clips: Sequences, numbers: Sequence[int], reading: StretchOptions) -> Scaling:
    """One pass over all slices of some clips, in double precision."""
    total = squares = torch.zeros((), dtype=torch.float64)
    tokens = 0
    for batch in reading.read_whole(clips, numbers):
        flat = batch.tokens.flatten(0, -2).cpu().double()
        total, squares = total + flat.sum(0), squares + flat.square().sum(0)
        tokens += len(flat)
    mean = total / tokens
    std = (squares / tokens - mean.square()).clamp_min(0).sqrt()
    constant = std <= SMALLEST * std.max().clamp_min(SMALLEST)
    return Scaling(mean.float(), torch.where(constant, torch.ones_like(std), std).float())
