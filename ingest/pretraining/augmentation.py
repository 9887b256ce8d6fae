"""Augmentation: what the student sees instead of the clip, while targets and teacher see it as it is.

Light and colour change, steadily over the clip, so that tokens should not depend on them; some patches are blanked, so that
a token has to be told from its neighbours in space and in time.
"""

import numpy as np
import torch

BRIGHTNESS, TINT, CONTRAST = 0.4, 0.15, 0.3  # standard deviations or limits of natural logarithms
BLANKED = 0.2  # at most this share of the tubelets


def seen(generator: np.random.Generator, clips: torch.Tensor, patch: int) -> torch.Tensor:
    """Clips (B, T, 3, H, W) as floats in 0..255 to what the student sees of them."""
    return _blanked(generator, _lit(generator, clips), patch)


def _lit(generator: np.random.Generator, clips: torch.Tensor) -> torch.Tensor:
    count, frames = clips.shape[:2]
    ends = generator.uniform(-1, 1, (count, 2, 1)) * BRIGHTNESS + generator.uniform(-1, 1, (count, 2, 3)) * TINT
    passed = np.linspace(0, 1, frames)[None, :, None]
    gains = np.exp(ends[:, :1] * (1 - passed) + ends[:, 1:] * passed)  # (B, T, 3)
    contrasts = np.exp(generator.uniform(-1, 1, (count, 1, 1)) * CONTRAST)
    lit = clips * torch.from_numpy(gains * contrasts).float()[..., None, None].to(clips.device)
    middle = clips.mean((1, 2, 3, 4)) * torch.from_numpy(1 - contrasts[:, 0, 0]).float().to(clips.device)
    return (lit + middle[:, None, None, None, None]).clamp(0, 255)


def _blanked(generator: np.random.Generator, clips: torch.Tensor, patch: int) -> torch.Tensor:
    count, frames, _, height, width = clips.shape
    slices = max(1, frames // 2)
    share = generator.uniform(0, BLANKED, (count, 1, 1, 1))
    blank = torch.from_numpy(generator.random((count, slices, height // patch, width // patch)) < share).to(clips.device)
    blank = blank.repeat_interleave(frames // slices, 1).repeat_interleave(patch, 2).repeat_interleave(patch, 3)
    return torch.where(blank[:, :, None], torch.full_like(clips, 127.0), clips)
