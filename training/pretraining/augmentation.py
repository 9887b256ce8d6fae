"""Augmentation: what the student sees of a clip when it imitates the teacher, who sees it as it is.

Light and color change, steadily over the clip and not everywhere alike; mildly, as tokens should tell color and texture. Some patches
are blanked, so that a token has to be predicted from its neighbors in space and time. What predicts masked tokens sees the clip itself.
"""

import numpy as np
import torch
from torch.nn import functional as F

BRIGHTNESS, SHADE, TINT, CONTRAST = 0.4, 0.4, 0.2, 0.3  # limits of natural logarithms
CELLS = 4  # by as many: the grid on which shade, the part of brightness that differs over the picture, is drawn
BLANKED = 0.2  # at most this share of the tubelets


def augment(
    generator: np.random.Generator, clips: torch.Tensor, patch: int, light: float = 1.0
) -> torch.Tensor:
    """Clips (B, T, 3, H, W) as floats in 0..255 to what the student sees of them; `light` scales all changes of light and color."""
    return _blank_patches(generator, _relight(generator, clips, light), patch)


def _relight(generator: np.random.Generator, clips: torch.Tensor, light: float) -> torch.Tensor:
    count = len(clips)
    contrasts = np.exp(generator.uniform(-1, 1, (count, 1, 1, 1, 1)) * CONTRAST * light)
    gains = (
        torch.from_numpy(_gains(generator, *clips.shape[:2]) ** light * contrasts)
        .float()
        .to(clips.device)
    )
    fields = F.interpolate(gains.flatten(0, 1), size=clips.shape[3:], mode="bilinear").unflatten(
        0, clips.shape[:2]
    )
    middle = clips.mean((1, 2, 3, 4)) * torch.from_numpy(1 - contrasts.ravel()).float().to(
        clips.device
    )
    return (clips * fields + middle[:, None, None, None, None]).clamp(0, 255)


def _gains(generator: np.random.Generator, count: int, frames: int) -> np.ndarray:
    """Factors (B, T, 3, CELLS, CELLS) that pass steadily from the first frame to the last."""
    ends = (
        generator.uniform(-1, 1, (count, 2, 1, 1, 1)) * BRIGHTNESS
        + generator.uniform(-1, 1, (count, 2, 3, 1, 1)) * TINT
    )
    ends = ends + generator.uniform(-1, 1, (count, 2, 1, CELLS, CELLS)) * SHADE
    passed = np.linspace(0, 1, frames)[None, :, None, None, None]
    return np.exp(ends[:, :1] * (1 - passed) + ends[:, 1:] * passed)


def _blank_patches(generator: np.random.Generator, clips: torch.Tensor, patch: int) -> torch.Tensor:
    count, frames, _, height, width = clips.shape
    slices = max(1, frames // 2)
    share = generator.uniform(0, BLANKED, (count, 1, 1, 1))
    blank = torch.from_numpy(
        generator.random((count, slices, height // patch, width // patch)) < share
    ).to(clips.device)
    blank = (
        blank.repeat_interleave(frames // slices, 1)
        .repeat_interleave(patch, 2)
        .repeat_interleave(patch, 3)
    )
    return torch.where(blank[:, :, None], torch.full_like(clips, 127.0), clips)
