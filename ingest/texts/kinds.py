"""Which models read texts: one row per type, with the class that holds both networks and where its head for patch tokens is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

POOLING, PROJECTION, SHARED = "pooling", "projection", "shared"  # as `latent.texts.head` has them
Head = tuple[dict[str, np.ndarray], dict[str, str]]  # weights, and settings as text


@dataclass(frozen=True, kw_only=True)
class TextKind:
    """`padded`: texts are filled up to the longest length and the filling is read, as in training; otherwise it is masked."""

    model: str  # class in transformers
    head: str
    read_head: Callable[[Any], Head]
    padded: bool = False


def read_pooling(model: Any) -> Head:
    """SigLIP's attention pooling, its three projections apart."""
    head = model.vision_model.head
    attention, mlp = head.attention, head.mlp
    parts = dict(zip(("query", "key", "value"), attention.in_proj_weight.chunk(3)))
    biases = dict(zip(parts, attention.in_proj_bias.chunk(3)))
    found = {
        "probe": head.probe.reshape(1, -1),
        **{f"{name}.weight": one for name, one in parts.items()},
        **{f"{name}.bias": one for name, one in biases.items()},
        **_linear("out", attention.out_proj),
        **_linear("norm", head.layernorm),
        **_linear("first", mlp.fc1),
        **_linear("second", mlp.fc2),
    }
    config = model.config.vision_config
    settings = {
        "heads": str(attention.num_heads),
        "eps": repr(head.layernorm.eps),
        "activation": config.hidden_act,
    }
    return _as_arrays(found), settings


def read_projection(model: Any) -> Head:
    """CLIP's norm and matrix."""
    norm = model.vision_model.post_layernorm
    found = {**_linear("norm", norm), "matrix": model.visual_projection.weight}
    return _as_arrays(found), {"eps": repr(norm.eps)}


def read_nothing(model: Any) -> Head:
    """Tokens that lie in the space of texts; the width is kept, so that the file holds something."""
    width = model.config.vision_config.hidden_size
    return {"width": np.array([width], np.float32)}, {}


def _linear(name: str, module: torch.nn.Module) -> dict[str, torch.Tensor]:
    weight, bias = module.weight, module.bias
    assert isinstance(weight, torch.Tensor) and isinstance(bias, torch.Tensor)
    return {f"{name}.weight": weight, f"{name}.bias": bias}


def _as_arrays(found: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.detach().float().cpu().numpy() for name, tensor in found.items()}


TEXT_KINDS: Mapping[str, TextKind] = {  # by the `model_type` of the config
    "siglip": TextKind(model="SiglipModel", head=POOLING, read_head=read_pooling, padded=True),
    "clip": TextKind(model="CLIPModel", head=PROJECTION, read_head=read_projection),
    "tipsv2": TextKind(model="Tipsv2Model", head=SHARED, read_head=read_nothing),
}
