"""The head of a decoder in NumPy: a product per token, two convolutions of 3 x 3 over the patches of a slice, each added to what it sees, and a product that says the pixels of a patch.

`training/decoder/network.py` is the same in torch, for fitting; a test compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Float32, UInt8

CONVOLUTIONS = ("near", "far")
MEAN, STD = "scaling.mean", "scaling.std"
EPSILON = 1e-5  # that torch adds to a variance


@dataclass(frozen=True)
class DecoderHead:
    """Tensors by the names that torch gives them; `patch` pixels per side of a token.

    `levels`: parts of a token that are layer-normalized first, each by itself, as the targets of a predictor are; 0 where tokens are drawn as they are stored.
    """

    tensors: Mapping[str, np.ndarray]
    patch: int
    levels: int = 0

    @property
    def dim(self) -> int:
        return int(self.tensors[MEAN].shape[0])

    def draw(self, tokens: np.ndarray) -> UInt8[np.ndarray, "S h w 3"]:
        """Stored tokens (S, H, W, D) as pictures; a token that is not finite is drawn as the mean token."""
        return self.draw_normalized(normalize_levels(tokens, self.levels))

    def draw_normalized(self, tokens: np.ndarray) -> UInt8[np.ndarray, "S h w 3"]:
        """Tokens that are normalized, or were predicted to be."""
        scaled = (tokens.astype(np.float32) - self.tensors[MEAN]) / self.tensors[STD]
        found = np.maximum(self._multiply("first", np.nan_to_num(scaled, posinf=0, neginf=0)), 0)
        for name in CONVOLUTIONS:
            found = found + np.maximum(self._convolve(name, found), 0)
        pixels = _join(self._multiply("last", found), self.patch)
        return np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8)

    def _multiply(self, name: str, found: np.ndarray) -> Float32[np.ndarray, "S H W k"]:
        return found @ self.tensors[f"{name}.weight"].T + self.tensors[f"{name}.bias"]

    def _convolve(self, name: str, found: np.ndarray) -> np.ndarray:
        """3 x 3, the border repeated outside."""
        weight = self.tensors[f"{name}.weight"]  # (out, in, 3, 3)
        padded = np.pad(found, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
        height, width = found.shape[1:3]
        total = np.broadcast_to(self.tensors[f"{name}.bias"], found.shape).copy()
        for y in range(3):
            for x in range(3):
                total += padded[:, y : y + height, x : x + width] @ weight[:, :, y, x].T
        return total


def normalize_levels(tokens: np.ndarray, levels: int) -> Float32[np.ndarray, "S H W D"]:
    """Each of so many parts of a token to mean 0 and variance 1, as torch's layer norm without weights does; all as it is where there are 0."""
    whole = tokens.astype(np.float32)
    if not levels:
        return whole
    parts = whole.reshape(*whole.shape[:-1], levels, -1)
    spread = np.sqrt(parts.var(-1, keepdims=True) + EPSILON)
    return ((parts - parts.mean(-1, keepdims=True)) / spread).reshape(whole.shape)


def _join(cells: np.ndarray, patch: int) -> np.ndarray:
    """Pixels per token (S, H, W, patch * patch * 3) as pictures (S, H * patch, W * patch, 3)."""
    slices, height, width, _ = cells.shape
    apart = cells.reshape(slices, height, width, patch, patch, 3).transpose(0, 1, 3, 2, 4, 5)
    return apart.reshape(slices, height * patch, width * patch, 3)
