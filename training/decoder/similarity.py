"""How alike two pictures are: PSNR, SSIM (Wang et al. 2004), and a distance in features, made like LPIPS (Zhang et al. 2018) without its learned weights."""

import torch
import torch.nn.functional as F
from torch import Tensor

from tubelet.ingest.networks import efficientnet
from tubelet.ingest.networks.efficientnet import EfficientNetLite0

LEAST_ERROR = 1e-10  # 100 dB: of pictures that are the same
SIGMA, RADIUS = 1.5, 5  # of SSIM's window
STEADY = (0.01**2, 0.03**2)
SIDE = 128  # pixels at which features are compared
TAPS = (2, 4, 7, 10)  # last blocks of the stages


def measure_psnr(found: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratios (B,) in dB of pictures (B, 3, h, w) from 0 to 1."""
    return -10 * (found - truth).square().flatten(1).mean(1).clamp_min(LEAST_ERROR).log10()


def measure_ssim(found: Tensor, truth: Tensor) -> Tensor:
    """The mean over pixels and colors, (B,)."""
    means = [_blur(one) for one in (found, truth)]
    spreads = [_blur(a * b) - m * n for a, b, m, n in ((found, found, means[0], means[0]), (truth, truth, means[1], means[1]), (found, truth, *means))]  # fmt: skip
    light = (2 * means[0] * means[1] + STEADY[0]) / (means[0].square() + means[1].square() + STEADY[0])  # fmt: skip
    shape = (2 * spreads[2] + STEADY[1]) / (spreads[0] + spreads[1] + STEADY[1])
    return (light * shape).flatten(1).mean(1)


def _blur(pictures: Tensor) -> Tensor:
    """A Gaussian window, the border repeated outside."""
    places = torch.arange(-RADIUS, RADIUS + 1, device=pictures.device, dtype=pictures.dtype)
    weights = torch.exp(-places.square() / (2 * SIGMA**2))
    weights = (weights / weights.sum()).expand(3, 1, 1, -1)
    padded = F.pad(pictures, (RADIUS,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, weights, groups=3), weights.transpose(2, 3), groups=3)


class PerceptualDistance:
    """The distance in features of EfficientNet-Lite0: squared, of features of unit length, the mean over places, summed over four stages."""

    def __init__(self, network: EfficientNetLite0, device: torch.device) -> None:
        self._network = network.to(device)

    @classmethod
    def find(cls, device: torch.device) -> "PerceptualDistance | None":
        """None where the network is not installed."""
        path = efficientnet.find_installed()
        return None if path is None else cls(efficientnet.load_weights(EfficientNetLite0(), path), device)  # fmt: skip

    @torch.inference_mode()
    def measure(self, found: Tensor, truth: Tensor) -> Tensor:
        """Distances (B,) of pictures (B, 3, h, w) from 0 to 1."""
        layers = [self._features(one) for one in (found, truth)]
        apart = [(a - b).square().sum(1).flatten(1).mean(1) for a, b in zip(*layers)]
        return torch.stack(apart).sum(0)

    def _features(self, pictures: Tensor) -> list[Tensor]:
        resized = F.interpolate(pictures, (SIDE, SIDE), mode="bilinear", align_corners=False)
        return [F.normalize(one.float(), dim=1) for one in self._network.features(resized * 255, TAPS)]  # fmt: skip
