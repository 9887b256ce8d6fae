"""The network: torch's pre-norm blocks, alternately over the slices of a patch, causally, and over the patches of a slice.

What it adds to the last slice is the prediction of the next one. The layer that says it starts at zero, so that an unfitted model is a copy,
and its input is not normalized, so that linear dynamics are within its reach.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

INIT_STD = 0.02
MLP_RATIO = 4


@dataclass(frozen=True, kw_only=True)
class NetworkShape:
    """Numbers per token, width, blocks, heads, and the most slices and tokens per side."""

    dim: int
    width: int
    depth: int
    heads: int
    block: int
    side: int


class SliceTransformer(nn.Module):
    """A transformer from slices (B, S, H, W, D) to the prediction of the slice after each, in the same shape."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        width = shape.width
        self.shape = shape
        self.embed, self.head = nn.Linear(shape.dim, width), nn.Linear(width, shape.dim)
        self.slices = nn.Parameter(torch.empty(shape.block, width))
        self.rows = nn.Parameter(torch.empty(shape.side, width))
        self.columns = nn.Parameter(torch.empty(shape.side, width))
        self.over_time = nn.ModuleList(_make_block(shape) for _ in range(shape.depth))
        self.over_slice = nn.ModuleList(_make_block(shape) for _ in range(shape.depth))
        for positions in (self.slices, self.rows, self.columns):
            nn.init.normal_(positions, std=INIT_STD)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, slices, height, width, _ = tokens.shape
        places = self.rows[:height, None] + self.columns[:width]
        found = self.embed(tokens) + self.slices[:slices, None, None] + places
        found = found.flatten(2, 3)  # (B, S, N, width)
        hidden = torch.ones(slices, slices, dtype=torch.bool, device=tokens.device).triu(1)
        for over_time, over_slice in zip(self.over_time, self.over_slice):
            columns = found.transpose(1, 2).flatten(0, 1)  # (B N, S, width)
            columns = over_time(columns, src_mask=hidden)
            found = columns.unflatten(0, (batch, -1)).transpose(1, 2)
            found = over_slice(found.flatten(0, 1)).unflatten(0, (batch, slices))
        return tokens + self.head(found).view(tokens.shape)


def _make_block(shape: NetworkShape) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(
        shape.width,
        shape.heads,
        MLP_RATIO * shape.width,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )


def roll_out(network: SliceTransformer, context: Tensor, horizons: int) -> list[Tensor]:
    """The slices after a context (B, S, H, W, D), each (B, H, W, D): every prediction is seen by the next."""
    seen, found = context[:, -network.shape.block :], []
    for _ in range(horizons):
        found.append(network(seen)[:, -1])
        seen = torch.cat([seen, found[-1][:, None]], 1)[:, -network.shape.block :]
    return found
