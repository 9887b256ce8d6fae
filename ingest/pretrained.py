"""Weights that `tubelet pretrain` wrote: one safetensors file in half precision whose metadata says which network they belong to.

names      `encoder.*` and `predictor.*`, Meta's names after that
metadata   `tubelet_format`, `encoder`, `predictor` and `settings` as JSON, `steps`, and `made_with` in words
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from tubelet.ingest.errors import CheckpointError
from tubelet.ingest.networks.vjepa import (
    Predictor,
    PredictorConfig,
    VisionTransformer,
    VisionTransformerConfig,
)

Network = TypeVar("Network", VisionTransformer, Predictor)
FORMAT = "pretrained 1"
PREFIX = "encoder."
PREDICTOR = "predictor."
SHAPE = "dim", "depth", "heads", "mlp", "levels", "patch", "tubelet"
PREDICTOR_SHAPE = (
    "inputs",
    "outputs",
    "mask_tokens",
    "hidden",
    "interpolated",
    "dim",
    "mlp",
    "depth",
    "heads",
)


def serialize(
    encoder: nn.Module,
    config: VisionTransformerConfig,
    predictor: Predictor,
    words: Mapping[str, str],
) -> bytes:
    """The file's bytes. Of the shape only what `VisionTransformerConfig` takes besides the generation, which is 2.1, is written."""
    weights = {PREFIX + name: tensor for name, tensor in encoder.state_dict().items()}
    weights |= {PREDICTOR + name: tensor for name, tensor in predictor.state_dict().items()}
    halves = {
        name: tensor.detach().to("cpu", torch.float16).contiguous()
        for name, tensor in weights.items()
    }
    shapes = {"encoder": (config, SHAPE), "predictor": (predictor.config, PREDICTOR_SHAPE)}
    described = {
        part: json.dumps({name: getattr(shape, name) for name in names})
        for part, (shape, names) in shapes.items()
    }
    return save(halves, {"tubelet_format": FORMAT, **described, **words})


def metadata(path: str | Path) -> dict[str, str]:
    """What the file says about itself. Raises CheckpointError if `tubelet pretrain` did not write it."""
    if not Path(path).is_file():
        raise CheckpointError(
            f"{path} is not a file: give the path of weights that `tubelet pretrain` wrote"
        )
    try:
        with safe_open(path, "pt") as file:
            found = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is not a complete safetensors file: create it again with `tubelet pretrain`"
        ) from error
    if found.get("tubelet_format") != FORMAT:
        raise CheckpointError(
            f"{path} was not written by this version of `tubelet pretrain`: name the encoder that it belongs to"
        )
    return found


def config(path: str | Path) -> VisionTransformerConfig:
    """The shape of the encoder in the file."""
    try:
        values = json.loads(metadata(path)["encoder"])
        return VisionTransformerConfig(**{**values, "levels": tuple(values["levels"])})
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} does not describe an encoder of this version: create it again with `tubelet pretrain`"
        ) from error


def load(path: str | Path) -> VisionTransformer:
    """The encoder, in float32 on the CPU. Raises CheckpointError unless the file holds exactly its tensors."""
    shape = config(path)
    with torch.device("meta"):
        model = VisionTransformer(shape)
    return _filled(model, path, PREFIX)


def load_predictor(path: str | Path) -> Predictor | None:
    """The predictor, likewise; None where the file does not say which shape it has."""
    found = metadata(path)
    if "predictor" not in found:
        return None
    with torch.device("meta"):
        model = Predictor(PredictorConfig(**json.loads(found["predictor"])))
    return _filled(model, path, PREDICTOR)


def _filled(model: Network, path: str | Path, prefix: str) -> Network:
    with safe_open(path, "pt") as file:
        weights = {
            name.removeprefix(prefix): file.get_tensor(name).float()
            for name in sorted(file.keys())
            if name.startswith(prefix)
        }
    try:
        model.load_state_dict(weights, strict=True, assign=True)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path} does not hold the {prefix[:-1]} that it describes: make it again with `tubelet pretrain`"
        ) from error
    return model
