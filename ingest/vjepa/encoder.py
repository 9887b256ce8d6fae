"""The V-JEPA 2.1 encoder: pixels -> patch embedding -> blocks with rotary positions -> four normed levels.

    VisionTransformerConfig   the numbers that tell a ViT-B from a ViT-G, and the token grid of a clip
    rotations, rotated        positions as unit complex numbers, and what they do to queries and keys
    VisionTransformer         the module; its tensor names are those of Meta's files without their prefixes

The arithmetic is that of facebookresearch/vjepa2 (MIT) at 204698b, `app/vjepa_2_1`; the tests hold it to outputs of that code.
The module computes in the type of its weights, positions and rotation always in float32.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from store.errors import TubeletError

TRAINED_SIDE = 16  # rows and columns of the pretraining grid: whatever the crop, row and column positions run from 0 to 15
NORM_EPS = 1e-6


class PixelsError(TubeletError, ValueError):
    """Pixels that give the encoder no tokens, or tokens without positions."""


@dataclass(frozen=True)
class VisionTransformerConfig:
    """The shape of one encoder: `mlp` is the hidden width, `levels` the 0-based blocks whose output is normed and returned."""

    dim: int
    depth: int
    heads: int
    mlp: int
    levels: tuple[int, ...]
    patch: int = 16
    tubelet: int = 2

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ValueError(f"{self.dim = } is no multiple of {self.heads = }")
        if not self.levels or list(self.levels) != sorted(set(self.levels) & set(range(self.depth))):
            raise ValueError(f"{self.levels = } are not rising block indices under {self.depth = }")

    def grid(self, frames: int, height: int, width: int) -> tuple[int, int, int]:
        """Slices, rows, columns of the tokens of a clip; an odd last frame and pixels beyond a whole patch make no token.

        Raises PixelsError under one tubelet of frames (a single frame is an image, one slice) or under two patches a side, because
        positions are stretched over rows - 1 and columns - 1.
        """
        slices = 1 if frames == 1 else frames // self.tubelet
        if slices < 1:
            raise PixelsError(f"{frames} frames make no token: give V-JEPA 2.1 one frame or at least {self.tubelet}")
        if min(height, width) < 2 * self.patch:
            smallest = 2 * self.patch
            raise PixelsError(f"{height} x {width} px is too small for V-JEPA 2.1: choose a size of at least {smallest} x {smallest} px")
        return slices, height // self.patch, width // self.patch


def rotations(grid: tuple[int, int, int], head_dim: int, device: torch.device | None = None) -> torch.Tensor:
    """Rotary positions of every token, (N, ceil(head_dim / 2)) unit complex numbers: pairs for time, rows, columns, then pairs at rest.

    Time counts slices; rows and columns are interpolated to 0..15 on the grid that the clip really has.
    """
    slices, rows, columns = grid
    pairs = head_dim // 3 // 2
    parts = (
        _axis_rotations(_positions(slices, 1.0, device), pairs)[:, None, None],
        _axis_rotations(_positions(rows, (TRAINED_SIDE - 1) / (rows - 1), device), pairs)[None, :, None],
        _axis_rotations(_positions(columns, (TRAINED_SIDE - 1) / (columns - 1), device), pairs)[None, None, :],
        torch.ones(1, 1, 1, (head_dim + 1) // 2 - 3 * pairs, dtype=torch.complex64, device=device),
    )
    return torch.cat([part.expand(slices, rows, columns, -1) for part in parts], dim=-1).flatten(0, 2)


def _positions(count: int, spacing: float, device: torch.device | None) -> torch.Tensor:
    return torch.arange(count, dtype=torch.float32, device=device) * spacing


def _axis_rotations(positions: torch.Tensor, pairs: int) -> torch.Tensor:
    """One axis, (n, pairs): exp(i p 10000^(-m / pairs)) for position p and pair m."""
    frequencies = 10000.0 ** (-torch.arange(pairs, dtype=torch.float32, device=positions.device) / pairs)
    angles = positions[:, None] * frequencies
    return torch.polar(torch.ones_like(angles), angles)


def rotated(vectors: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Vectors (..., head_dim) with neighbouring components turned as one complex number each, in float32.

    One complex product reads and writes every value once: on a CPU six times faster than cosines, sines and a swap of neighbours.
    """
    head_dim = vectors.shape[-1]
    paired = F.pad(vectors, (0, 1)) if head_dim % 2 else vectors
    pairs = torch.view_as_complex(paired.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turns).flatten(-2)[..., :head_dim]


class PatchEmbedding(nn.Module):
    """Cuts pixels into tubelets and projects each; `proj` holds the weights of Meta's strided convolution."""

    def __init__(self, dim: int, tubelet: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv3d(3, dim, (tubelet, patch, patch), (tubelet, patch, patch))

    def forward(self, pixels: torch.Tensor, grid: tuple[int, int, int]) -> torch.Tensor:
        """(B, 3, T, H, W) -> (B, N, D) as a matrix product, which no cuDNN setting (TF32) or slow half-precision kernel touches."""
        slices, rows, columns = grid
        tubelet, patch, _ = self.proj.kernel_size
        pixels = pixels[:, :, : slices * tubelet, : rows * patch, : columns * patch].to(self.proj.weight.dtype)
        cells = pixels.unflatten(4, (columns, patch)).unflatten(3, (rows, patch)).unflatten(2, (slices, tubelet))
        cells = cells.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4).flatten(1, 3)  # (B, N, 3 * tubelet * patch * patch)
        return F.linear(cells, self.proj.weight.flatten(1), self.proj.bias)


class Attention(nn.Module):
    """Self-attention over all tokens given, with rotary positions on queries and keys."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, tokens: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        """(B, N, D) -> (B, N, D); turns is (B or 1, N, 1, 1, pairs)."""
        qkv = self.qkv(tokens).unflatten(-1, (3, self.heads, -1))  # (B, N, 3, heads, head_dim)
        values = qkv[:, :, 2]
        queries, keys = rotated(qkv[:, :, :2], turns).to(values.dtype).unbind(2)
        mixed = F.scaled_dot_product_attention(queries.transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2))
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

    def __init__(self, config: VisionTransformerConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.dim, eps=NORM_EPS)
        self.attn = Attention(config.dim, config.heads)
        self.norm2 = nn.LayerNorm(config.dim, eps=NORM_EPS)
        self.mlp = Mlp(config.dim, config.mlp)

    def forward(self, tokens: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self.attn(self.norm1(tokens), turns)
        return tokens + self.mlp(self.norm2(tokens))


class VisionTransformer(nn.Module):
    """The encoder. Build it under `torch.device("meta")` when weights are loaded afterwards: that costs neither memory nor time."""

    def __init__(self, config: VisionTransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.patch_embed = PatchEmbedding(config.dim, config.tubelet, config.patch)
        self.patch_embed_img = PatchEmbedding(config.dim, 1, config.patch)
        self.video_mod_embed = nn.Parameter(torch.zeros(1, 1, config.dim))
        self.img_mod_embed = nn.Parameter(torch.zeros(1, 1, config.dim))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norms_block = nn.ModuleList(nn.LayerNorm(config.dim, eps=NORM_EPS) for _ in config.levels)

    def forward(self, pixels: torch.Tensor, kept: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Normalised float pixels (B, 3, T, H, W) -> the normed levels, each (B, N, D); the last one is the encoder's output.

        T == 1 is an image, with its own patch kernel. Tokens are ordered by slice, row, column, and numbered from 0 in that order.
        `kept`, integer ids (B, K) in any order, leaves the model those tokens alone, before the blocks: the others are never attended to.
        Raises PixelsError for shapes without tokens or positions, ValueError for ids of the wrong shape.
        """
        if pixels.ndim != 5 or pixels.shape[1] != 3:
            raise PixelsError(f"pixels are (B, 3, T, H, W), T = 1 for images, not {tuple(pixels.shape)}")
        grid = self.config.grid(*pixels.shape[2:])
        tokens = self._embedded(pixels, grid)
        turns = rotations(grid, self.config.dim // self.config.heads, pixels.device)[None]
        if kept is not None:
            tokens, turns = _restricted(tokens, turns, kept)
        return self._levels(tokens, turns[:, :, None, None])

    def _embedded(self, pixels: torch.Tensor, grid: tuple[int, int, int]) -> torch.Tensor:
        if pixels.shape[2] == 1:
            return self.patch_embed_img(pixels, grid) + self.img_mod_embed
        return self.patch_embed(pixels, grid) + self.video_mod_embed

    def _levels(self, tokens: torch.Tensor, turns: torch.Tensor) -> list[torch.Tensor]:
        norms = dict(zip(self.config.levels, self.norms_block, strict=True))
        levels = []
        for index, block in enumerate(self.blocks):
            tokens = block(tokens, turns)
            if index in norms:
                levels.append(norms[index](tokens))
        return levels


def _restricted(tokens: torch.Tensor, turns: torch.Tensor, kept: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens (B, N, D) and their rotations (1, N, pairs) -> those of the ids kept (B, K), each clip its own."""
    if kept.ndim != 2 or len(kept) != len(tokens):
        raise ValueError(f"kept are token ids (B, K), one row a clip: {kept.shape = } for {len(tokens)} clips")
    kept = kept.long()
    clips = torch.arange(len(tokens), device=kept.device)[:, None]
    return tokens[clips, kept], turns[0, kept]
