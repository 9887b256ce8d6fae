"""What a decoder reaches on videos that it never saw, beside the mean picture of those it learned from."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from tubelet.training.decoder.learning import FittedHead, Pictured
from tubelet.training.decoder.similarity import PerceptualDistance, measure_psnr, measure_ssim
from tubelet.training.fitting.pixels import join_patches
from tubelet.training.fitting.tokens import StretchOptions

MEAN_SIDE = 32  # pixels of the mean picture
SLICES_MOST = 8  # of a clip, from its beginning
Scores = dict[str, dict[str, float]]  # by video, then by column of `decoder_scores`


@dataclass(frozen=True)
class HeadTest:
    """A fitted head, its clips, and the numbers of those to learn from and to test."""

    head: FittedHead
    clips: Pictured
    learn: Sequence[int]
    test: Sequence[int]

    @torch.inference_mode()
    def measure(self, batch: int, device: torch.device) -> Scores:
        """Means over the slices of each test video."""
        distance, sums = PerceptualDistance.find(device), dict[str, dict[str, float]]()
        average = self._average_picture(batch, device)
        for numbers, tokens, pixels in self.clips.read(StretchOptions(batch, SLICES_MOST, device), self.test, None):  # fmt: skip
            truth = _as_pictures(pixels, self.clips.patch)
            drawn = _as_pictures(self.head.network(self.head.scaling.scale(tokens)), self.clips.patch)  # fmt: skip
            mean = F.interpolate(average[None], truth.shape[2:], mode="bilinear", align_corners=False).expand_as(truth)  # fmt: skip
            found = _compare(drawn, truth, distance, "") | _compare(mean, truth, distance, "mean_")
            each = len(truth) // len(numbers)
            for place, number in enumerate(numbers):
                one = sums.setdefault(self.clips.tokens.clips[number].video_id, dict.fromkeys(("drawn_slices", *found), 0.0))  # fmt: skip
                one["drawn_slices"] += each
                for name, values in found.items():
                    one[name] += float(values[place * each : (place + 1) * each].sum())
        return {video: _divide(one) for video, one in sums.items()}

    def _average_picture(self, batch: int, device: torch.device) -> Tensor:
        """(3, h, w): the mean of the first slices of what was learned from."""
        total, count = torch.zeros(3, MEAN_SIDE, MEAN_SIDE, device=device), 0
        for _, _, pixels in self.clips.read(StretchOptions(batch, 1, device), self.learn, None):
            pictures = _as_pictures(pixels, self.clips.patch)
            total += F.interpolate(pictures, (MEAN_SIDE, MEAN_SIDE), mode="area").sum(0)
            count += len(pictures)
        return total / count


def _as_pictures(pixels: Tensor, patch: int) -> Tensor:
    """(B, 3, h, w), 0 to 1, as 8-bit pixels have it."""
    pictures = join_patches(pixels, patch).permute(0, 3, 1, 2).clamp(0, 1)
    return (pictures * 255).round() / 255


def _compare(
    found: Tensor, truth: Tensor, distance: PerceptualDistance | None, prefix: str
) -> dict[str, Tensor]:
    values = {"psnr": measure_psnr(found, truth), "ssim": measure_ssim(found, truth)}
    if distance is not None:
        values["perceptual"] = distance.measure(found, truth)
    return {f"{prefix}{name}": one for name, one in values.items()}


def _divide(sums: dict[str, float]) -> dict[str, float]:
    count = sums["drawn_slices"]
    return {name: value / (1 if name == "drawn_slices" else count) for name, value in sums.items()}
