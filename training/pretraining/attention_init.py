"""Initialization of attention: each head starts by attending to its own nearby offset.

Rotary positions make the product of two biases a function of the offset between two tokens: with the right ones a head attends to a
neighborhood regardless of content, which saves a few thousand steps of learning that near tokens matter most.
"""

from collections.abc import Iterable
from typing import cast

import numpy as np
import torch

from tubelet.ingest.networks.vjepa import VisionTransformer
from tubelet.ingest.networks.vjepa.blocks import Block
from tubelet.ingest.networks.vjepa.positions import BASE, TRAINED_SIDE

FREQUENCIES = 3  # the fastest of each axis: the others hardly change over a grid
REACH = 1.5  # patches: how far off a head's neighborhood may lie
SHARPNESS = 0.5, 2.5  # limits of an axis' and a frequency's share of the logits


@torch.no_grad()
def init_attention(encoder: VisionTransformer, generator: np.random.Generator, side: int) -> None:
    """Set the biases of queries and keys, and values that pass their input on; `side` is the rows and columns of the grid."""
    dim, heads = encoder.config.dim, encoder.config.heads
    pairs = dim // heads // 3 // 2
    frequencies = torch.tensor(BASE ** (-np.arange(pairs) / pairs))[:FREQUENCIES]
    for block in cast(Iterable[Block], encoder.blocks):  # a ModuleList has no item type
        queries, keys, _ = block.attn.qkv.bias.view(3, heads, -1)
        for head in range(heads):
            size = float(np.sqrt(generator.uniform(*SHARPNESS) * (dim // heads) ** 0.5))
            offsets = (
                generator.uniform(-1, 1, 3)
                * (1, REACH, REACH)
                * (1, *[(TRAINED_SIDE - 1) / (side - 1)] * 2)
            )
            for axis, offset in enumerate(offsets):
                first = 2 * pairs * axis
                place = slice(first, first + 2 * FREQUENCIES)
                angles = frequencies * offset
                queries[head, place] = (
                    size * torch.stack([angles.cos(), angles.sin()], 1).flatten().float()
                )
                keys[head, place] = (
                    size
                    * torch.stack([torch.ones_like(angles), torch.zeros_like(angles)], 1)
                    .flatten()
                    .float()
                )
