"""Weights of V-JEPA 2.1: files read strictly, random ones made, either summed up in a hash.

    CONFIGS          the shapes of the released encoders
    load_meta        a file -> a model on the CPU, or a sentence that names the tensor in the way
    filled, check    the same for an opened file; whether its tensors are this model's, before anything is copied
    untrained        weights from a seed, the same bits on every machine
    weights_sha256   which weights a model holds, whatever file they came from
"""

import hashlib
import math
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from ingest.errors import CheckpointError
from ingest.vjepa import VisionTransformer, VisionTransformerConfig
from ingest.weights.formats import Weights, listed, opened

Model = TypeVar("Model", bound=nn.Module)

VIT_B = VisionTransformerConfig(dim=768, depth=12, heads=12, mlp=3072, levels=(2, 5, 8, 11))
VIT_L = VisionTransformerConfig(dim=1024, depth=24, heads=16, mlp=4096, levels=(5, 11, 17, 23))
VIT_G1B = VisionTransformerConfig(dim=1408, depth=40, heads=22, mlp=6144, levels=(9, 19, 29, 39))
VIT_G2B = VisionTransformerConfig(dim=1664, depth=48, heads=26, mlp=8192, levels=(11, 23, 37, 47))
CONFIGS = {"vjepa2.1-vitb": VIT_B, "vjepa2.1-vitl": VIT_L, "vjepa2.1-vitg": VIT_G1B, "vjepa2.1-vitG": VIT_G2B}
UNTRAINED = VisionTransformerConfig(dim=192, depth=6, heads=3, mlp=768, levels=(0, 2, 3, 5))


def load_meta(path: str | Path, key: str, model: Model) -> Model:
    """The model with the weights that a file keeps under `key`, see `filled`. Raises CheckpointError."""
    return filled(model, opened(path), key)


def filled(model: Model, weights: Weights, key: str) -> Model:
    """The model with the tensors under `key`: on the CPU, in float32, detached from the file.

    The file is mapped, so that the optimizer state around the encoder (four fifths of it) is never read. Names and shapes have to agree
    exactly. Raises CheckpointError.
    """
    check(model, weights, key)
    copies = {
        name: tensor.to(torch.float32, copy=True, memory_format=torch.contiguous_format) for name, tensor in weights.tensors(key).items()
    }
    model.load_state_dict(copies, strict=True, assign=True)
    return model


def check(model: nn.Module, weights: Weights, key: str) -> None:
    """Raises CheckpointError unless the names under `key` are the model's and each is a floating tensor of the model's shape."""
    tensors, wanted, where = weights.tensors(key), model.state_dict(), f"{weights.path} under {key!r}"
    if missing := wanted.keys() - tensors.keys():
        raise CheckpointError(f"{where} lacks {listed(missing)}: is it the file of another model?")
    if extra := tensors.keys() - wanted.keys():
        raise CheckpointError(f"{where} has tensors this model does not know, {listed(extra)}: is it the file of another model?")
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
            raise CheckpointError(f"{where}: {name} is no tensor of floating numbers")
        if tensor.shape != wanted[name].shape:
            raise CheckpointError(f"{where}: {name} is {tuple(tensor.shape)} where this model has {tuple(wanted[name].shape)}")


def untrained(config: VisionTransformerConfig = UNTRAINED, seed: int = 0) -> VisionTransformer:
    """An encoder with random weights, bit for bit the same on every machine: NumPy's PCG64 over the tensors in order of name.

    A weight is uniform with standard deviation 1 / sqrt(fan-in), so that every layer keeps the scale of what it is given: tokens then
    attend selectively and leave a block visibly changed, where the usual 0.02 hardly moves them away from their patch embedding.
    Norms are the identity, biases zero.
    """
    with torch.device("meta"):
        model = VisionTransformer(config)
    generator = np.random.Generator(np.random.PCG64(seed))
    weights = {name: _initial(name, tuple(tensor.shape), generator) for name, tensor in sorted(model.state_dict().items())}
    model.load_state_dict(weights, strict=True, assign=True)
    return model


def _initial(name: str, shape: tuple[int, ...], generator: np.random.Generator) -> torch.Tensor:
    if name.endswith(".bias"):
        return torch.zeros(shape, dtype=torch.float32)
    if "norm" in name:
        return torch.ones(shape, dtype=torch.float32)
    width = np.float32(math.sqrt(12 / math.prod(shape[1:])))  # a uniform of this width has the variance 1 / fan-in
    return torch.from_numpy((generator.random(shape, dtype=np.float32) - np.float32(0.5)) * width)


def weights_sha256(model: nn.Module) -> str:
    """SHA-256 over the tensors in order of name: a line `name [shape]`, then the values as little-endian float32.

    One tensor is copied at a time, so that a model on a GPU is never copied whole.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {list(tensor.shape)}\n".encode())
        values = tensor.detach().to("cpu", torch.float32).contiguous().numpy()
        digest.update(values.astype("<f4", copy=False).data)
    return digest.hexdigest()
