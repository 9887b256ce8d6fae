"""Muon for a processor that has no instructions for bf16."""

from typing import Any

import torch

from tubelet.array_types import Float32

QUINTIC = 3.4445, -4.775, 2.0315  # of Jordan (2024): steep at 0, so that five iterations do
ITERATIONS, LEAST_NORM = 5, 1e-7


class Float32Muon(torch.optim.Muon):
    """PyTorch's Muon with `match_rms_adamw`, its settings and its state, but iterating in float32: emulated bf16, which PyTorch iterates in, takes most of a training step."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # gradients are there
        for group in self.param_groups:
            for weights in group["params"]:
                if weights.grad is not None:
                    self._move(weights, weights.grad, group)

    def _move(self, weights: torch.Tensor, gradient: torch.Tensor, group: dict[str, Any]) -> None:
        average = self.state[weights].setdefault("momentum_buffer", torch.zeros_like(gradient))
        average.lerp_(gradient, 1 - group["momentum"])
        direction = gradient.lerp(average, group["momentum"])
        weights.mul_(1 - group["lr"] * group["weight_decay"])
        length = 0.2 * max(weights.shape) ** 0.5  # an entry's mean square is that of AdamW's steps
        weights.sub_(orthogonalize(direction), alpha=group["lr"] * length)


def orthogonalize(matrix: Float32[torch.Tensor, "n m"]) -> Float32[torch.Tensor, "n m"]:
    """The nearest matrix whose singular values are all alike, about 1: between 0.7 and 1.2, as Muon leaves them."""
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide / wide.norm().clamp(min=LEAST_NORM)
    linear, cubic, fifth = QUINTIC
    for _ in range(ITERATIONS):
        gram = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=cubic, alpha=fifth), wide, beta=linear)  # fmt: skip
    return wide.T if matrix.shape[0] > matrix.shape[1] else wide
