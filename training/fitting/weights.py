"""The file of a fitted model: its weights, scaling and shape as safetensors, which both torch and NumPy read."""

import json
from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from tubelet.training.fitting.scaling import Scaling

MEAN, STD, SHAPE = "scaling.mean", "scaling.std", "shape"


def pack_weights(network: torch.nn.Module, scaling: Scaling, shape: Mapping[str, Any]) -> bytes:
    """The bytes of the file."""
    tensors: dict[str, Tensor] = {MEAN: scaling.mean, STD: scaling.std, **network.state_dict()}
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return save(whole, {SHAPE: json.dumps(dict(shape))})


def unpack_weights(data: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and shape out of the bytes of a file that `pack_weights` made."""
    length = int.from_bytes(data[:8], "little")
    return load(data), json.loads(json.loads(data[8 : 8 + length])["__metadata__"][SHAPE])
