"""EfficientNet-Lite0 with seeded numbers in every weight, as a file like the wheel's; and its features worked out literally from that file."""

from pathlib import Path

import torch
from torch.nn import functional as F

from tubelet.ingest.networks.efficientnet import STAGES, EfficientNetLite0

EPS = 1e-3


def seeded() -> dict[str, torch.Tensor]:
    """Tensors by the file's names: those of the network, and some of the blocks after it."""
    generator = torch.Generator().manual_seed(11)
    tensors = {}
    for name, tensor in EfficientNetLite0().state_dict().items():
        drawn = torch.randn(tensor.shape, generator=generator)
        fan_in = max(1, tensor[0].numel()) if tensor.ndim == 4 else 1
        tensors[name] = (
            drawn * (2 / fan_in) ** 0.5
            if tensor.ndim == 4
            else 1 + 0.2 * drawn.abs()
            if not name.endswith("bias")
            else 0.3 * drawn
        )
        if name.endswith("num_batches_tracked"):
            tensors[name] = torch.tensor(7)
    return tensors | {
        "_conv_head.weight": torch.zeros(1280, 320, 1, 1),
        "_fc.bias": torch.zeros(1000),
    }


def write(path: Path, **changed: torch.Tensor) -> Path:
    """The seeded weights as a file, with some tensors in another way; None leaves one out."""
    tensors = seeded() | changed
    torch.save({name: tensor for name, tensor in tensors.items() if tensor is not None}, path)
    return path


def literal_features(tensors: dict[str, torch.Tensor], images: torch.Tensor) -> list[torch.Tensor]:
    """The output of every block for pixels 0..255 with zeros around them, convolution by convolution."""

    def conv(x: torch.Tensor, name: str, stride: int = 1, groups: int = 1) -> torch.Tensor:
        weight = tensors[f"{name}.weight"]
        return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=groups)

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, variance, scale, shift = (
            tensors[f"{name}.{part}"][:, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / torch.sqrt(variance + EPS) * scale + shift

    x = norm(conv((images - 127) / 128, "_conv_stem", 2), "_bn0").clamp(0, 6)
    strides = [
        (stride if index == 0 else 1, expansion)
        for expansion, _, count, _, stride in STAGES
        for index in range(count)
    ]
    found = []
    for number, (stride, expansion) in enumerate(strides):
        name, wide = f"_blocks.{number}", x
        if expansion > 1:
            wide = norm(conv(x, f"{name}._expand_conv"), f"{name}._bn0").clamp(0, 6)
        wide = norm(
            conv(wide, f"{name}._depthwise_conv", stride, wide.shape[1]), f"{name}._bn1"
        ).clamp(0, 6)
        narrow = norm(conv(wide, f"{name}._project_conv"), f"{name}._bn2")
        x = x + narrow if stride == 1 and narrow.shape == x.shape else narrow
        found.append(x)
    return found
