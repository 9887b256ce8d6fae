"""The scene: a photograph, an outline, a texture and a motion become frames, and the mask of the object in each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from tubelet.training.scenes.motion import Motion


@dataclass(frozen=True)
class Sprite:
    """An object to paste: `texture` (3, d, d) in 0..255 and `mask` (d, d) in 0..1; its center is the middle."""

    texture: torch.Tensor
    mask: torch.Tensor


@dataclass(frozen=True)
class Scene:
    """`frames` (T, 3, H, W) in uint8, `masks` (T, H, W) in bool, and the motion of the object that the masks show."""

    frames: torch.Tensor
    masks: torch.Tensor
    motion: Motion

    def __post_init__(self) -> None:
        if self.frames.dtype != torch.uint8 or self.masks.shape != self.frames[:, 0].shape:
            raise ValueError(
                f"a scene is uint8 (T, 3, H, W) with masks (T, H, W), not {self.frames.shape = }, {self.masks.shape = }"
            )


def sprite(generator: np.random.Generator, photograph: torch.Tensor, mask: torch.Tensor) -> Sprite:
    """A piece of a photograph under a mask."""
    side = len(mask)
    shortest = min(photograph.shape[1:])
    size = int(generator.integers(min(side, shortest), min(3 * side, shortest) + 1))
    return Sprite(_resize(_piece(generator, photograph, size), side), mask)


def still(
    generator: np.random.Generator, photograph: torch.Tensor, frames: int, side: int
) -> torch.Tensor:
    """A background (T, 3, side, side) as floats: a square of a photograph, the same in every frame."""
    shortest = min(photograph.shape[1:])
    size = int(generator.integers(min(side, shortest), min(2 * side, shortest) + 1))
    return _resize(_piece(generator, photograph, size), side).repeat(frames, 1, 1, 1)


def traveling(
    generator: np.random.Generator, photograph: torch.Tensor, frames: int, side: int
) -> torch.Tensor:
    """A background (T, 3, side, side) as floats: a camera that pans, turns and zooms steadily over a photograph."""
    start = generator.uniform(-1, 1, 4) * np.array([0.4, 0.4, 0.25, 0.2])
    end = start + generator.uniform(-1, 1, 4) * np.array([0.3, 0.3, 0.2, 0.2]) * frames / 16
    y, x, angle, zoom = np.linspace(start, end, frames).T
    aspect = photograph.shape[2] / photograph.shape[1]
    reach = min(0.62, side / min(photograph.shape[1:])) * np.exp(zoom)
    rows = [np.stack([reach * np.cos(angle) / aspect, -reach * np.sin(angle) / aspect, x], 1)]
    rows.append(np.stack([reach * np.sin(angle), reach * np.cos(angle), y], 1))
    return _sample_affine(photograph.float(), np.stack(rows, 1), side)


def compose(background: torch.Tensor, objects: Sequence[tuple[Sprite, Motion]]) -> Scene:
    """The scene of objects pasted one over the other; masks and motion are those of the last one, which is on top."""
    frames = background
    for thing, motion in objects:
        frames, masks = _paste(frames, thing, motion)
    return Scene(frames.round().clamp(0, 255).to(torch.uint8), masks, motion)


def _paste(
    frames: torch.Tensor, thing: Sprite, motion: Motion
) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames (T, 3, H, W) with the object in them, and where it covers more than half a pixel."""
    half = int(np.ceil(len(thing.mask) / 2 * motion.scales.max())) + 1
    corners = np.floor(motion.centers).astype(int) - half
    layers = torch.cat([thing.texture, thing.mask[None]])
    windows = _sample_affine(
        layers, _inverse(motion, motion.centers - corners - half, half, len(thing.mask)), 2 * half
    )
    light = torch.from_numpy(motion.light).float()[:, :, None, None]
    padded = F.pad(frames, (half * 2,) * 4)
    masks = torch.zeros(len(frames), *padded.shape[2:], dtype=torch.bool)
    for frame, (corner, window) in enumerate(zip(corners, windows, strict=True)):
        top, left = (
            int(np.clip(value + 2 * half, 0, size - 2 * half))
            for value, size in zip(corner, padded.shape[2:])
        )
        region = padded[frame, :, top : top + 2 * half, left : left + 2 * half]
        region += window[3] * ((window[:3] * light[frame]).clamp(0, 255) - region)
        masks[frame, top : top + 2 * half, left : left + 2 * half] = window[3] > 0.5
    inner = slice(2 * half, -2 * half)
    return padded[:, :, inner, inner], masks[:, inner, inner]


def _inverse(motion: Motion, within: np.ndarray, half: int, side: int) -> np.ndarray:
    """Affine maps (T, 2, 3) from a window, -1 to 1 over 2 x half pixels, to the sprite; `within` is the center's offset in the window."""
    cosines, sines = np.cos(motion.angles), np.sin(motion.angles)
    turns = (
        np.stack([np.stack([cosines, sines], 1), np.stack([-sines, cosines], 1)], 1)
        * (2 / (side * motion.scales))[:, None, None]
    )
    return np.concatenate([turns * half, turns @ -within[:, ::-1, None]], 2)


def _sample_affine(picture: torch.Tensor, maps: np.ndarray, side: int) -> torch.Tensor:
    """A picture (C, h, w) under affine maps (T, 2, 3) to (T, C, side, side); sprites end at their border, photographs are mirrored."""
    theta = torch.from_numpy(maps).float()
    grid = F.affine_grid(theta, [len(theta), len(picture), side, side], align_corners=False)
    padding = "zeros" if len(picture) == 4 else "reflection"
    return F.grid_sample(
        picture.expand(len(theta), *picture.shape),
        grid,
        mode="bilinear",
        padding_mode=padding,
        align_corners=False,
    )


def _piece(generator: np.random.Generator, photograph: torch.Tensor, size: int) -> torch.Tensor:
    top, left = (int(generator.integers(0, extent - size + 1)) for extent in photograph.shape[1:])
    return photograph[:, top : top + size, left : left + size]


def _resize(piece: torch.Tensor, side: int) -> torch.Tensor:
    return F.interpolate(
        piece[None].float(), size=(side, side), mode="bilinear", antialias=True, align_corners=False
    )[0]
