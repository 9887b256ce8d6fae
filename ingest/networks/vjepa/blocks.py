"""What encoders and predictors are made of: patch embeddings and pre-norm transformer blocks.

Tensor names are those of Meta's files without their prefixes. Modules compute in the type of their weights or of autocast; positions are
float32, and queries and keys are cast back to the type of the values.
"""

import torch
from torch import nn
from torch.nn import functional as F

from tubelet.ingest.networks.vjepa.positions import Grid, PairTransform, rotate

NORM_EPS = 1e-6


class PatchEmbedding(nn.Module):
    """Cuts pixels into tubelets and projects each; `proj` holds the weights of Meta's strided convolution."""

    def __init__(self, dim: int, tubelet: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv3d(3, dim, (tubelet, patch, patch), (tubelet, patch, patch))

    def forward(self, pixels: torch.Tensor, grid: Grid) -> torch.Tensor:
        """(B, 3, T, H, W) -> (B, N, D) as a matrix product, which no cuDNN setting (TF32) or slow half-precision kernel touches."""
        slices, rows, columns = grid
        tubelet, patch, _ = self.proj.kernel_size
        pixels = pixels[:, :, : slices * tubelet, : rows * patch, : columns * patch].to(
            self.proj.weight.dtype
        )
        cells = (
            pixels.unflatten(4, (columns, patch))
            .unflatten(3, (rows, patch))
            .unflatten(2, (slices, tubelet))
        )
        cells = (
            cells.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4).flatten(1, 3)
        )  # (B, N, 3 * tubelet * patch * patch)
        return F.linear(cells, self.proj.weight.flatten(1), self.proj.bias)


class Attention(nn.Module):
    """Self-attention over all tokens given, with optional rotary positions on queries and keys."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(
        self, tokens: torch.Tensor, turns: PairTransform | None, since: int = 0
    ) -> torch.Tensor:
        """(B, N, D) -> (B, N - since, D), of the tokens from `since` on; turns are (B or 1, N, 1, 1, pairs)."""
        qkv = self.qkv(tokens).unflatten(-1, (3, self.heads, -1))  # (B, N, 3, heads, head_dim)
        values = qkv[:, :, 2]
        placed = qkv[:, :, :2] if turns is None else rotate(qkv[:, :, :2], turns).to(values.dtype)
        queries, keys = placed.unbind(2)
        mixed = F.scaled_dot_product_attention(
            queries[:, since:].transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2)
        )
        return self.proj(mixed.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Two linear layers around the exact (erf) GELU."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.fc2(F.gelu(self.fc1(tokens)))


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, dim: int, heads: int, mlp: int) -> None:
        super().__init__()
        self.norm1 = norm(dim)
        self.attn = Attention(dim, heads)
        self.norm2 = norm(dim)
        self.mlp = Mlp(dim, mlp)

    def forward(
        self, tokens: torch.Tensor, turns: PairTransform | None, since: int = 0
    ) -> torch.Tensor:
        """(B, N, D) -> (B, N - since, D): all tokens are attended to, those from `since` on come out."""
        tokens = tokens[:, since:] + self.attn(self.norm1(tokens), turns, since)
        return tokens + self.mlp(self.norm2(tokens))


def norm(dim: int) -> nn.LayerNorm:
    return nn.LayerNorm(dim, eps=NORM_EPS)
