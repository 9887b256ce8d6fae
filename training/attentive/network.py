"""The network: LayerNorm, multi-head cross-attention of one learned query over the tokens, a two-layer MLP, and a linear layer, as in V-JEPA (Bardes et al. 2024).

There is one query, and it is the same for every clip. So the product of a head's query with the keys of all tokens is a product of the tokens
with one vector, and its sum over values is a product of one vector with the value matrix: neither keys nor values of tokens are ever made. That
changes no number, and costs ``2 * heads`` products per token in place of ``2 * D``.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEAD_DIM = 64
MLP_RATIO = 4
INIT_STD = 0.02
EPS = 1e-5


class AttentiveProbe(nn.Module):
    """A block of `heads` over tokens of `dim` dimensions, and `outputs` classes or numbers."""

    def __init__(self, dim: int, heads: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Parameter(torch.zeros(dim))
        self.norm1, self.norm2 = nn.LayerNorm(dim, EPS), nn.LayerNorm(dim, EPS)
        self.q, self.k, self.v, self.proj = (nn.Linear(dim, dim) for _ in range(4))
        self.fc1, self.fc2 = nn.Linear(dim, MLP_RATIO * dim), nn.Linear(MLP_RATIO * dim, dim)
        self.head = nn.Linear(dim, outputs)
        self._initialize(generator)

    def _initialize(self, generator: torch.Generator) -> None:
        nn.init.trunc_normal_(self.query, std=INIT_STD, generator=generator)
        for layer in (self.q, self.k, self.v, self.proj, self.fc1, self.fc2, self.head):
            nn.init.trunc_normal_(layer.weight, std=INIT_STD, generator=generator)
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.proj.weight /= math.sqrt(2)
            self.fc2.weight /= math.sqrt(2)

    def attention_vectors(self) -> Tensor:
        """One vector per head (heads, D): its products with normalized tokens are the scores of attention, but for what is the same for all tokens."""
        queries = self.q(self.query).view(self.heads, -1)
        keys = self.k.weight.view(self.heads, -1, len(self.query))
        return torch.einsum("hc,hcd->hd", queries, keys) * self.norm1.weight / math.sqrt(queries.shape[1])  # fmt: skip

    def answer(self, pooled: Tensor) -> Tensor:
        """Map normalized tokens, averaged by the attention of each head (B, heads, D), to answers (B, outputs)."""
        seen = pooled * self.norm1.weight + self.norm1.bias
        values = self.v.weight.view(self.heads, -1, len(self.query))
        of_heads = torch.einsum("bhd,hcd->bhc", seen, values).flatten(1) + self.v.bias
        token = self.query + self.proj(of_heads)
        return self.head(token + self.fc2(F.gelu(self.fc1(self.norm2(token)))))


def normalize(tokens: Tensor) -> Tensor:
    """Tokens (B, N, D) in single precision, each of mean 0 and variance 1: LayerNorm before its weights."""
    return F.layer_norm(tokens.float(), tokens.shape[-1:], eps=EPS)


def attend(vectors: Tensor, normalized: Tensor) -> tuple[Tensor, Tensor]:
    """The attention of vectors (K, D) over normalized tokens (B, N, D): its weights (B, K, N), and the tokens averaged by them (B, K, D)."""
    weights = torch.softmax(vectors @ normalized.transpose(1, 2), dim=2)
    return weights, weights @ normalized


def answer_all(probes: Sequence[AttentiveProbe], normalized: Tensor) -> list[Tensor]:
    """What several probes predict from the same tokens, which are read once for all of them."""
    vectors = torch.cat([probe.attention_vectors() for probe in probes])
    pooled = attend(vectors, normalized)[1].split([probe.heads for probe in probes], dim=1)
    return [probe.answer(part) for probe, part in zip(probes, pooled)]


def choose_heads(dim: int) -> int:
    """Heads of 64 dimensions, as the encoders have; the next lower number that divides `dim`."""
    return next(n for n in range(max(1, dim // HEAD_DIM), 0, -1) if dim % n == 0)
