"""The rows of the V-JEPA family: released networks with the files they are in, and a small one that nobody trained."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import torch

from ingest import checkpoints, pretrained
from ingest.contract import Encoder, Row, Setting, Supply
from ingest.errors import UsageError
from ingest.facts import EncoderFacts
from ingest.vjepa import UNTRAINED, VARIANTS, VisionTransformer, VisionTransformerConfig
from ingest.vjepa_encoder import PREPROCESSING, VJEPAEncoder
from ingest.weights import fetching
from ingest.weights.formats import Weights, opened
from ingest.weights.release import RELEASES, Release
from store.pictures import META

UNTRAINED_SEED = 0


def released(config: VisionTransformerConfig, side: int, release: Release) -> Row:
    """The row of an encoder whose weights are a release: downloaded once, unless `--weights` names a file."""
    supply = Supply(
        release.licence, release.download, partial(fetching.cached, release), lambda: _fetched(config, release).path
    )
    return replace(_row(config, side, release.url, partial(_load_released, config, release), supply), framing=META)


def of_a_file(config: VisionTransformerConfig, side: int) -> Row:
    """The row of what `tubelet pretrain` wrote: the file says which shape its encoder has, the row shows that of a run without settings."""
    return _row(config, side, "--weights FILE, from `tubelet pretrain`", _load_pretrained)


def untrained(config: VisionTransformerConfig, side: int) -> Row:
    """The row of an encoder with random weights."""
    return _row(config, side, "untrained: seeded random numbers, for trying Tubelet out", partial(_load_untrained, config))


def _row(config: VisionTransformerConfig, side: int, weights: str, load: Callable, supply: Supply | None = None) -> Row:
    generation = config.generation
    shape = generation.name, config.dim, config.patch, config.tubelet, config.parameters, side
    images = generation.images or generation.repeats
    return Row(*shape, weights, load, levels=len(config.levels), images=images, supply=supply)


def _load_released(
    config: VisionTransformerConfig, release: Release, name: str, row: Row, setting: Setting
) -> tuple[EncoderFacts, Encoder]:
    weights = opened(setting.weights) if setting.weights else _fetched(config, release)
    model = checkpoints.filled(_empty(config), weights, release.key)
    return loaded((name, row), model, weights.origin(release.key), setting)


def _load_untrained(config: VisionTransformerConfig, name: str, row: Row, setting: Setting) -> tuple[EncoderFacts, Encoder]:
    if setting.weights:
        raise UsageError(f"--weights: {name} has its own random ones; name the encoder that the file belongs to")
    source = f"untrained: random weights of seed {UNTRAINED_SEED}"
    return loaded((name, row), checkpoints.untrained(config, UNTRAINED_SEED), source, setting)


def _load_pretrained(name: str, row: Row, setting: Setting) -> tuple[EncoderFacts, Encoder]:
    if not setting.weights:
        raise UsageError(f"{name} needs its weights: make them with `tubelet pretrain`, then pass --weights FILE")
    model = pretrained.load(setting.weights)
    source = f"{setting.weights.name}: {pretrained.metadata(setting.weights)['made_with']}"
    facts, encoder = loaded((name, _row(model.config, row.side, row.weights, row.load)), model, source, setting)
    return replace(facts, settings=_unusual(model.config)), encoder


def _unusual(config: VisionTransformerConfig) -> str:
    """What of a shape the names and shapes of its tensors do not tell, where it is not as in the run without settings."""
    silent = {"heads": config.heads, "levels": list(config.levels)}
    return "" if silent == {"heads": UNTRAINED.heads, "levels": list(UNTRAINED.levels)} else json.dumps(silent)


def loaded(entry: tuple[str, Row], model: VisionTransformer, source: str, setting: Setting) -> tuple[EncoderFacts, Encoder]:
    """A network with its weights as an encoder, and its facts; `entry` is its name and row, `source` says where the weights are from."""
    layer = setting.layer
    known = {"layer": layer.name, "dim": model.config.dim * len(layer.levels), "weights_source": source, "preprocessing": PREPROCESSING}
    facts = EncoderFacts.of(*entry, **known, weights_sha256=checkpoints.weights_sha256(model))
    return facts, VJEPAEncoder(model, setting.device, setting.precision, layer)


def _fetched(config: VisionTransformerConfig, release: Release) -> Weights:
    return fetching.fetched(release, partial(checkpoints.check, _empty(config), key=release.key))


def _empty(config: VisionTransformerConfig) -> VisionTransformer:
    """The network without numbers: it costs neither memory nor time."""
    with torch.device("meta"):
        return VisionTransformer(config)


ROWS: Mapping[str, Row] = {
    "vjepa2.1-untrained": untrained(UNTRAINED, 224),
    "vjepa2.1-pretrained": of_a_file(UNTRAINED, 224),
    **{name: released(variant.encoder, variant.side, RELEASES[name]) for name, variant in VARIANTS.items()},
}
