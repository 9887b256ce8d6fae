"""What compares tokens with texts: the part of a model that stands between its tokens and the space of its texts, with NumPy alone.

The tokens that an encoder puts out lie in a space of their own, and a text in another. SigLIP joins them by attention pooling: a learned
query looks at all tokens of a picture, and its answer passes an MLP. A slice is read as it reads a picture, which gives its own picture
embedding; a patch as a picture of that one token, on which all attention lies. CLIP joins them by a norm and a matrix, TIPS v2 by nothing. Both
were trained on a class token, which the store does not keep: there a slice is the mean direction of its patches.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import special

from tubelet.array_types import Float32
from tubelet.latent import half

POOLING, PROJECTION, SHARED = "pooling", "projection", "shared"
Weights = Mapping[str, np.ndarray]


class TextHead(Protocol):
    """Tokens ``(n, D)`` in float32 to the space of texts."""

    def read_patches(self, tokens: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, "n d"]:
        """Each token alone, as a vector of length 1; NaN where it has no direction."""

    def read_slice(self, tokens: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, " d"]:
        """All tokens of a slice as one vector of length 1; NaN where it has no direction."""


@dataclass(frozen=True)
class PoolingHead:
    """SigLIP's attention pooling; `heads` share the query, `activation` is that of its MLP."""

    weights: Weights
    heads: int
    activation: str
    eps: float

    def read_patches(self, tokens: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, "n d"]:
        values = _apply(self.weights, "value", tokens)
        return half.unit(self._finish(_apply(self.weights, "out", values)))

    def read_slice(self, tokens: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, " d"]:
        """The key of a head is folded into its query, so that no key is computed."""
        queries = _apply(self.weights, "query", self.weights["probe"]).reshape(self.heads, -1)
        keys, width = self.weights["key.weight"].reshape(self.heads, -1, tokens.shape[1]), queries.shape[1]  # fmt: skip
        scores = tokens @ (np.einsum("hw,hwd->hd", queries, keys) / np.sqrt(width)).T  # (n, heads)
        mixed = special.softmax(scores, axis=0).T @ tokens  # (heads, D)
        values = self.weights["value.weight"].reshape(self.heads, width, -1)
        pooled = np.einsum("hwd,hd->hw", values, mixed).ravel() + self.weights["value.bias"]
        return half.unit(self._finish(_apply(self.weights, "out", pooled[None])))[0]

    def _finish(self, pooled: np.ndarray) -> Float32[np.ndarray, "n d"]:
        normed = normalize(pooled, self.weights, self.eps)
        hidden = ACTIVATIONS[self.activation](_apply(self.weights, "first", normed))
        return (pooled + _apply(self.weights, "second", hidden)).astype(np.float32)


@dataclass(frozen=True)
class ProjectionHead:
    """CLIP's norm and matrix."""

    weights: Weights
    eps: float

    def read_patches(self, tokens: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, "n d"]:
        normed = normalize(tokens, self.weights, self.eps)
        return half.unit((normed @ self.weights["matrix"].T).astype(np.float32))

    def read_slice(self, tokens: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, " d"]:
        return average_directions(self.read_patches(tokens))


@dataclass(frozen=True)
class SharedHead:
    """Tokens as they are."""

    def read_patches(self, tokens: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, "n d"]:
        return half.unit(tokens)

    def read_slice(self, tokens: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, " d"]:
        return average_directions(self.read_patches(tokens))


def make_head(kind: str, weights: Weights, settings: Mapping[str, str]) -> TextHead:
    """The head of a kind, from its weights and the settings that stand beside them."""
    if kind == POOLING:
        heads, eps = int(settings["heads"]), float(settings["eps"])
        return PoolingHead(weights, heads, settings["activation"], eps)
    return ProjectionHead(weights, float(settings["eps"])) if kind == PROJECTION else SharedHead()


def average_directions(unit: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, " d"]:
    """The mean of vectors of length 1, as one of length 1; those without a direction are left out."""
    sound = unit[np.isfinite(unit).all(axis=1)]
    mean = sound.mean(axis=0) if len(sound) else np.zeros(unit.shape[1], np.float32)
    return half.unit(mean[None])[0]


def normalize(values: np.ndarray, weights: Weights, eps: float) -> np.ndarray:
    """Apply LayerNorm."""
    centered = values - values.mean(axis=1, keepdims=True)
    scale = np.sqrt((centered**2).mean(axis=1, keepdims=True) + np.float32(eps))
    return centered / scale * weights["norm.weight"] + weights["norm.bias"]


def _apply(weights: Weights, name: str, values: np.ndarray) -> np.ndarray:
    return values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _gelu(values: np.ndarray) -> np.ndarray:
    return values * special.ndtr(values)


def _gelu_tanh(values: np.ndarray) -> np.ndarray:
    inner = np.float32(np.sqrt(2 / np.pi)) * (values + np.float32(0.044715) * values**3)
    return np.float32(0.5) * values * (1 + np.tanh(inner))


def _quick_gelu(values: np.ndarray) -> np.ndarray:
    return values * special.expit(np.float32(1.702) * values)


ACTIVATIONS = {"gelu": _gelu, "gelu_pytorch_tanh": _gelu_tanh, "quick_gelu": _quick_gelu}
