"""What a model of transformers is: its class, how it is called, and which of its tokens are patches.

A new model type is one row of `SHAPES`. Two adapters serve them all: videos of a fixed count of frames, and images, one slice per frame,
whose class and register tokens stand before the patch tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tubelet.ingest.errors import UsageError
from tubelet.ingest.networks.hub import files

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALVES = (0.5,) * 3, (0.5,) * 3
UNSCALED = (0.0,) * 3, (1.0,) * 3  # RGB / 255 as it is
POOLING = "vision_model.head.", "head."  # of SigLIP, which its tokens do not pass
OPENAI = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


# Numbers of a config that memory depends on, and the largest that are believed
LIMITS = {
    "hidden_size": 16_384, "num_hidden_layers": 256, "num_attention_heads": 512, "intermediate_size": 131_072, "patch_size": 256,
    "image_size": 16_384, "num_channels": 3, "tubelet_size": 64, "num_frames": 4_096, "num_register_tokens": 1_024,
    "vocab_size": 2_000_000, "max_position_embeddings": 65_536, "hidden_sizes": 16_384, "depths": 256, "num_spatial_layers": 256,
    "num_temporal_layers": 256, "num_registers": 1_024, "num_cls_tokens": 1_024, "max_img_size": 16_384,
}  # fmt: skip

OPTIONAL = (
    "num_register_tokens",
    "tubelet_size",
    "num_frames",
    "use_mean_pooling",
    "num_registers",
    "num_cls_tokens",
)  # of some types
MAY_BE_0 = "num_register_tokens", "num_registers"
STEM, STAGE = (
    4,
    2,
)  # pixels per side that the first stage of a ConvNeXt makes one of, and each later one


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One model type. `leftovers` begin the names of tensors that its files may carry for other parts of the model."""

    family: str
    model: str  # class in transformers
    leading: int = 0  # class tokens before the patches; registers are counted by the config
    sizes: bool = True  # takes pictures of other sizes than its own
    interpolate: bool = False  # has to be asked to, by interpolate_pos_encoding
    leftovers: tuple[str, ...] = ("classifier.",)
    norm: str = "layernorm"  # behind the last block
    normed: bool = True  # whether there is one
    blocks: bool = True  # whether the residual stream has one grid from end to end
    takes: str = "pixel_values"  # the name of its input
    changes: tuple[tuple[str, object], ...] = ()  # to its config
    pixels: tuple[tuple[float, ...], tuple[float, ...]] = (
        IMAGENET  # mean and standard deviation that are ordinary for it
    )


SHAPES: Mapping[str, Shape] = {
    "videomae": Shape(
        family="VideoMAE",
        model="VideoMAEModel",
        sizes=False,
        leftovers=("decoder.", "encoder_to_decoder.", "mask_token", "classifier.", "fc_norm."),
    ),
    "dinov2": Shape(family="DINOv2", model="Dinov2Model", leading=1),
    "dinov2_with_registers": Shape(
        family="DINOv2 with registers", model="Dinov2WithRegistersModel", leading=1
    ),
    "dinov3_vit": Shape(family="DINOv3", model="DINOv3ViTModel", leading=1, norm="norm"),
    "ijepa": Shape(
        family="I-JEPA", model="IJepaModel", interpolate=True, leftovers=("classifier.", "pooler.")
    ),
    "vit_mae": Shape(
        family="ViT-MAE",
        model="ViTMAEModel",
        leading=1,
        interpolate=True,
        leftovers=("decoder.",),
        changes=(("mask_ratio", 0.0),),
    ),
    "clip": Shape(
        family="CLIP vision",
        norm="post_layernorm",
        model="CLIPVisionModel",
        leading=1,
        interpolate=True,
        leftovers=("text_model.", "text_projection.", "visual_projection.", "logit_scale"),
        pixels=OPENAI,
    ),
    "clip_vision_model": Shape(
        family="CLIP vision",
        norm="post_layernorm",
        model="CLIPVisionModel",
        leading=1,
        interpolate=True,
        leftovers=("visual_projection.",),
        pixels=OPENAI,
    ),
    "siglip": Shape(
        family="SigLIP vision",
        norm="post_layernorm",
        model="SiglipVisionModel",
        interpolate=True,
        leftovers=("text_model.", "logit_scale", "logit_bias", *POOLING),
        changes=(("vision_use_head", False),),
        pixels=HALVES,
    ),
    "tipsv2": Shape(
        family="TIPS v2",
        model="Tipsv2VisionModel",
        leading=1,
        leftovers=("text_model.", "temperature"),
        pixels=UNSCALED,
    ),
    "tipsv2_vision_model": Shape(
        family="TIPS v2", model="Tipsv2VisionModel", leading=1, pixels=UNSCALED
    ),
    "dinov3_convnext": Shape(
        family="DINOv3 ConvNeXt", model="DINOv3ConvNextModel", leading=1, blocks=False
    ),
    "radio": Shape(family="RADIO", model="RadioModel", normed=False, pixels=UNSCALED),
    "videoprism_vision_model": Shape(
        family="VideoPrism",
        model="VideoPrismVisionModel",
        sizes=False,
        blocks=False,
        takes="pixel_values_videos",
        pixels=UNSCALED,
    ),
    "siglip_vision_model": Shape(
        family="SigLIP vision",
        norm="post_layernorm",
        model="SiglipVisionModel",
        interpolate=True,
        leftovers=POOLING,
        changes=(("vision_use_head", False),),
        pixels=HALVES,
    ),
}


@dataclass(frozen=True, kw_only=True)
class ModelGeometry:
    """Numbers of a config: width of an embedding, patch, tubelet, the picture and frames it was trained on, and tokens before the patches."""

    dim: int
    patch: int
    tubelet: int
    height: int
    width: int
    frames: int | None  # the only count it takes; None for an image encoder
    leading: int
    depth: int  # blocks
    final_norm: bool


def shape_of(folder: Path) -> Shape:
    """The shape that the `model_type` of a config names. Raises UsageError."""
    config = files.settings(folder, "config.json")
    type_ = config.get("model_type")
    if not isinstance(type_, str) or type_ not in SHAPES:
        raise UsageError(
            f"{folder} holds a model of type {type_}: the types that Tubelet can run are {', '.join(SHAPES)}"
        )
    if type_ in ("clip", "siglip", "tipsv2") and not config.get("vision_config"):
        raise UsageError(
            f"{folder} holds a {type_} model without a vision part: --encoder takes one that has it"
        )
    return SHAPES[type_]


def find_blocks(model: torch.nn.Module, config: Any) -> torch.nn.ModuleList:
    """The blocks of a model: its one list of as many modules as its config has hidden layers."""
    lists = (module for module in model.modules() if isinstance(module, torch.nn.ModuleList))
    return next(found for found in lists if len(found) == config.num_hidden_layers)


def find_norm(model: torch.nn.Module, shape: Shape) -> torch.nn.Module | None:
    """The norm behind the last block; None where the model has none."""
    return next(
        (
            found
            for name, found in model.named_modules()
            if name.rpartition(".")[2] == shape.norm and name.count(".") <= 1
        ),
        None,
    )


def model_class(shape: Shape) -> Any:
    import transformers

    return getattr(transformers, shape.model)


def config_of(folder: Path, shape: Shape) -> Any:
    """The configuration as transformers reads it, with what the shape changes. Raises UsageError."""
    config = read_config(folder, shape)
    _check_numbers(
        {name: getattr(config, name) for name in LIMITS if hasattr(config, name)}, folder
    )
    if hasattr(config, "num_attention_heads") and config.hidden_size % config.num_attention_heads:
        raise UsageError(
            f"{folder / 'config.json'}: {config.hidden_size} dimensions cannot be shared by {config.num_attention_heads} heads"
        )
    for name, value in shape.changes:
        setattr(config, name, value)
    return config


def read_config(folder: Path, shape: Shape) -> Any:
    """The configuration as transformers reads it. Raises UsageError."""
    written = files.settings(folder, "config.json")
    for part in (written, written.get("vision_config"), written.get("text_config")):
        if isinstance(part, dict):  # transformers makes lists as long as some numbers say
            _check_numbers(
                {name: part[name] for name in LIMITS if part.get(name) is not None}, folder
            )
    try:
        with quiet():
            return model_class(shape).config_class.from_pretrained(folder)
    except Exception as error:  # transformers checks types and values, each in another way
        raise UsageError(
            f"{folder / 'config.json'} does not describe a {shape.family} model: {_first_line(error)}"
        ) from error


def _check_numbers(numbers: Mapping[str, Any], folder: Path) -> None:
    """Raises UsageError if a number that memory depends on is missing or absurd, before anything of that size is allocated."""
    for name, values in numbers.items():
        least, most = 0 if name in MAY_BE_0 else 1, LIMITS[name]
        for value in values if isinstance(values, list | tuple) and values else [values]:
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise UsageError(
                    f"{folder / 'config.json'}: {name} is {value!r:.60}, not a number from {least} to {most:,}: download the model again"
                )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]


def geometry(config: Any, shape: Shape) -> ModelGeometry:
    """The numbers that say how pixels become tokens. Raises UsageError for patches that are not square."""
    (patch, patch_width), (height, width) = _patch(config), _pair(config.image_size)
    if patch != patch_width:
        raise UsageError(
            f"patches of {patch} x {patch_width} pixels: Tubelet's encoders have square ones"
        )
    declared = (
        type(config)().to_dict()
    )  # a file may hold any name besides: transformers keeps it, and no model of the type reads it
    own = {name: getattr(config, name) for name in OPTIONAL if name in declared}
    tubelet = own.get("tubelet_size", 1)
    return ModelGeometry(
        dim=config.hidden_sizes[-1] if hasattr(config, "hidden_sizes") else config.hidden_size,
        patch=patch,
        tubelet=tubelet if isinstance(tubelet, int) else tubelet[0],
        height=height,
        width=width,
        frames=own.get("num_frames"),
        leading=shape.leading + sum(own.get(name) or 0 for name in (*MAY_BE_0, "num_cls_tokens")),
        depth=config.num_hidden_layers if shape.blocks else 0,
        final_norm=shape.normed and not own.get("use_mean_pooling", False),
    )


def _patch(config: Any) -> tuple[int, int]:
    """Pixels per side of what one token stands for."""
    if hasattr(config, "patch_size"):
        return _pair(config.patch_size)
    if hasattr(config, "hidden_sizes"):
        return _pair(STEM * STAGE ** (len(config.hidden_sizes) - 1))
    return _pair(config.tubelet_size[1:])


def parameters(config: Any, shape: Shape) -> int:
    """The number of parameters, counted without allocating them."""
    try:
        with quiet(), torch.device("meta"):
            return sum(tensor.numel() for tensor in model_class(shape)(config).parameters())
    except Exception as error:  # whatever a config of odd values meets in the code of its model
        raise UsageError(
            f"config.json does not describe a {shape.family} model that can be built: {_first_line(error)}"
        ) from error


class quiet:
    """transformers without progress bars and advice on stderr; its errors are raised as usual."""

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
