"""V-JEPA 2.1 as an encoder of the table: 8-bit frames in, token grids out."""

import torch

from ingest import precision
from ingest.grid import TokenGrids
from ingest.vjepa import VisionTransformer

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
PREPROCESSING = "RGB / 255, mean 0.485 0.456 0.406, standard deviation 0.229 0.224 0.225; antialiased bilinear resize in 8 bits"


class VJEPAEncoder:
    """The last level of a V-JEPA 2.1 encoder, in fp32 or under autocast to bf16 or fp16; positions and norms stay in float32."""

    def __init__(self, model: VisionTransformer, device: torch.device, arithmetic: str) -> None:
        self.model = precision.placed(model, device, arithmetic)
        self.device = device
        self._precision = arithmetic
        self._mean = torch.tensor(MEAN, device=device).view(3, 1, 1, 1) * 255
        self._std = torch.tensor(STD, device=device).view(3, 1, 1, 1) * 255

    def encode(self, frames: torch.Tensor) -> TokenGrids:
        """``(B, T, 3, H, W)`` in uint8 to ``(B, T/2, H/16, W/16, dim)``; a single frame takes the image path, one slice."""
        pixels = (frames.to(self.device, non_blocking=True).transpose(1, 2) - self._mean) / self._std  # (B, 3, T, H, W)
        with precision.autocast(self.device, self._precision):
            tokens = self.model(pixels)[-1]
        shape = self.model.config.grid(*pixels.shape[2:])
        return TokenGrids(tokens.float().unflatten(1, shape))
