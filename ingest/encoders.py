"""The table of encoders, and the one-method contract that each of them keeps.

To add one: write a module whose class has ``encode(frames) -> TokenGrid``, and a row of `ENCODERS`.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch

from ingest import checkpoints, pretrained, toy
from ingest.errors import UsageError
from ingest.facts import EncoderFacts
from ingest.grid import TokenGrid
from ingest.layer import LAST, Layer
from ingest.vjepa import VisionTransformer, VisionTransformerConfig
from ingest.vjepa_encoder import PRECISIONS, PREPROCESSING, VJEPAEncoder

UNTRAINED_SEED = 0


class Encoder(Protocol):
    """An encoder on its device, ready to run."""

    def encode(self, frames: torch.Tensor) -> TokenGrid:
        """``(T, 3, H, W)`` in uint8, on the CPU, to a token grid ``(S, H/patch, W/patch, dim)`` in float32."""
        ...


@dataclass(frozen=True)
class Setting:
    """Where and how an encoder runs."""

    device: torch.device
    precision: str = "fp32"
    weights: Path | None = None
    layer: Layer = LAST


@dataclass(frozen=True)
class Row:
    """An encoder that `--encoder` can name; `load` returns it with its facts."""

    family: str
    dim: int
    patch: int
    tubelet: int
    parameters: int
    side: int  # pixels: what `--size` is without being told
    weights: str  # where they come from, in words
    load: Callable[[str, Setting], tuple[EncoderFacts, Encoder]]
    levels: int = 1  # that `--layer` chooses from
    images: bool = True  # whether a single frame can be encoded


def row(name: str) -> Row:
    """The row of an encoder. Raises UsageError for a name that is not in the table."""
    if name not in ENCODERS:
        raise UsageError(f"--encoder {name} is unknown: choose one of {', '.join(ENCODERS)}")
    return ENCODERS[name]


def load(name: str, setting: Setting) -> tuple[EncoderFacts, Encoder]:
    """An encoder by its name in the table. Raises UsageError for what does not exist or go together."""
    if setting.precision not in PRECISIONS:
        raise UsageError(f"--precision {setting.precision} is unknown: choose one of {', '.join(PRECISIONS)}")
    return row(name).load(name, setting)


def device(name: str) -> torch.device:
    """The device that `--device` asks for; auto takes CUDA, then MPS, then the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")
    if name.partition(":")[0] not in ("cpu", "cuda", "mps"):
        raise UsageError(f"--device {name} is unknown: choose auto, cpu, cuda, cuda:N or mps")
    missing = {"cuda": not torch.cuda.is_available(), "mps": not torch.backends.mps.is_available()}
    if missing.get(name.partition(":")[0]):
        raise UsageError(f"--device {name}: this machine has none; use --device cpu")
    return torch.device(name)


def _load_toy(name: str, setting: Setting) -> tuple[EncoderFacts, Encoder]:
    if setting.weights:
        raise UsageError(f"--weights: {name} has none; leave it out")
    digest = hashlib.sha256(repr(toy.DIMENSIONS).encode()).hexdigest()
    facts = EncoderFacts.of(name, row(name), layer="only", weights_sha256=digest, weights_source="no weights", preprocessing="RGB / 255")
    return facts, toy.ToyEncoder(setting.device)


def _load_untrained(name: str, setting: Setting) -> tuple[EncoderFacts, Encoder]:
    if setting.weights:
        raise UsageError(f"--weights: {name} has its own random ones; name the encoder that the file belongs to")
    return _vjepa(name, checkpoints.untrained(seed=UNTRAINED_SEED), f"untrained: random weights of seed {UNTRAINED_SEED}", setting)


def _load_released(name: str, setting: Setting) -> tuple[EncoderFacts, Encoder]:
    release = checkpoints.RELEASED[name]
    if not setting.weights:
        raise UsageError(f"{name} needs its weights: download {release.url}, then pass --weights FILE")
    with torch.device("meta"):
        model = VisionTransformer(release.config)
    model = checkpoints.load_meta(setting.weights, release.key, model)
    return _vjepa(name, model, f"{setting.weights.name}, {release.key}", setting)


def _load_pretrained(name: str, setting: Setting) -> tuple[EncoderFacts, Encoder]:
    """The file says itself which shape its encoder has; the table's row shows that of `tubelet pretrain` without being told."""
    if not setting.weights:
        raise UsageError(f"{name} needs its weights: make them with `tubelet pretrain`, then pass --weights FILE")
    model = pretrained.load(setting.weights)
    source = f"{setting.weights.name}: {pretrained.metadata(setting.weights)['made_with']}"
    facts, encoder = _vjepa(name, model, source, setting)
    return replace(facts, patch=model.config.patch, parameters=model.config.parameters), encoder


def _vjepa(name: str, model: VisionTransformer, source: str, setting: Setting) -> tuple[EncoderFacts, Encoder]:
    layer, digest = setting.layer, checkpoints.weights_sha256(model)
    known = {"layer": layer.name, "dim": model.config.dim * len(layer.levels), "weights_sha256": digest, "weights_source": source}
    facts = EncoderFacts.of(name, row(name), **known, preprocessing=PREPROCESSING)
    return facts, VJEPAEncoder(model, setting.device, setting.precision, layer)


def _vjepa_row(config: VisionTransformerConfig, side: int, weights: str, load: Callable) -> Row:
    generation, levels = config.generation, len(config.levels)
    shape = (generation.name, config.dim, config.patch, config.tubelet, config.parameters, side)
    return Row(*shape, weights, load, levels, generation.images or generation.repeats)


ENCODERS: Mapping[str, Row] = {
    "toy": Row("colours and gradients", len(toy.DIMENSIONS), toy.PATCH, toy.TUBELET, 0, 224, "none: computed, not learned", _load_toy),
    "vjepa2.1-untrained": _vjepa_row(checkpoints.UNTRAINED, 224, "untrained: seeded random numbers, for trying Tubelet out", _load_untrained),
    "vjepa2.1-pretrained": _vjepa_row(checkpoints.UNTRAINED, 224, "--weights FILE, from `tubelet pretrain`", _load_pretrained),
    **{
        name: _vjepa_row(release.config, release.variant.side, f"--weights FILE, from {release.url}", _load_released)
        for name, release in checkpoints.RELEASED.items()
    },
}
