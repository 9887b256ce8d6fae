"""Weights that `tubelet pretrain` wrote: one safetensors file in half precision whose metadata says which network they belong to.

names      `encoder.*` and `predictor.*`, Meta's names after that
metadata   `tubelet_format`, `encoder`, `predictor` and `settings` as JSON, `steps`, and `made_with` in words
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

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
Shape = TypeVar("Shape", VisionTransformerConfig, PredictorConfig)
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
# Counts that memory and time depend on: the largest that are believed
MOST = {
    "dim": 16_384, "depth": 256, "heads": 512, "mlp": 131_072, "patch": 256, "tubelet": 64,
    "inputs": 131_072, "outputs": 131_072, "mask_tokens": 64, "hidden": 131_072,
}  # fmt: skip


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
    """The shape of the encoder in the file. Raises CheckpointError for one that no encoder has."""
    values = _read_description(path, "encoder", SHAPE)
    levels = values.get("levels")
    if (
        not isinstance(levels, list)
        or not levels
        or not all(_is_count(level, 0, MOST["depth"]) for level in levels)
    ):
        raise _odd(path, "encoder", "levels", levels)
    return _shape(path, "encoder", VisionTransformerConfig, {**values, "levels": tuple(levels)})


def _predictor_config(path: str | Path) -> PredictorConfig:
    """The shape of the predictor in the file, likewise."""
    values = _read_description(path, "predictor", PREDICTOR_SHAPE)
    if not isinstance(values.get("interpolated", False), bool):
        raise _odd(path, "predictor", "interpolated", values["interpolated"])
    return _shape(path, "predictor", PredictorConfig, values)


def _read_description(path: str | Path, part: str, names: Sequence[str]) -> dict[str, Any]:
    """The file's description of a network, with plausible counts. Raises CheckpointError."""
    try:
        values = json.loads(metadata(path).get(part, ""))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or not set(values) <= set(names):
        raise _refuse_undescribed(path, part)
    for name in MOST.keys() & values.keys():
        if not _is_count(values[name], 1, MOST[name]) and (name, values[name]) != ("hidden", None):
            raise _odd(path, part, name, values[name])
    return values


def _shape(path: str | Path, part: str, class_: type[Shape], values: Mapping[str, Any]) -> Shape:
    try:
        return class_(**values)
    except (TypeError, ValueError) as error:
        raise _refuse_undescribed(path, part) from error


def _refuse_undescribed(path: str | Path, part: str) -> CheckpointError:
    return CheckpointError(
        f"{path} does not describe the {part} of this version: create it again with `tubelet pretrain`"
    )


def _is_count(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _odd(path: str | Path, part: str, name: str, value: object) -> CheckpointError:
    return CheckpointError(
        f"{path}: {name} of its {part} is {value!r:.60}, which no {part} has: create it again with `tubelet pretrain`"
    )


def load(path: str | Path) -> VisionTransformer:
    """The encoder, in float32 on the CPU. Raises CheckpointError unless the file holds exactly its tensors."""
    shape = config(path)
    with torch.device("meta"):
        model = VisionTransformer(shape)
    return _fill(model, path, PREFIX)


def load_predictor(path: str | Path) -> Predictor | None:
    """The predictor, likewise; None where the file does not say which shape it has."""
    found = metadata(path)
    if "predictor" not in found:
        return None
    with torch.device("meta"):
        model = Predictor(_predictor_config(path))
    return _fill(model, path, PREDICTOR)


def _fill(model: Network, path: str | Path, prefix: str) -> Network:
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
            f"{path} lacks the {prefix[:-1]} that it describes: create it again with `tubelet pretrain`"
        ) from error
    return model
