"""The token grid: what every encoder returns."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class TokenGrid:
    """Embeddings of one clip, ``(S, H, W, D)`` in float32: slices, patch rows, patch columns, dimensions."""

    embeddings: torch.Tensor

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 4 or self.embeddings.dtype != torch.float32:
            raise ValueError(f"a token grid is float32 (S, H, W, D), not {self.embeddings.dtype} {tuple(self.embeddings.shape)}")
