"""Crops: the piece of a clip that one step sees, in space, in time and in the distances between its patches.

    short   2 slices, 8 to 14 patches wide
    long    all slices, 7 to 10 patches: 112 to 160 px
    far     four times as many slices, the clip played forward, backward and again, 4 to 7 patches
    image   the first frame of a slice
    whole   the clip as it is

What lies beside what is a matter of distances, and rotary positions stretch with the grid: a crop keeps the distances of the picture
that it is a piece of, for pictures of 14 to 20 patches, so that a network trained on crops reads whole pictures.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from tubelet.ingest.networks.vjepa import Piece
from tubelet.training.pretraining.settings import Settings

CYCLE = (
    "long",
    "short",
    "far",
    "long",
    "long",
    "short",
    "image",
    "long",
    "far",
    "long",
)  # an odd and an even step of most kinds
WIDTHS = {
    "short": (8, 14),
    "long": (7, 10),
    "far": (4, 7),
    "image": (8, 14),
}  # patches, least and most
SHORT, FAR = 2, 4  # slices; how many times as long
PICTURES = (14, 16, 20)  # patches of the pictures that crops are pieces of


@dataclass(frozen=True, kw_only=True)
class Crop:
    """How one batch is cut: `count` clips, `width` x `width` patches each, `slices` of them (`image`: one frame), on a picture of `picture` patches."""

    kind: str
    count: int
    width: int
    slices: int
    picture: int

    @property
    def grid(self) -> tuple[int, int, int]:
        return self.slices, self.width, self.width

    @property
    def piece(self) -> Piece:
        """Where the tokens stand in the whole picture; as only distances count, at its upper left corner."""
        slices, rows, columns = (torch.arange(extent) for extent in self.grid)
        ids = (slices[:, None, None] * self.picture + rows[:, None]) * self.picture + columns
        return Piece(ids.flatten(), (self.slices, self.picture, self.picture))


def choose(step: int, generator: np.random.Generator, settings: Settings, whole: bool) -> Crop:
    """How batch `step` is cut."""
    slices, side, _ = settings.grid
    kind = "whole" if whole else CYCLE[step % len(CYCLE)]
    low, high = (min(side, limit) for limit in WIDTHS.get(kind, (side, side)))
    width = int(generator.integers(max(2, low), high + 1))
    length = {"short": min(SHORT, slices), "far": FAR * slices, "image": 1}.get(kind, slices)
    pictures = (
        [picture for picture in PICTURES if picture >= width] if side >= min(PICTURES) else [side]
    )
    picture = side if whole else int(generator.choice(pictures))
    return Crop(
        kind=kind,
        count=max(1, settings.tokens // (length * width * width)),
        width=width,
        slices=length,
        picture=picture,
    )


@dataclass(frozen=True)
class CropPlace:
    """Where a crop lies in one clip: its first slice, row and column."""

    first: int
    row: int
    column: int

    @classmethod
    def any(
        cls, generator: np.random.Generator, crop: Crop, grid: tuple[int, int, int]
    ) -> "CropPlace":
        spare = grid[0] - min(grid[0], crop.slices), grid[1] - crop.width, grid[2] - crop.width
        return cls(*(int(generator.integers(0, left + 1)) for left in spare))

    def slices(self, crop: Crop, total: int) -> tuple[np.ndarray, np.ndarray]:
        """The slices of the clip in the order of the crop, and whether each is played backward."""
        if crop.kind != "far":
            return np.arange(self.first, self.first + crop.slices), np.zeros(crop.slices, bool)
        there = np.arange(total)
        order = np.concatenate([there, there[::-1]] * math.ceil(FAR / 2))[: crop.slices]
        return order, (np.arange(crop.slices) // total) % 2 == 1


def cut_frames(frames: np.ndarray, crop: Crop, place: CropPlace, patch: int) -> np.ndarray:
    """Frames of a clip (T, 3, H, W) to those of a crop (t, 3, h, w)."""
    order, backward = place.slices(crop, len(frames) // 2)
    pairs = np.stack([2 * order + backward, 2 * order + ~backward], 1)
    numbers = pairs[0, :1] if crop.kind == "image" else pairs.flatten()
    rows, columns = (
        slice(at * patch, (at + crop.width) * patch) for at in (place.row, place.column)
    )
    return frames[numbers, :, rows, columns]


def cut_features(features: np.ndarray, crop: Crop, place: CropPlace, motion: slice) -> np.ndarray:
    """Features of a clip (S, H, W, C) to those of a crop (s * h * w, C); `motion` are the displacements, which change sign
    where the crop is played backward, and are 0 in an image."""
    order, backward = place.slices(crop, len(features))
    piece = features[
        order, place.row : place.row + crop.width, place.column : place.column + crop.width
    ].astype(np.float32)
    piece[backward, ..., motion] *= -1
    if crop.kind == "image":
        piece[..., motion.start :] = 0
    return piece.reshape(-1, piece.shape[-1])
