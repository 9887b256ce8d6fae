"""A model of transformers as an encoder: 8-bit frames in, token grids out."""

from dataclasses import dataclass
from pathlib import Path

import torch

from tubelet.ingest import precision
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.grid import TokenGrids
from tubelet.ingest.networks.hub import files
from tubelet.ingest.networks.hub.shapes import Geometry, Shape

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Pixels:
    """How pixels become a model's input: mean and standard deviation a channel, on a scale of 0 to 1, and who says so."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    side: int | None  # pixels that the model's own preprocessing crops to
    source: str

    @classmethod
    def of(cls, folder: Path) -> "Pixels":
        """What the model's preprocessor configuration says; ImageNet's numbers where it has none."""
        for name in files.SETTINGS[1:]:
            found = files.settings(folder, name)
            found = found.get("image_processor") or found.get("video_processor") or found
            if "image_mean" in found or "do_normalize" in found:
                return cls._from(found, name)
        return cls(*IMAGENET, None, "ImageNet's, as the model has no preprocessor configuration")

    @classmethod
    def _from(cls, found: dict, name: str) -> "Pixels":
        mean, std = found.get("image_mean", IMAGENET[0]), found.get("image_std", IMAGENET[1])
        if not found.get("do_normalize", True):
            mean, std = (0.0,) * 3, (1.0,) * 3
        scale = found.get("rescale_factor", 1 / 255) * 255 if found.get("do_rescale", True) else 255.0
        crop = found.get("crop_size") or found.get("size") or {}
        side = crop.get("height") or crop.get("shortest_edge") if isinstance(crop, dict) else crop
        return cls(tuple(m / scale for m in mean), tuple(s / scale for s in std), side, f"from {name}")

    @property
    def words(self) -> str:
        mean, std = (" ".join(f"{value:.6g}" for value in values) for values in (self.mean, self.std))
        return f"RGB / 255, mean {mean}, standard deviation {std} ({self.source}); antialiased bilinear resize in 8 bits"


class HubEncoder:
    """The last hidden states of a model of transformers; class and register tokens are left out."""

    def __init__(self, model: torch.nn.Module, geometry: Geometry, shape: Shape, pixels: Pixels, setting: LoadOptions) -> None:
        self.device = setting.device
        self.geometry = geometry
        self._shape = shape
        self._precision = setting.precision
        self._model = precision.place_model(model, self.device, self._precision)
        self._mean = torch.tensor(pixels.mean, device=self.device).view(3, 1, 1) * 255
        self._std = torch.tensor(pixels.std, device=self.device).view(3, 1, 1) * 255
        for module in model.modules():  # the residual stream begins here, and the positions are added to it: in float32
            if isinstance(module, torch.nn.Conv2d | torch.nn.Conv3d):
                module.register_forward_hook(lambda module, given, patches: patches.float())

    def encode(self, frames: torch.Tensor) -> TokenGrids:
        """``(B, T, 3, H, W)`` in uint8 to ``(B, T / tubelet, H / patch, W / patch, dim)`` in float32."""
        clips, count, _, height, width = frames.shape
        pixels = (frames.to(self.device, non_blocking=True) - self._mean) / self._std  # (B, T, 3, H, W)
        pixels = pixels if self.geometry.frames else pixels.flatten(0, 1)
        with precision.autocast(self.device, self._precision):
            tokens = self._model(pixel_values=pixels, **self._arguments(pixels)).last_hidden_state
        tokens = tokens[:, self.geometry.leading :].float()
        patch = self.geometry.patch
        return TokenGrids(tokens.reshape(clips, count // self.geometry.tubelet, height // patch, width // patch, -1))

    def _arguments(self, pixels: torch.Tensor) -> dict[str, object]:
        arguments: dict[str, object] = {"interpolate_pos_encoding": True} if self._shape.interpolate else {}
        if ("mask_ratio", 0.0) in self._shape.changes:
            arguments["noise"] = self._in_order(pixels)
        return arguments

    def _in_order(self, pixels: torch.Tensor) -> torch.Tensor:
        """Noise that rises from token to token: masking, even of nothing, returns tokens in the order of their noise."""
        patches = (pixels.shape[-2] // self.geometry.patch) * (pixels.shape[-1] // self.geometry.patch)
        return torch.arange(patches, device=self.device, dtype=torch.float32).expand(len(pixels), -1)
