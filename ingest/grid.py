"""Token grids: what every encoder returns."""

from dataclasses import dataclass

import torch

from tubelet.array_types import Float32


@dataclass(frozen=True)
class TokenGrids:
    """Embeddings of a batch of clips, ``(B, S, H, W, D)`` in float32: clips, slices, patch rows, patch columns, dimensions."""

    embeddings: Float32[torch.Tensor, "B S H W D"]

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 5 or self.embeddings.dtype != torch.float32:
            raise ValueError(
                f"token grids are float32 (B, S, H, W, D), not {self.embeddings.dtype} {tuple(self.embeddings.shape)}"
            )
