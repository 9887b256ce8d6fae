"""A model of transformers as an encoder: 8-bit frames in, token grids out."""

from dataclasses import dataclass
from pathlib import Path

import torch

from tubelet.array_types import UInt8
from tubelet.ingest import precision
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.errors import UsageError
from tubelet.ingest.grid import TokenGrids
from tubelet.ingest.networks.hub import files
from tubelet.ingest.networks.hub.shapes import (
    IMAGENET,
    UNSCALED,
    ModelGeometry,
    Shape,
    find_blocks,
    find_norm,
)
from tubelet.ingest.networks.taps import Taps

SMALLEST, LARGEST = 1e-12, 1e12  # of numbers that pixels are divided by or moved by
LARGEST_SIDE = 16_384  # pixels
# Settings of a preprocessor that change the pixels a model gets; a file without any of them says nothing about them
SCALING = {"image_mean", "image_std", "do_normalize", "do_rescale", "rescale_factor"}
STEM = "patch_projection"  # of RADIO: a matrix in the place of a convolution
DIGITS = 6  # of means and deviations: more are rounding of the arithmetic around them

Channels = tuple[tuple[float, ...], tuple[float, ...]]  # mean and standard deviation of each


@dataclass(frozen=True)
class Pixels:
    """How pixels become a model's input: mean and standard deviation per channel, on a scale of 0 to 1, and their source."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    side: int | None  # pixels that the model's own preprocessing crops to
    source: str

    @classmethod
    def of(cls, folder: Path, shape: Shape | None = None) -> "Pixels":
        """What the model's preprocessor configuration says; where it has none, ImageNet's numbers or, of models that scale their own pixels, none. Raises UsageError for anything else."""
        for name in files.SETTINGS[1:]:
            found = files.settings(folder, name)
            found = found.get("image_processor") or found.get("video_processor") or found
            if isinstance(found, dict) and SCALING & found.keys():
                return cls._from(found, folder / name)
        if shape and shape.pixels == UNSCALED:
            return cls(*UNSCALED, None, "as the model has no preprocessor configuration")
        return cls(*IMAGENET, None, "ImageNet's, as the model has no preprocessor configuration")

    @classmethod
    def _from(cls, found: dict, path: Path) -> "Pixels":
        mean, std = (
            _channels(found, key, ordinary, path)
            for key, ordinary in zip(("image_mean", "image_std"), IMAGENET)
        )
        if not found.get("do_normalize", True):
            mean, std = (0.0,) * 3, (1.0,) * 3
        scale = (
            _number(found, "rescale_factor", 1 / 255, path) * 255
            if found.get("do_rescale", True)
            else 255.0
        )
        if min(map(abs, std)) < SMALLEST or scale < SMALLEST:
            raise UsageError(
                f"{path}: image_std and rescale_factor divide every pixel and cannot be 0: correct the file, or download the model again"
            )
        return cls(
            tuple(m / scale for m in mean),
            tuple(s / scale for s in std),
            _side(found, path),
            f"from {path.name}",
        )

    def unusual(self, trained: Channels) -> dict[str, tuple[float, ...]]:
        """Mean and standard deviation where they are not those that models of this type are trained with."""
        own, ordinary = (
            [round(value, DIGITS) for part in parts for value in part]
            for parts in ((self.mean, self.std), trained)
        )
        return {} if own == ordinary else {"image_mean": self.mean, "image_std": self.std}

    @property
    def words(self) -> str:
        mean, std = (
            " ".join(f"{value:.6g}" for value in values) for values in (self.mean, self.std)
        )
        return f"RGB / 255, mean {mean}, standard deviation {std} ({self.source}); antialiased bilinear resize in 8 bits"


def _channels(found: dict, key: str, ordinary: tuple[float, ...], path: Path) -> tuple[float, ...]:
    """Three numbers, one per channel; one number stands for all three, null or nothing for the ordinary ones."""
    given = found.get(key)
    given = ordinary if given is None else given if isinstance(given, list) else [given]
    if len(given) not in (1, 3) or not all(map(_is_number, given)):
        raise UsageError(
            f"{path}: {key} is {_shorten(found[key])}, not three numbers: correct the file, or download the model again"
        )
    return tuple(float(value) for value in (given if len(given) == 3 else given * 3))


def _number(found: dict, key: str, ordinary: float, path: Path) -> float:
    given = found.get(key)
    if given is not None and not _is_number(given):
        raise UsageError(
            f"{path}: {key} is {_shorten(given)}, not a number: correct the file, or download the model again"
        )
    return ordinary if given is None else float(given)


def _side(found: dict, path: Path) -> int | None:
    crop = found.get("crop_size") or found.get("size")
    side = (crop.get("height") or crop.get("shortest_edge")) if isinstance(crop, dict) else crop
    if side is not None and not (
        isinstance(side, int) and not isinstance(side, bool) and 0 < side <= LARGEST_SIDE
    ):
        raise UsageError(
            f"{path}: the size {_shorten(side)} is not a number of pixels up to {LARGEST_SIDE:,}: correct the file, or pass another model"
        )
    return side


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


class HubEncoder:
    """One layer of a model of transformers, or several joined; class and register tokens are left out."""

    def __init__(
        self,
        model: torch.nn.Module,
        geometry: ModelGeometry,
        shape: Shape,
        pixels: Pixels,
        setting: LoadOptions,
    ) -> None:
        self.device = setting.device
        self.geometry = geometry
        self._shape = shape
        self._precision = setting.precision
        self._model = precision.place_model(model, self.device, self._precision)
        layer = setting.layer
        self._taps = (
            Taps(find_blocks(model, model.config), find_norm(model, shape), layer)
            if layer.blocks
            else None
        )
        self._mean = torch.tensor(pixels.mean, device=self.device).view(3, 1, 1) * 255
        self._std = torch.tensor(pixels.std, device=self.device).view(3, 1, 1) * 255
        for (
            name,
            module,
        ) in (
            model.named_modules()
        ):  # the residual stream begins here, and the positions are added to it: in float32
            if isinstance(module, torch.nn.Conv2d | torch.nn.Conv3d) or name.endswith(STEM):
                module.register_forward_hook(lambda module, given, patches: patches.float())

    def encode(self, frames: UInt8[torch.Tensor, "B T 3 H W"]) -> TokenGrids:
        """``(B, T, 3, H, W)`` in uint8 to ``(B, T / tubelet, H / patch, W / patch, dim)`` in float32."""
        clips, count, _, height, width = frames.shape
        pixels = (
            frames.to(self.device, non_blocking=True) - self._mean
        ) / self._std  # (B, T, 3, H, W)
        pixels = pixels if self.geometry.frames else pixels.flatten(0, 1)
        with precision.autocast(self.device, self._precision):
            tokens = torch.cat(self._take(pixels), dim=-1)
        tokens = tokens[:, self.geometry.leading :].float()
        patch = self.geometry.patch
        return TokenGrids(
            tokens.reshape(
                clips, count // self.geometry.tubelet, height // patch, width // patch, -1
            )
        )

    def _take(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """The tokens of each layer, class and register tokens first."""
        arguments = self._arguments(pixels)
        if self._taps:
            return self._taps.run(lambda: self._model(**arguments))
        return [self._model(**arguments).last_hidden_state]

    def _arguments(self, pixels: torch.Tensor) -> dict[str, object]:
        arguments: dict[str, object] = (
            {"interpolate_pos_encoding": True} if self._shape.interpolate else {}
        )
        arguments[self._shape.takes] = pixels
        if ("mask_ratio", 0.0) in self._shape.changes:
            arguments["noise"] = self._in_order(pixels)
        return arguments

    def _in_order(self, pixels: torch.Tensor) -> torch.Tensor:
        """Rising noise: even without masking, ViT-MAE returns tokens in the order of their noise."""
        patches = (pixels.shape[-2] // self.geometry.patch) * (
            pixels.shape[-1] // self.geometry.patch
        )
        return torch.arange(patches, device=self.device, dtype=torch.float32).expand(
            len(pixels), -1
        )
