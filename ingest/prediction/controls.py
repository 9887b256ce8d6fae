"""Controls of surprise: how much the pixels of a slice change and move. They need no network, and surprise tends to follow them."""

import torch
from torch.nn import functional as F

from tubelet.ingest.flow import BLUR, displacements


class PixelControls:
    """Controls of one window, frames (T, 3, h, w) in 0..255, by slice and patch."""

    def __init__(self, frames: torch.Tensor, tubelet: int, patch: int) -> None:
        self._frames, self._tubelet, self._patch = frames.float(), tubelet, patch
        self._speeds = self._measure_speeds()

    def change(self, slice_: int, seen: int) -> torch.Tensor:
        """Mean absolute difference of a slice's pixels to the last frame of slice `seen`, as a share of a pixel's range: (H, W)."""
        first, last = slice_ * self._tubelet, (seen + 1) * self._tubelet - 1
        shown = self._frames[first : first + self._tubelet]
        away = (shown - self._frames[last]).abs().mean((0, 1))
        return F.avg_pool2d(away[None], self._patch)[0] / 255

    def motion(self, slice_: int) -> torch.Tensor:
        """Mean displacement from the frame before a slice through the slice's last, in pixels per frame: (H, W)."""
        first = slice_ * self._tubelet
        return self._speeds[first - 1 : first + self._tubelet - 1].mean(0)

    def _measure_speeds(self) -> torch.Tensor:
        """Of each frame to the next, (T, H, W); NaN for patches that are too small to tell."""
        height, width = (side // self._patch for side in self._frames.shape[-2:])
        if self._patch % BLUR:
            return torch.full((len(self._frames), height, width), torch.nan)
        return displacements(self._frames, self._patch).norm(dim=-1)
