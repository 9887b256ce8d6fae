"""Baselines, and a control that proves the task solvable: token grids without training."""

import torch

from tubelet.ingest.flow import displacements
from tubelet.ingest.grid import TokenGrids
from tubelet.ingest.vjepa_encoder import MEAN, STD


class RawPixels:
    """A token is its own pixels, normalized as the encoder sees them: tubelet x patch x patch x 3 numbers."""

    device = torch.device("cpu")

    def __init__(self, patch: int, tubelet: int) -> None:
        self.patch, self.tubelet = patch, tubelet

    def encode(self, frames: torch.Tensor) -> TokenGrids:
        """``(B, T, 3, H, W)`` in uint8 to ``(B, T/tubelet, H/patch, W/patch, 3 * tubelet * patch * patch)``."""
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) * 255 for values in (MEAN, STD))
        return TokenGrids(
            torch.stack(
                [cells((clip.float() - mean) / std, self.patch, self.tubelet) for clip in frames]
            )
        )


class GradientMotion:
    """A token is the motion that its pixels' own gradients show: the positive control of the direction probe.

    Least squares for the displacement (x, y) that explains the change between frames (Lucas and Kanade, 1981), once over each patch.
    """

    device = torch.device("cpu")

    def __init__(self, patch: int, tubelet: int) -> None:
        self.patch, self.tubelet = patch, tubelet

    def encode(self, frames: torch.Tensor) -> TokenGrids:
        """``(B, T, 3, H, W)`` in uint8 to ``(B, T/tubelet, H/patch, W/patch, 2)``, in pixels per frame."""
        flow = displacements(frames.float(), self.patch)
        slices = frames.shape[1] // self.tubelet
        return TokenGrids(
            flow[:, : slices * self.tubelet].unflatten(1, (slices, self.tubelet)).mean(2)
        )


def cells(frames: torch.Tensor, patch: int, tubelet: int) -> torch.Tensor:
    """Frames (T, C, H, W) to tubelets (S, rows, columns, C * tubelet * patch * patch)."""
    grid = (
        frames.unflatten(3, (-1, patch)).unflatten(2, (-1, patch)).unflatten(0, (-1, tubelet))
    )  # (S, t, C, rows, p, columns, p)
    return grid.permute(0, 3, 5, 1, 2, 4, 6).flatten(3)
