"""Weights of the V-JEPA family: Meta's files read strictly, random ones made, either summed up in a hash.

    RELEASED         the files Meta released and the networks they hold
    load_meta        a file -> a model on the CPU, or a sentence that names the tensor in the way
    untrained        weights from a seed, the same bits on every machine
    weights_sha256   which weights a model holds, whatever file they came from; tensors_sha256 of tensors without a model
"""

import hashlib
import math
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from ingest.vjepa import UNTRAINED, VARIANTS, Predictor, PredictorConfig, Variant, VisionTransformer, VisionTransformerConfig
from store.errors import TubeletError

KEYS = ("ema_encoder", "target_encoder", "predictor")  # averaged encoders; `encoder` is the student, other weights in the same shape
PREFIXES = ("module.", "backbone.")  # left by the training code's wrappers
DAMAGE = (OSError, EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError)
Network = TypeVar("Network", VisionTransformer, Predictor)


class CheckpointError(TubeletError):
    """A file of weights that is absent, damaged, unsafe, or of another model."""


@dataclass(frozen=True)
class Release:
    """One model Meta released: its networks, the key of its encoder in the file, and the file. Names of g and G differ in case alone."""

    variant: Variant
    key: str
    file: str

    @property
    def config(self) -> VisionTransformerConfig:
        return self.variant.encoder

    @property
    def url(self) -> str:
        return f"https://dl.fbaipublicfiles.com/{self.file}"


FILES = {  # name -> the encoder's key, the file
    "vjepa2.1-vitb": ("ema_encoder", "vjepa2/vjepa2_1_vitb_dist_vitG_384.pt"),
    "vjepa2.1-vitl": ("ema_encoder", "vjepa2/vjepa2_1_vitl_dist_vitG_384.pt"),
    "vjepa2.1-vitg": ("target_encoder", "vjepa2/vjepa2_1_vitg_384.pt"),
    "vjepa2.1-vitG": ("target_encoder", "vjepa2/vjepa2_1_vitG_384.pt"),
    "vjepa2-vitl": ("target_encoder", "vjepa2/vitl.pt"),
    "vjepa2-vith": ("target_encoder", "vjepa2/vith.pt"),
    "vjepa2-vitg": ("target_encoder", "vjepa2/vitg.pt"),
    "vjepa2-vitg-384": ("target_encoder", "vjepa2/vitg-384.pt"),
    "vjepa1-vitl": ("target_encoder", "jepa/vitl16/vitl16.pth.tar"),
    "vjepa1-vith": ("target_encoder", "jepa/vith16/vith16.pth.tar"),
    "vjepa1-vith-384": ("target_encoder", "jepa/vith16-384/vith16-384.pth.tar"),
}
RELEASED = {name: Release(VARIANTS[name], *file) for name, file in FILES.items()}


def load_meta(path: str | Path, key: str, model: Network) -> Network:
    """The model with the weights that a checkpoint in Meta's format keeps under `key`: on the CPU, in float32, detached from the file.

    The file is mapped, so that the optimizer state around the encoder (four fifths of it) is never read. Names and shapes have to agree
    exactly, but for tables of positions that the trainer may have left and the model never reads. Raises CheckpointError.
    """
    found = _sub_dict(read(path), key, path)
    weights = {name: tensor for name, tensor in found.items() if not model.config.unused(name, getattr(tensor, "shape", ()))}
    _check(weights, model.state_dict(), f"{path} under {key!r}")
    copies = {name: tensor.to(torch.float32, copy=True, memory_format=torch.contiguous_format) for name, tensor in weights.items()}
    model.load_state_dict(copies, strict=True, assign=True)
    return model


def read(path: str | Path) -> object:
    """What the file holds, tensors mapped from the disk; only tensors and plain values are ever built from it."""
    if not Path(path).is_file():
        raise CheckpointError(f"{path} is no file: give the path of a downloaded checkpoint")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path} holds code or damaged data besides tensors, none of it was run: download it again") from error
    except DAMAGE as error:
        raise CheckpointError(f"{path} is no whole checkpoint (cut off, or not in PyTorch's zip format): download it again") from error


def _sub_dict(checkpoint: object, key: str, path: str | Path) -> dict[str, torch.Tensor]:
    """The tensors under one key by their names in the model; every occurrence of a prefix is dropped."""
    if key not in KEYS:
        raise CheckpointError(f"{key!r} is not a network to measure with: use one of {listed(KEYS)}")
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get(key), dict):
        held = listed(checkpoint) if isinstance(checkpoint, dict) else type(checkpoint).__name__
        raise CheckpointError(f"{path} has no weights under {key!r}, it holds {held}: is it the file of another model?")
    weights = {}
    for name, tensor in checkpoint[key].items():
        cleaned = _cleaned(str(name))
        if cleaned in weights:
            raise CheckpointError(f"{path} under {key!r} holds {cleaned} twice, under different prefixes")
        weights[cleaned] = tensor
    return weights


def _cleaned(name: str) -> str:
    for prefix in PREFIXES:
        name = name.replace(prefix, "")
    return name


def _check(weights: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor], where: str) -> None:
    """Raises CheckpointError unless the names are the same and each is a floating tensor of the wanted shape."""
    if missing := wanted.keys() - weights.keys():
        raise CheckpointError(f"{where} lacks {listed(missing)}: is it the file of another model?")
    if extra := weights.keys() - wanted.keys():
        raise CheckpointError(f"{where} has tensors this model does not know, {listed(extra)}: is it the file of another model?")
    for name, tensor in weights.items():
        if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
            raise CheckpointError(f"{where}: {name} is no tensor of floating numbers")
        if tensor.shape != wanted[name].shape:
            raise CheckpointError(f"{where}: {name} is {tuple(tensor.shape)} where this model has {tuple(wanted[name].shape)}")


def listed(names: Iterable[object], most: int = 5) -> str:
    names = sorted(map(str, names))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "") if names else "nothing"


def untrained(config: VisionTransformerConfig | PredictorConfig = UNTRAINED, seed: int = 0) -> VisionTransformer | Predictor:
    """A network with random weights, bit for bit the same on every machine: NumPy's PCG64 over the parameters in order of name.

    A weight is uniform with standard deviation 1 / sqrt(fan-in), so that every layer keeps the scale of what it is given: tokens then
    attend selectively and leave a block visibly changed, where the usual 0.02 hardly moves them away from their patch embedding.
    Norms are the identity, biases zero, tables of positions what they always are.
    """
    with torch.device("meta"):
        model = VisionTransformer(config) if isinstance(config, VisionTransformerConfig) else Predictor(config)
    generator = np.random.Generator(np.random.PCG64(seed))
    weights = {name: _initial(name, tuple(tensor.shape), generator) for name, tensor in sorted(model.named_parameters())}
    model.load_state_dict(weights | dict(model.named_buffers()), strict=True, assign=True)
    return model


def _initial(name: str, shape: tuple[int, ...], generator: np.random.Generator) -> torch.Tensor:
    if name.endswith(".bias"):
        return torch.zeros(shape, dtype=torch.float32)
    if "norm" in name:
        return torch.ones(shape, dtype=torch.float32)
    width = np.float32(math.sqrt(12 / math.prod(shape[1:])))  # a uniform of this width has the variance 1 / fan-in
    return torch.from_numpy((generator.random(shape, dtype=np.float32) - np.float32(0.5)) * width)


def weights_sha256(model: nn.Module) -> str:
    """SHA-256 of the tensors that a model holds."""
    return tensors_sha256(model.state_dict())


def tensors_sha256(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over tensors in order of name: a line `name [shape]`, then the values as little-endian float32.

    One tensor is copied at a time, so that a model on a GPU is never copied whole.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {list(tensor.shape)}\n".encode())
        values = tensor.detach().to("cpu", torch.float32).contiguous().numpy()
        digest.update(values.astype("<f4", copy=False).data)
    return digest.hexdigest()
