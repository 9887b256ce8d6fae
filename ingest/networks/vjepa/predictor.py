"""The predictor: context tokens of an encoder and the places of targets -> what the encoder would output there."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from tubelet.ingest.networks.vjepa.blocks import Block, norm
from tubelet.ingest.networks.vjepa.positions import Grid, PairTransform, resize_table, sincos_table
from tubelet.ingest.networks.vjepa.shapes import PredictorConfig


@dataclass(frozen=True)
class Masks:
    """Ids of the tokens that are given, `context` (B, Nc), and of those to predict, `targets` (B, Nt), numbered on `grid`.

    Meta numbers them on the square grid that a model was configured with, whatever the clip: ours is the grid as given, so that
    rectangles have their own. Targets past the last slice are the future.
    """

    context: torch.Tensor
    targets: torch.Tensor
    grid: Grid

    def __post_init__(self) -> None:
        shapes = tuple(self.context.shape), tuple(self.targets.shape)
        if any(len(shape) != 2 or not shape[1] for shape in shapes) or shapes[0][0] != shapes[1][0]:
            raise ValueError(
                f"context and targets are token ids (B, Nc) and (B, Nt), one row per clip, not {shapes[0]} and {shapes[1]}"
            )
        if min(self.grid[1:]) < 2:
            raise ValueError(f"{self.grid = } has a side under two patches")
        if min(self.context.min(), self.targets.min()) < 0:
            raise ValueError("token ids count from 0: context or targets hold a negative one")

    @property
    def ids(self) -> torch.Tensor:
        """Context, then targets: (B, Nc + Nt)."""
        return torch.cat([self.context, self.targets], dim=1).long()


class Predictor(nn.Module):
    """A predictor of any generation; its tensor names are those of Meta's files without their prefixes."""

    predictor_pos_embed: torch.Tensor  # where positions are added

    def __init__(self, config: PredictorConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.dim
        self.predictor_embed = _embedding(config)
        self.mask_tokens = nn.ParameterList(
            torch.zeros(1, 1, dim) for _ in range(config.mask_tokens)
        )
        if config.generation.images:
            self.video_mod_embed = nn.Parameter(torch.zeros(1, 1, dim))
            self.img_mod_embed = nn.Parameter(torch.zeros(1, 1, dim))
        if config.added is not None:
            self.register_buffer("predictor_pos_embed", sincos_table(config.added, dim))
        self.predictor_blocks = nn.ModuleList(
            Block(dim, config.heads, config.mlp) for _ in range(config.depth)
        )
        self.predictor_norm = norm(dim)
        self.predictor_proj = nn.Linear(dim, config.outputs)
        if config.generation.answers_context:
            self.predictor_proj_context = nn.Linear(dim, config.outputs)

    def forward(
        self, context: torch.Tensor, masks: Masks, mask_index: int = 0, image: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Encoder output of the context tokens alone, (B, Nc, inputs) -> targets (B, Nt, outputs) and context (B, Nc, outputs).

        Both come in the order of their masks; the second is None where the generation does not predict its context. `mask_index`
        chooses the mask token, modulo their number: 2.1 trained token 0 alone, Meta's evaluations take the untrained token 1, V-JEPA 1
        trained 0 for short and 1 for long masks. Raises ValueError for a context of another shape and for options that the generation lacks.
        """
        tokens = self._run_blocks(self._prepare(context, masks, mask_index, image), masks, 0)
        given, asked = self.predictor_norm(tokens).tensor_split([context.shape[1]], dim=1)
        return self.predictor_proj(asked), self.predictor_proj_context(
            given
        ) if self.config.generation.answers_context else None

    def predict(self, context: torch.Tensor, masks: Masks, last: int | None = None) -> torch.Tensor:
        """The targets of `forward` for a video and mask token 0, or the `last` of them alone: computations that only other tokens need are skipped."""
        count = masks.targets.shape[1] if last is None else last
        since = masks.ids.shape[1] - count
        tokens = self._run_blocks(self._prepare(context, masks, 0, False), masks, since)
        return self.predictor_proj(self.predictor_norm(tokens))

    def _prepare(
        self, context: torch.Tensor, masks: Masks, mask_index: int, image: bool
    ) -> torch.Tensor:
        """What enters the blocks, (B, Nc + Nt, D)."""
        self._check(context, masks, image)
        tokens = self._embed(context, masks, mask_index)
        if self.config.generation.images:
            tokens = tokens + (self.img_mod_embed if image else self.video_mod_embed)
        return tokens

    def _run_blocks(self, tokens: torch.Tensor, masks: Masks, since: int) -> torch.Tensor:
        """The tokens from `since` on after the blocks; the last of these computes no others."""
        turns = self._turns(masks)
        *inner, last = self.predictor_blocks
        for block in inner:
            tokens = block(tokens, turns)
        return last(tokens, turns, since)

    def _check(self, context: torch.Tensor, masks: Masks, image: bool) -> None:
        wanted = (*masks.context.shape, self.config.inputs)
        if context.shape != wanted:
            raise ValueError(
                f"the context is the encoder's output of the tokens masked in, {wanted}, not {tuple(context.shape)}"
            )
        if image and not self.config.generation.images:
            raise ValueError(f"{self.config.generation.name} has no embedding for images")
        if self.config.generation.rotary is None and masks.ids.max() >= math.prod(masks.grid):
            raise ValueError(
                f"{self.config.generation.name} has positions for the grid's {math.prod(masks.grid)} tokens alone"
            )

    def _embed(self, context: torch.Tensor, masks: Masks, mask_index: int) -> torch.Tensor:
        """Context and copies of the mask token, in the type of the weights, with positions if those are added."""
        blank = self.mask_tokens[mask_index % self.config.mask_tokens]
        tokens = torch.cat(
            [self.predictor_embed(context).to(blank.dtype), blank.expand(*masks.targets.shape, -1)],
            dim=1,
        )
        if self.config.added is None:
            return tokens
        table = resize_table(self.predictor_pos_embed, self.config.added, masks.grid, cut=False)
        return tokens + table[0, masks.ids].to(tokens.dtype)

    def _turns(self, masks: Masks) -> PairTransform | None:
        rotary = self.config.rotary
        if rotary is None:
            return None
        head_dim = self.config.dim // self.config.heads
        return rotary.turns(masks.ids[:, :, None, None], masks.grid, head_dim)


def _embedding(config: PredictorConfig) -> nn.Module:
    if config.hidden is None:
        return nn.Linear(config.inputs, config.dim)
    return nn.Sequential(
        nn.Linear(config.inputs, config.hidden), nn.GELU(), nn.Linear(config.hidden, config.dim)
    )
