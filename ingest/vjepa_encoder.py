"""V-JEPA as an encoder of the table: 8-bit frames in, token grids out."""

from collections.abc import Collection

import torch

from tubelet.array_types import UInt8
from tubelet.ingest import precision
from tubelet.ingest.grid import TokenGrids
from tubelet.ingest.layer import LAST, Layer
from tubelet.ingest.networks.taps import Taps
from tubelet.ingest.networks.vjepa import PatchTokens, VisionTransformer

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
PREPROCESSING = "RGB / 255, mean 0.485 0.456 0.406, standard deviation 0.229 0.224 0.225; antialiased bilinear resize in 8 bits"


class VJEPAEncoder:
    """One layer of a V-JEPA encoder, or several joined, in fp32 or under autocast to bf16 or fp16; positions and norms stay in float32."""

    def __init__(
        self, model: VisionTransformer, device: torch.device, arithmetic: str, layer: Layer = LAST
    ) -> None:
        self.model = precision.place_model(model, device, arithmetic)
        self.device = device
        self.layer = layer
        self._taps = Taps(self.model.blocks, self.model.final_norm, layer) if layer.blocks else None
        self.precision = arithmetic
        self._mean = torch.tensor(MEAN, device=device).view(3, 1, 1, 1) * 255
        self._std = torch.tensor(STD, device=device).view(3, 1, 1, 1) * 255

    def encode(self, frames: UInt8[torch.Tensor, "B T 3 H W"]) -> TokenGrids:
        """``(B, T, 3, H, W)`` in uint8 to ``(B, T/2, H/16, W/16, dim)``, dim times the layers joined.

        A single frame is one slice: an image to V-JEPA 2.1, shown twice to V-JEPA 2. Raises PixelsError for one given to V-JEPA 1.
        """
        pixels = self.normalize(frames)
        with precision.autocast(self.device, self.precision):
            levels = self._take(pixels)
        tokens = torch.cat([level.float() for level in levels], dim=-1)
        return TokenGrids(tokens.unflatten(1, self.model.config.grid(*pixels.shape[2:])))

    def encode_beside(
        self, frames: UInt8[torch.Tensor, "B T 3 H W"], others: Collection[int]
    ) -> tuple[TokenGrids, torch.Tensor | None, PatchTokens | None]:
        """Encode as `encode` does, and return from the same pass `others`, joined levels (B, N, D) in float32, and what entered the blocks; None with a layer of blocks, whose pass ends early."""
        if self._taps:
            return self.encode(frames), None, None
        pixels, count = self.normalize(frames), len(self.model.config.levels)
        own = [level % count for level in self.layer.levels]
        wanted = sorted({*own, *others})
        with precision.autocast(self.device, self.precision):
            patches = self.model.embed(pixels)
            levels = dict(zip(wanted, self.model.run_blocks(patches, wanted=wanted), strict=True))
        grid = self.model.config.grid(*pixels.shape[2:])
        tokens, beside = (
            torch.cat([levels[number].float() for number in some], dim=-1) for some in (own, others)
        )
        return TokenGrids(tokens.unflatten(1, grid)), beside, patches

    def normalize(self, frames: UInt8[torch.Tensor, "B T 3 H W"]) -> torch.Tensor:
        """The network's input ``(B, 3, T, H, W)``, on the device."""
        config = self.model.config
        if frames.shape[1] == 1 and config.generation.repeats:
            frames = frames.expand(-1, config.tubelet, -1, -1, -1)
        moved = frames.to(self.device, non_blocking=True).transpose(1, 2)
        return (moved - self._mean) / self._std

    def _take(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """The tokens of each layer, (B, N, D)."""
        if self._taps:
            return self._taps.run(lambda: self.model(pixels))
        return self.model(pixels, wanted=self.layer.levels)
