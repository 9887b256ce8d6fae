"""The encoder: pixels -> patch embedding -> context kept -> blocks -> normed levels."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from tubelet.ingest.networks.vjepa.blocks import Block, PatchEmbedding, norm
from tubelet.ingest.networks.vjepa.positions import (
    Grid,
    PairTransform,
    Piece,
    resize_table,
    sincos_table,
)
from tubelet.ingest.networks.vjepa.shapes import PixelsError, VisionTransformerConfig


@dataclass(frozen=True)
class PatchTokens:
    """Tokens (B, N, D) as they enter the blocks, and their grid: what several passes over the same clips share."""

    tokens: torch.Tensor
    grid: Grid

    def repeat(self, count: int) -> "PatchTokens":
        """Repeat the positions of one clip `count` times, in the same memory."""
        return PatchTokens(self.tokens.expand(count, -1, -1), self.grid)

    def of_clip(self, number: int) -> "PatchTokens":
        """The positions of one clip alone."""
        return PatchTokens(self.tokens[number : number + 1], self.grid)


class VisionTransformer(nn.Module):
    """An encoder of any generation; its tensor names are those of Meta's files without their prefixes.

    Build it under `torch.device("meta")` when weights are loaded afterwards: that costs neither memory nor time.
    """

    pos_embed: torch.Tensor  # where positions are added

    def __init__(self, config: VisionTransformerConfig) -> None:
        super().__init__()
        self.config = config
        generation, dim = config.generation, config.dim
        self.patch_embed = PatchEmbedding(dim, config.tubelet, config.patch)
        if generation.images:
            self.patch_embed_img = PatchEmbedding(dim, 1, config.patch)
            self.video_mod_embed = nn.Parameter(torch.zeros(1, 1, dim))
            self.img_mod_embed = nn.Parameter(torch.zeros(1, 1, dim))
        if config.added is not None:
            self.register_buffer("pos_embed", sincos_table(config.added, dim))
        self.blocks = nn.ModuleList(
            Block(dim, config.heads, config.mlp) for _ in range(config.depth)
        )
        if generation.hierarchical:
            self.norms_block = nn.ModuleList(norm(dim) for _ in config.levels)
        else:
            self.norm = norm(dim)

    @property
    def final_norm(self) -> nn.LayerNorm:
        """The norm of the output."""
        own = self.config.generation.hierarchical
        return cast(nn.LayerNorm, self.norms_block[-1] if own else self.norm)

    def forward(
        self,
        pixels: torch.Tensor,
        kept: torch.Tensor | None = None,
        wanted: Collection[int] | None = None,
        piece: Piece | None = None,
    ) -> list[torch.Tensor]:
        """Normalized float pixels (B, 3, T, H, W) -> the normed levels, each (B, N, D); the last one is the encoder's output.

        T == 1 is an image to V-JEPA 2.1, with its own patch kernel. Tokens are ordered by slice, row, column, and numbered from 0 in this order.
        `kept`, integer ids (B, K) in any order, keeps only those tokens, before the blocks: the others are never attended to.
        `wanted` names levels by their place in `config.levels`; blocks after the last of them are not computed.
        `piece` says where the pixels lie in a larger picture, and distances between tokens are then those of that picture.
        Raises PixelsError for shapes without tokens or positions, ValueError for ids that are none.
        """
        return self.run_blocks(self.embed(pixels), kept, wanted, piece)

    def embed(self, pixels: torch.Tensor) -> PatchTokens:
        """Pixels as in `forward`, up to the blocks. Raises PixelsError."""
        if pixels.ndim != 5 or pixels.shape[1] != 3:
            raise PixelsError(
                f"pixels are (B, 3, T, H, W), T = 1 for images, not {tuple(pixels.shape)}"
            )
        grid = self.config.grid(*pixels.shape[2:])
        return PatchTokens(self._embed(pixels, grid), grid)

    def run_blocks(
        self,
        patches: PatchTokens,
        kept: torch.Tensor | None = None,
        wanted: Collection[int] | None = None,
        piece: Piece | None = None,
        since: int = 0,
    ) -> list[torch.Tensor]:
        """The rest of `forward`, of the tokens kept from place `since` on."""
        tokens, grid = patches.tokens, patches.grid
        if kept is None:
            ids = torch.arange(math.prod(grid), device=tokens.device)[None]
        else:
            ids = _check_ids(kept, tokens)
            tokens = tokens.gather(1, ids[:, :, None].expand(-1, -1, tokens.shape[2]))
        turns = self._turns(ids, grid) if piece is None else self._turns(piece.ids[ids], piece.grid)
        levels = range(len(self.config.levels)) if wanted is None else wanted
        return self._levels(tokens, turns, levels, since)

    def _embed(self, pixels: torch.Tensor, grid: Grid) -> torch.Tensor:
        """Tokens (B, N, D) with what is added to them, in the type of the weights, under autocast too: they carry the residual stream."""
        image = self.config.generation.images and pixels.shape[2] == 1
        tokens = (self.patch_embed_img if image else self.patch_embed)(pixels, grid)
        if self.config.generation.images:
            tokens = tokens + (self.img_mod_embed if image else self.video_mod_embed)
        if self.config.added is not None:
            tokens = tokens + resize_table(self.pos_embed, self.config.added, grid, self.config.cut)
        return tokens.to(self.patch_embed.proj.weight.dtype)

    def _turns(self, ids: torch.Tensor, grid: Grid) -> PairTransform | None:
        rotary = self.config.generation.rotary
        if rotary is None:
            return None
        return rotary.turns(ids[:, :, None, None], grid, self.config.dim // self.config.heads)

    def _levels(
        self, tokens: torch.Tensor, turns: PairTransform | None, wanted: Collection[int], since: int
    ) -> list[torch.Tensor]:
        own = self.config.generation.hierarchical
        norms = {
            self.config.levels[level]: self.norms_block[level] if own else self.norm
            for level in wanted
        }
        levels = []
        *inner, last = self.blocks[: max(norms) + 1]
        for index, block in enumerate(inner):
            tokens = block(tokens, turns)
            if index in norms:
                levels.append(norms[index](tokens[:, since:]))
        return [*levels, norms[max(norms)](last(tokens, turns, since))]


def _check_ids(kept: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """The ids kept, (B, K) for tokens (B, N, D), as int64. Raises ValueError for another shape and for ids without a token."""
    if kept.ndim != 2 or len(kept) != len(tokens) or not kept.shape[1]:
        raise ValueError(
            f"kept are token ids (B, K), one row per clip: {kept.shape = } for {len(tokens)} clips"
        )
    lowest, highest = kept.aminmax()
    if lowest < 0 or highest >= tokens.shape[1]:
        raise ValueError(
            f"kept are token ids from 0 to {tokens.shape[1] - 1}, not from {int(lowest)} to {int(highest)}"
        )
    return kept.long()
