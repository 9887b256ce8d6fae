"""What a model of transformers is: its class, how it is called, and which of its tokens are patches.

A new model type is one row of `SHAPES`. Two adapters serve them all: videos of a fixed count of frames, and images, a slice
a frame, whose class and register tokens stand before the patch tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tubelet.ingest.errors import UsageError
from tubelet.ingest.networks.hub import files


@dataclass(frozen=True)
class Shape:
    """One model type. `leftovers` begin the names of tensors that its files may carry for other parts of the model."""

    family: str
    model: str  # class in transformers
    leading: int = 0  # class tokens before the patches; registers are counted by the config
    sizes: bool = True  # takes pictures of other sizes than its own
    interpolate: bool = False  # has to be asked to, by interpolate_pos_encoding
    leftovers: tuple[str, ...] = ("classifier.",)
    changes: tuple[tuple[str, object], ...] = ()  # to its config


SHAPES: Mapping[str, Shape] = {
    "videomae": Shape(
        "VideoMAE", "VideoMAEModel", sizes=False, leftovers=("decoder.", "encoder_to_decoder.", "mask_token", "classifier.", "fc_norm.")
    ),
    "dinov2": Shape("DINOv2", "Dinov2Model", leading=1),
    "dinov2_with_registers": Shape("DINOv2 with registers", "Dinov2WithRegistersModel", leading=1),
    "dinov3_vit": Shape("DINOv3", "DINOv3ViTModel", leading=1),
    "ijepa": Shape("I-JEPA", "IJepaModel", interpolate=True, leftovers=("classifier.", "pooler.")),
    "vit_mae": Shape("ViT-MAE", "ViTMAEModel", leading=1, interpolate=True, leftovers=("decoder.",), changes=(("mask_ratio", 0.0),)),
    "clip": Shape(
        "CLIP vision", "CLIPVisionModel", leading=1, interpolate=True, leftovers=("text_model.", "text_projection.", "visual_projection.", "logit_scale")
    ),
    "clip_vision_model": Shape("CLIP vision", "CLIPVisionModel", leading=1, interpolate=True, leftovers=("visual_projection.",)),
}


@dataclass(frozen=True)
class Geometry:
    """Numbers of a config: width of an embedding, patch, tubelet, the picture and frames it was trained on, and tokens before the patches."""

    dim: int
    patch: int
    tubelet: int
    height: int
    width: int
    frames: int | None  # the only count it takes; None for an image encoder
    leading: int


def shape_of(folder: Path) -> Shape:
    """The shape that the `model_type` of a config names. Raises UsageError."""
    config = files.settings(folder, "config.json")
    type_ = config.get("model_type")
    if type_ not in SHAPES:
        raise UsageError(f"{folder} holds a model of type {type_}: the types that Tubelet can run are {', '.join(SHAPES)}")
    if type_ == "clip" and not config.get("vision_config"):
        raise UsageError(f"{folder} holds a {type_} model without a vision part: --encoder takes one that has it")
    return SHAPES[type_]


def model_class(shape: Shape) -> Any:
    import transformers

    return getattr(transformers, shape.model)


def config_of(folder: Path, shape: Shape) -> Any:
    """The configuration as transformers reads it, with what the shape changes."""
    with quiet():
        config = model_class(shape).config_class.from_pretrained(folder)
    for name, value in shape.changes:
        setattr(config, name, value)
    return config


def geometry(config: Any, shape: Shape) -> Geometry:
    """The numbers that say how pixels become tokens. Raises UsageError for patches that are not square."""
    (patch, patch_width), (height, width) = _pair(config.patch_size), _pair(config.image_size)
    if patch != patch_width:
        raise UsageError(f"patches of {patch} x {patch_width} pixels: Tubelet's encoders have square ones")
    leading = shape.leading + (getattr(config, "num_register_tokens", 0) or 0)
    return Geometry(
        config.hidden_size, patch, getattr(config, "tubelet_size", 1), height, width, getattr(config, "num_frames", None), leading
    )


def parameters(config: Any, shape: Shape) -> int:
    """Numbers in the tensors of the model, counted without making them."""
    with quiet(), torch.device("meta"):
        return sum(tensor.numel() for tensor in model_class(shape)(config).parameters())


class quiet:
    """transformers without progress bars and advice on stderr; its errors are raised as ever."""

    def __enter__(self) -> None:
        from transformers.utils import logging

        self._verbosity, self._bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity(logging.CRITICAL)
        logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        from transformers.utils import logging

        logging.set_verbosity(self._verbosity)
        if self._bars:
            logging.enable_progress_bar()


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else tuple(size)
