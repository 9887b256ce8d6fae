"""The head in torch: linear per token, two convolutions of 3 x 3 over patches, each added to what it sees, and linear to the pixels of a patch.

It sees one slice and the neighbors of a patch, two patches far, and nothing else: what it draws is in these tokens. `latent/decoding/head.py` is the same in NumPy.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class TokenDecoder(nn.Module):
    """A network from scaled tokens (B, H, W, D) to pixels per token (B, H, W, patch * patch * 3), 0 to 1."""

    def __init__(self, dim: int, width: int, patch: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(dim, width), nn.Linear(width, patch * patch * 3)
        self.near = nn.Conv2d(width, width, 3, padding=1, padding_mode="replicate")
        self.far = nn.Conv2d(width, width, 3, padding=1, padding_mode="replicate")

    def forward(self, tokens: Tensor) -> Tensor:
        found = F.relu(self.first(tokens)).permute(0, 3, 1, 2)
        for convolution in (self.near, self.far):
            found = found + F.relu(convolution(found))
        return self.last(found.permute(0, 2, 3, 1))


def make_decoder(dim: int, width: int, patch: int, seed: int) -> TokenDecoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TokenDecoder(dim, width, patch)
