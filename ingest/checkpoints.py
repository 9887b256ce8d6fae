"""Weights of the V-JEPA family: read files strictly, create random weights, hash either.

load_meta        a file -> a model on the CPU, or a sentence that names the offending tensor
load_tensors     the same for an opened file; check: whether its tensors are this model's, before anything is copied
init_untrained   weights from a seed, the same bits on every machine
weights_sha256   which weights a model holds, whatever file they came from; tensors_sha256 of tensors without a model
"""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, overload

import numpy as np
import torch
from torch import nn

from tubelet.ingest.errors import CheckpointError
from tubelet.ingest.networks.vjepa import (
    UNTRAINED,
    Predictor,
    PredictorConfig,
    VisionTransformer,
    VisionTransformerConfig,
)
from tubelet.ingest.weights.formats import Weights, list_names, open_weights

Network = TypeVar("Network", VisionTransformer, Predictor)


def load_meta(path: str | Path, key: str, model: Network) -> Network:
    """The model with the weights that a file keeps under `key`, see `load_tensors`. Raises CheckpointError."""
    return load_tensors(model, open_weights(path), key)


def load_tensors(model: Network, weights: Weights, key: str) -> Network:
    """The model with the tensors under `key`: on the CPU, in float32, detached from the file.

    The file is mapped, so that the optimizer state around the encoder (four fifths of it) is never read. Names and shapes have to agree
    exactly, except for position tables that the trainer may have left and the model never reads. Raises CheckpointError.
    """
    check(model, weights, key)
    used = _select_tensors(model, weights, key)
    copies = {
        name: tensor.to(torch.float32, copy=True, memory_format=torch.contiguous_format)
        for name, tensor in used.items()
    }
    model.load_state_dict(copies, strict=True, assign=True)
    return model


def check(model: Network, weights: Weights, key: str) -> None:
    """Raises CheckpointError unless the names under `key` are the model's and each is a floating tensor of the model's shape."""
    tensors, wanted, where = (
        _select_tensors(model, weights, key),
        model.state_dict(),
        f"{weights.path} under {key!r}",
    )
    if missing := wanted.keys() - tensors.keys():
        raise CheckpointError(
            f"{where} lacks {list_names(missing)}: is it the file of another model?"
        )
    if extra := tensors.keys() - wanted.keys():
        raise CheckpointError(
            f"{where} has tensors that this model lacks, {list_names(extra)}: is it the file of another model?"
        )
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
            raise CheckpointError(f"{where}: {name} is not a tensor of floating numbers")
        if tensor.shape != wanted[name].shape:
            raise CheckpointError(
                f"{where}: {name} is {tuple(tensor.shape)} where this model has {tuple(wanted[name].shape)}"
            )


def _select_tensors(model: Network, weights: Weights, key: str) -> dict[str, torch.Tensor]:
    return {
        name: tensor
        for name, tensor in weights.tensors(key).items()
        if not model.config.is_unused(name, getattr(tensor, "shape", ()))
    }


@overload
def init_untrained(
    config: VisionTransformerConfig = UNTRAINED, seed: int = 0
) -> VisionTransformer: ...


@overload
def init_untrained(config: PredictorConfig, seed: int = 0) -> Predictor: ...


def init_untrained(
    config: VisionTransformerConfig | PredictorConfig = UNTRAINED, seed: int = 0
) -> VisionTransformer | Predictor:
    """A network with random weights, bit for bit the same on every machine: NumPy's PCG64 over the parameters in order of name.

    A weight is uniform with standard deviation 1 / sqrt(fan-in), so that every layer keeps the scale of its input: tokens then
    attend selectively and leave a block visibly changed, where the usual 0.02 hardly moves them away from their patch embedding.
    Norms are the identity, biases zero, position tables as always.
    """
    with torch.device("meta"):
        model = (
            VisionTransformer(config)
            if isinstance(config, VisionTransformerConfig)
            else Predictor(config)
        )
    generator = np.random.Generator(np.random.PCG64(seed))
    weights = {
        name: _initial(name, tuple(tensor.shape), generator)
        for name, tensor in sorted(model.named_parameters())
    }
    model.load_state_dict(weights | dict(model.named_buffers()), strict=True, assign=True)
    return model


def _initial(name: str, shape: tuple[int, ...], generator: np.random.Generator) -> torch.Tensor:
    if name.endswith(".bias"):
        return torch.zeros(shape, dtype=torch.float32)
    if "norm" in name:
        return torch.ones(shape, dtype=torch.float32)
    width = np.float32(
        math.sqrt(12 / math.prod(shape[1:]))
    )  # a uniform of this width has the variance 1 / fan-in
    return torch.from_numpy((generator.random(shape, dtype=np.float32) - np.float32(0.5)) * width)


def weights_sha256(model: nn.Module) -> str:
    """SHA-256 of the tensors that a model holds."""
    return tensors_sha256(model.state_dict())


def tensors_sha256(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over tensors in order of name: one line `name [shape]`, then the values as little-endian float32.

    One tensor is copied at a time, so that a model on a GPU is never copied whole.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {list(tensor.shape)}\n".encode())
        values = tensor.detach().to("cpu", torch.float32).contiguous().numpy()
        digest.update(values.astype("<f4", copy=False).data)
    return digest.hexdigest()
