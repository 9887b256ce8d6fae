"""The table of encoders, and the one-method contract that each of them keeps.

To add one: write a module whose class has ``encode(frames) -> TokenGrid``, and a row of `ENCODERS`; where its weights are released,
a row of `RELEASES` (`ingest/weights/release.py`) brings download, cache and licence.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import torch

from ingest import checkpoints, toy
from ingest.errors import UsageError
from ingest.facts import EncoderFacts
from ingest.grid import TokenGrid
from ingest.vjepa import VisionTransformer, VisionTransformerConfig
from ingest.vjepa_encoder import PRECISIONS, PREPROCESSING, VJEPAEncoder
from ingest.weights import fetching
from ingest.weights.formats import opened
from ingest.weights.release import RELEASES, Release

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
    release: Release | None = None  # what is downloaded where `--weights` is not given


def row(name: str) -> Row:
    """The row of an encoder. Raises UsageError for a name that is not in the table: two names differ by case alone, so none is guessed."""
    if name not in ENCODERS:
        alike = [known for known in ENCODERS if known.lower() == name.lower()]
        advice = f"names tell case apart, say which you mean: {' or '.join(alike)}" if alike else f"choose one of {', '.join(ENCODERS)}"
        raise UsageError(f"--encoder {name} is unknown: {advice}")
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
    release, model = row(name).release, _empty(name)
    weights = opened(setting.weights) if setting.weights else fetching.fetched(release, partial(checkpoints.check, model, key=release.key))
    return _vjepa(name, checkpoints.filled(model, weights, release.key), weights.origin(release.key), setting)


def fetch(name: str) -> Path:
    """The released weights of an encoder on this machine, downloaded where they are absent. Raises UsageError where there are none."""
    release = row(name).release
    if release is None:
        raise UsageError(f"{name} has no weights to download")
    return fetching.fetched(release, partial(checkpoints.check, _empty(name), key=release.key)).path


def _empty(name: str) -> VisionTransformer:
    """The model of a released encoder without numbers: it costs neither memory nor time."""
    with torch.device("meta"):
        return VisionTransformer(checkpoints.CONFIGS[name])


def _vjepa(name: str, model: VisionTransformer, source: str, setting: Setting) -> tuple[EncoderFacts, Encoder]:
    digest = checkpoints.weights_sha256(model)
    facts = EncoderFacts.of(name, row(name), layer="last", weights_sha256=digest, weights_source=source, preprocessing=PREPROCESSING)
    return facts, VJEPAEncoder(model, setting.device, setting.precision)


def _vjepa_row(config: VisionTransformerConfig, side: int, weights: str, load: Callable, release: Release | None = None) -> Row:
    return Row("V-JEPA 2.1", config.dim, config.patch, config.tubelet, _parameters(config), side, weights, load, release)


def _parameters(config: VisionTransformerConfig) -> int:
    """Numbers in the tensors of a model of this shape."""
    patch_embeddings = 3 * config.patch**2 * (config.tubelet + 1) * config.dim
    block = config.dim * (4 * config.dim + 2 * config.mlp) + config.mlp + 9 * config.dim
    return patch_embeddings + 4 * config.dim + config.depth * block + 2 * config.dim * len(config.levels)


ENCODERS: Mapping[str, Row] = {
    "toy": Row("colours and gradients", len(toy.DIMENSIONS), toy.PATCH, toy.TUBELET, 0, 224, "none: computed, not learned", _load_toy),
    "vjepa2.1-untrained": _vjepa_row(checkpoints.UNTRAINED, 224, "untrained: seeded random numbers, for trying Tubelet out", _load_untrained),
    **{
        name: _vjepa_row(config, 384, RELEASES[name].url, _load_released, RELEASES[name])
        for name, config in checkpoints.CONFIGS.items()
    },
}
