"""Small checkpoints in the formats that weights come in: as Meta's trainer saves them, and with code in them."""

from pathlib import Path

import torch

from tubelet.ingest.checkpoints import init_untrained
from tubelet.ingest.networks.vjepa import VisionTransformer, VisionTransformerConfig

TINY = VisionTransformerConfig(dim=24, depth=3, heads=2, mlp=48, levels=(0, 1, 2))


def tiny(seed: int = 1) -> VisionTransformer:
    """A V-JEPA 2.1 encoder of 24 dimensions with random weights."""
    return init_untrained(TINY, seed)


def empty() -> VisionTransformer:
    """The same without numbers."""
    with torch.device("meta"):
        return VisionTransformer(TINY)


def meta_file(
    path: Path, weights: dict[str, torch.Tensor], key: str = "target_encoder", zipped: bool = True
) -> Path:
    """A checkpoint as Meta's trainer saves it: prefixed names; the student, the predictor and the optimizer beside the encoder."""
    prefixed = {f"module.backbone.{name}": tensor for name, tensor in weights.items()}
    student = {name: tensor + 1 for name, tensor in prefixed.items()}
    predictor = {
        "module.backbone.mask_tokens.0": torch.full((1, 1, 4), 0.5),
        "module.backbone.predictor_norm.bias": torch.arange(4.0),
    }
    moments = {"state": {0: {"exp_avg": torch.zeros(1000)}}}
    checkpoint = {
        "encoder": student,
        "predictor": predictor,
        key: prefixed,
        "opt": moments,
        "epoch": 3,
        "lr": 1e-4,
    }
    torch.save(checkpoint, path, _use_new_zipfile_serialization=zipped)
    return path


class Intruder:
    """Pickles as a call that leaves a file behind."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return Path.touch, (self.marker,)
