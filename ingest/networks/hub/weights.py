"""The weights of a model of transformers: read without running code, and strictly.

transformers maps a file's names to the current model's; what is then missing, left over or of another shape is an error here,
apart from the parts that a shape names as leftovers.
"""

from pathlib import Path
from typing import Any

import torch

from tubelet.ingest.errors import CheckpointError
from tubelet.ingest.networks.hub.shapes import Shape, model_class, quiet
from tubelet.ingest.weights import formats
from tubelet.ingest.weights.saved_folder import tensor_files


def read(folder: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a model's files by its name there. Raises CheckpointError."""
    found = tensor_files(folder)
    if not found:
        raise CheckpointError(
            f"{folder} holds no model.safetensors and no pytorch_model.bin: download the model again"
        )
    return formats.read_files(found)


def load(
    folder: Path, tensors: dict[str, torch.Tensor], config: Any, shape: Shape
) -> torch.nn.Module:
    """The model with its weights in float32, on the CPU. Raises CheckpointError that names the offending tensor."""
    fast = getattr(model_class(shape), "_supports_sdpa", False)
    arguments = {
        "state_dict": tensors,
        "output_loading_info": True,
        "attn_implementation": "sdpa" if fast else "eager",
        "dtype": torch.float32,
    }
    try:
        with quiet():
            model, found = model_class(shape).from_pretrained(
                None, config=config, ignore_mismatched_sizes=True, **arguments
            )
    except Exception as error:  # whatever odd tensors meet in transformers' code
        raise CheckpointError(
            f"{folder}: transformers cannot read these weights: {str(error)[:500] or type(error).__name__}"
        ) from error
    unexpected = {name for name in found["unexpected_keys"] if not name.startswith(shape.leftovers)}
    wrong = {
        str(entry[0] if isinstance(entry, tuple) else entry) for entry in found["mismatched_keys"]
    }
    for names, problem in (
        (found["missing_keys"], "lacks"),
        (wrong, "has another shape of"),
        (unexpected, "has tensors this model does not know,"),
    ):
        if names:
            raise CheckpointError(
                f"{folder} {problem} {formats.list_names(names)}: its config.json and its weights do not belong together"
            )
    return model
