"""The toy encoder: colors and gradients of a tubelet. Deterministic, instant, and every dimension has a meaning."""

import torch

from tubelet.array_types import Float32, UInt8
from tubelet.ingest.grid import TokenGrids

PATCH = 16
TUBELET = 2
DIMENSIONS = (
    *(f"mean {c}" for c in ("red", "green", "blue")),
    *(f"standard deviation {c}" for c in ("red", "green", "blue")),
    *(f"horizontal gradient {c}" for c in ("red", "green", "blue")),
    *(f"vertical gradient {c}" for c in ("red", "green", "blue")),
    *(f"change over the tubelet {c}" for c in ("red", "green", "blue")),
    "constant",
)


class ToyEncoder:
    """Sixteen numbers per tubelet, on a scale of 0 to 1; the last is 1, so that no embedding is zero."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def encode(self, frames: UInt8[torch.Tensor, "B T 3 H W"]) -> TokenGrids:
        """``(B, T, 3, H, W)`` in uint8 to token grids ``(B, T/2, H/16, W/16, 16)``; a single frame is one slice."""
        tubelets = _tubelets(
            frames.to(self.device, non_blocking=True).float() / 255
        )  # (B * S, h, w, t, 3, p, p)
        mean = tubelets.mean(dim=(3, 5, 6))
        parts = [
            mean,
            (tubelets - mean[:, :, :, None, :, None, None]).square().mean(dim=(3, 5, 6)).sqrt(),
            tubelets.diff(dim=6).abs().mean(dim=(3, 5, 6)),
            tubelets.diff(dim=5).abs().mean(dim=(3, 5, 6)),
            (tubelets[:, :, :, -1] - tubelets[:, :, :, 0]).mean(dim=(4, 5)),
            torch.ones_like(mean[..., :1]),
        ]
        return TokenGrids(torch.cat(parts, dim=-1).unflatten(0, (len(frames), -1)))


def _tubelets(pixels: Float32[torch.Tensor, "B T 3 H W"]) -> Float32[torch.Tensor, "n h w t 3 p p"]:
    _, frames, _, height, width = pixels.shape
    depth = min(TUBELET, frames)
    blocks = pixels.reshape(-1, depth, 3, height // PATCH, PATCH, width // PATCH, PATCH)
    return blocks.permute(0, 3, 5, 1, 2, 4, 6)
