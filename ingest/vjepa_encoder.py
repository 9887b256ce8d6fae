"""V-JEPA as an encoder of the table: 8-bit frames in, token grid out."""

import torch

from ingest.grid import TokenGrid
from ingest.layer import LAST, Layer
from ingest.vjepa import VisionTransformer

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
PREPROCESSING = "RGB / 255, mean 0.485 0.456 0.406, standard deviation 0.229 0.224 0.225; antialiased bilinear resize in 8 bits"
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class VJEPAEncoder:
    """One level of a V-JEPA encoder or all joined, in fp32 or under autocast to bf16 or fp16; positions and norms stay in float32."""

    def __init__(self, model: VisionTransformer, device: torch.device, precision: str, layer: Layer = LAST) -> None:
        self.model = model.eval().requires_grad_(False).to(device)
        self.device = device
        self.layer = layer
        self.dtype = PRECISIONS[precision]
        self._mean = torch.tensor(MEAN, device=device).view(3, 1, 1, 1) * 255
        self._std = torch.tensor(STD, device=device).view(3, 1, 1, 1) * 255

    def encode(self, frames: torch.Tensor) -> TokenGrid:
        """``(T, 3, H, W)`` in uint8 to ``(T/2, H/16, W/16, dim)``, dim times the levels joined.

        A single frame is one slice: an image to V-JEPA 2.1, shown twice to V-JEPA 2. Raises PixelsError for one given to V-JEPA 1.
        """
        config = self.model.config
        if len(frames) == 1 and config.generation.repeats:
            frames = frames.expand(config.tubelet, -1, -1, -1)
        pixels = (frames.to(self.device).transpose(0, 1) - self._mean) / self._std  # (3, T, H, W)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            levels = self.model(pixels[None], wanted=self.layer.levels)
        return TokenGrid(torch.cat([level.float() for level in levels], dim=-1).reshape(*config.grid(*pixels.shape[1:]), -1))
