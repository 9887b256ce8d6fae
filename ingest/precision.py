"""Precision: which arithmetic an encoder runs in, and what stays in float32 whatever is requested.

Half precision is autocast around float32 norms, positions and residual stream; the weights of the linear layers are
rounded once, when the encoder is loaded. Autocast alone would round them again at every call, to the same values, because
it only keeps what it rounded of weights that are being trained.

float32 is all of float32: TF32 keeps 10 bits of the mantissa, so it would be an unnamed fourth precision. torch leaves it
off in matrix products and on in convolutions, which here are the patch embeddings of transformers' models: it goes off there.
"""

from typing import TypeVar

import torch
from torch import nn

from tubelet.ingest.errors import UsageError

Network = TypeVar("Network", bound=nn.Module)
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_precision(precision: str, device: torch.device) -> str:
    """fp32, bf16 or fp16 for what `--precision` requests: auto is bf16 on CUDA from compute capability 8.0 on, fp32 elsewhere.

    The CPU stays at fp32 although AMX makes bf16 three times as fast: it is where numbers are checked. MPS stays there
    because its autocast covers part of the operators and was never measured.
    """
    if precision == "auto":
        return (
            "bf16"
            if device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
            else "fp32"
        )
    if precision not in PRECISIONS:
        raise UsageError(
            f"--precision {precision} is unknown: choose one of auto, {', '.join(PRECISIONS)}"
        )
    return precision


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context in which a model loaded by `place_model` runs."""
    dtype = PRECISIONS[precision]
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


def place_model(model: Network, device: torch.device, precision: str) -> Network:
    """The model ready to run: no gradients, on its device, the weights of its linear layers in the precision."""
    torch.backends.cudnn.allow_tf32 = False
    for module in model.eval().requires_grad_(False).modules():
        if isinstance(module, nn.Linear):
            module.to(PRECISIONS[precision])
    return model.to(device)
