"""The rows of the V-JEPA family: released networks with the files they are in, a small one whose weights are in the package, and one untrained."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from tubelet.ingest import checkpoints, pretrained
from tubelet.ingest.arguments import DEFAULT_ENCODER
from tubelet.ingest.contract import Encoder, EncoderEntry, LoadOptions, WeightsSource
from tubelet.ingest.errors import UsageError
from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.layer import Depth
from tubelet.ingest.networks.vjepa import (
    UNTRAINED,
    UNTRAINED_PREDICTOR,
    VARIANTS,
    Predictor,
    PredictorConfig,
    Variant,
    VisionTransformer,
    VisionTransformerConfig,
)
from tubelet.ingest.vjepa_encoder import PREPROCESSING, VJEPAEncoder
from tubelet.ingest.weights import fetching
from tubelet.ingest.weights.formats import PREDICTOR, Weights, open_weights
from tubelet.ingest.weights.release import RELEASES, Release
from tubelet.store.placement import META

UNTRAINED_SEED = 0
PRETRAINED = "vjepa2.1-pretrained"
TINY_WEIGHTS = (
    Path(__file__).parent / "weights" / f"{DEFAULT_ENCODER}.safetensors"
)  # docs/vjepa2.1-tiny.md


def make_released_row(config: VisionTransformerConfig, side: int, release: Release) -> EncoderEntry:
    """The row of an encoder whose weights are a release: downloaded once, unless `--weights` names a file."""
    supply = WeightsSource(
        release.licence,
        release.download,
        partial(fetching.find_cached, release),
        lambda: _fetch_weights(config, release).path,
    )
    return replace(
        make_row(config, side, release.url, partial(_load_released, config, release), supply),
        framing=META,
        frame_rate=config.generation.frame_rate,
        frame_step=config.generation.frame_step,
        keyed=True,
    )


def of_a_file(config: VisionTransformerConfig, side: int) -> EncoderEntry:
    """The row of what `tubelet pretrain` wrote: the file states the shape of its encoder, the row shows that of a run with default settings."""
    row = make_row(config, side, "--weights FILE, from `tubelet pretrain`", _load_pretrained)
    return replace(
        row,
        of_weights=lambda path: of_a_file(pretrained.config(path), side),
        predictor=lambda setting: _load_file_predictor(setting.weights),
    )


def tiny_row(side: int) -> EncoderEntry:
    """The row of the small encoder whose weights are in the package."""
    words = "in the package: small, for a first look, trained for hours on two CPU cores"
    made = make_row(UNTRAINED, side, words, _load_tiny)
    return replace(
        made, packaged=TINY_WEIGHTS, predictor=lambda setting: _load_file_predictor(TINY_WEIGHTS)
    )


def make_untrained_row(config: VisionTransformerConfig, side: int) -> EncoderEntry:
    """The row of an encoder with random weights, and of a predictor with such."""
    made = make_row(
        config,
        side,
        "untrained: seeded random numbers, for trying Tubelet out",
        partial(_load_untrained, config),
    )
    width = config.dim * len(config.levels)
    shape = replace(UNTRAINED_PREDICTOR, inputs=width, outputs=width, hidden=config.dim)
    return replace(
        made,
        predictor=lambda setting: checkpoints.init_untrained(shape, UNTRAINED_SEED),
    )


def make_row(
    config: VisionTransformerConfig,
    side: int,
    weights: str,
    load: Callable,
    supply: WeightsSource | None = None,
) -> EncoderEntry:
    generation = config.generation
    images = generation.images or generation.repeats
    return EncoderEntry(
        family=generation.name,
        dim=config.dim,
        patch=config.patch,
        tubelet=config.tubelet,
        parameters=config.parameters,
        side=side,
        weights=weights,
        load=load,
        depth=_depth(config),
        images=images,
        supply=supply,
    )


def _depth(config: VisionTransformerConfig) -> Depth:
    """Blocks behind the last level are never computed."""
    return Depth(levels=len(config.levels), blocks=config.levels[-1] + 1)


def _load_released(
    config: VisionTransformerConfig,
    release: Release,
    name: str,
    row: EncoderEntry,
    setting: LoadOptions,
) -> tuple[EncoderFacts, Encoder]:
    weights = open_weights(setting.weights) if setting.weights else _fetch_weights(config, release)
    return load_encoder((name, row), config, weights, setting, release.key)


def _with_predictor(variant: Variant, release: Release) -> EncoderEntry:
    """The row of a released encoder that has its predictor beside it."""
    row = make_released_row(variant.encoder, variant.side, release)
    return replace(row, predictor=partial(_load_released_predictor, variant, release))


def _load_released_predictor(variant: Variant, release: Release, setting: LoadOptions) -> Predictor:
    """The predictor beside a released encoder; rows and columns are stretched as in its training, which Meta's hub code leaves out."""
    weights = (
        open_weights(setting.weights)
        if setting.weights
        else _fetch_weights(variant.encoder, release)
    )
    stretched = variant.encoder.generation.hierarchical
    return load_predictor(replace(variant.predictor, interpolated=stretched), weights)


def load_predictor(config: PredictorConfig, weights: Weights) -> Predictor:
    """The predictor of an opened file. Raises CheckpointError where it holds none of that shape."""
    with torch.device("meta"):
        model = Predictor(config)
    return checkpoints.load_tensors(model, weights, PREDICTOR)


def _load_file_predictor(path: Path | None) -> Predictor:
    """The predictor of a file of `tubelet pretrain`. Raises UsageError where there is no file, or it is older than predictors in files."""
    if path is None:
        raise UsageError(
            f"{PRETRAINED} needs its weights: pass the file that `tubelet pretrain` wrote as --weights"
        )
    if (found := pretrained.load_predictor(path)) is None:
        raise UsageError(
            f"{path} lacks the predictor that it describes: create it again with `tubelet pretrain`"
        )
    return found


def load_encoder(
    entry: tuple[str, EncoderEntry],
    config: VisionTransformerConfig,
    weights: Weights,
    setting: LoadOptions,
    key: str,
) -> tuple[EncoderFacts, Encoder]:
    """An encoder from an opened file: the network that `--weights-key` names, else the one under `key`."""
    key = setting.weights_key or key
    return build_encoder(
        entry, checkpoints.load_tensors(_empty(config), weights, key), weights.origin(key), setting
    )


def _load_untrained(
    config: VisionTransformerConfig, name: str, row: EncoderEntry, setting: LoadOptions
) -> tuple[EncoderFacts, Encoder]:
    if setting.weights:
        raise UsageError(
            f"--weights: {name} has its own random ones; name the encoder that the file belongs to"
        )
    source = f"untrained: random weights of seed {UNTRAINED_SEED}"
    return build_encoder(
        (name, row), checkpoints.init_untrained(config, UNTRAINED_SEED), source, setting
    )


def _load_pretrained(
    name: str, row: EncoderEntry, setting: LoadOptions
) -> tuple[EncoderFacts, Encoder]:
    if not setting.weights:
        raise UsageError(
            f"{name} needs its weights: make them with `tubelet pretrain`, then pass --weights FILE"
        )
    return _load_file(setting.weights, (name, row), setting)


def _load_tiny(name: str, row: EncoderEntry, setting: LoadOptions) -> tuple[EncoderFacts, Encoder]:
    if setting.weights:
        raise UsageError(
            f"--weights: {name} comes with its own; for a file of `tubelet pretrain`, pass --encoder {PRETRAINED}"
        )
    return _load_file(TINY_WEIGHTS, (name, row), setting)


def _load_file(
    path: Path, entry: tuple[str, EncoderEntry], setting: LoadOptions
) -> tuple[EncoderFacts, Encoder]:
    """The encoder of a file of `tubelet pretrain`, which says itself which shape it has."""
    name, row = entry
    model = pretrained.load(path)
    source = f"{path.name}: {pretrained.metadata(path).get('made_with', 'by `tubelet pretrain`')}"
    facts, encoder = build_encoder(
        (name, make_row(model.config, row.side, row.weights, row.load)), model, source, setting
    )
    return replace(facts, settings=_unusual(model.config)), encoder


def _unusual(config: VisionTransformerConfig) -> str:
    """Settings of a shape that its tensors do not reveal, if they differ from the defaults."""
    silent = {"heads": config.heads, "levels": list(config.levels)}
    return (
        ""
        if silent == {"heads": UNTRAINED.heads, "levels": list(UNTRAINED.levels)}
        else json.dumps(silent)
    )


def build_encoder(
    entry: tuple[str, EncoderEntry], model: VisionTransformer, source: str, setting: LoadOptions
) -> tuple[EncoderFacts, Encoder]:
    """A network with its weights as an encoder, and its facts; `entry` is its name and row, `source` says where the weights are from."""
    layer = setting.layer
    facts = EncoderFacts.of(
        *entry,
        layer=layer,
        dim=model.config.dim * len(layer.parts),
        weights_source=source,
        preprocessing=PREPROCESSING,
        weights_sha256=checkpoints.weights_sha256(model),
    )
    return facts, VJEPAEncoder(model, setting.device, setting.precision, layer)


def _fetch_weights(config: VisionTransformerConfig, release: Release) -> Weights:
    return fetching.fetch(release, partial(checkpoints.check, _empty(config), key=release.key))


def _empty(config: VisionTransformerConfig) -> VisionTransformer:
    """The network without values: it costs neither memory nor time."""
    with torch.device("meta"):
        return VisionTransformer(config)


ROWS: Mapping[str, EncoderEntry] = {
    DEFAULT_ENCODER: tiny_row(224),
    "vjepa2.1-untrained": make_untrained_row(UNTRAINED, 224),
    PRETRAINED: of_a_file(UNTRAINED, 224),
    **{name: _with_predictor(variant, RELEASES[name]) for name, variant in VARIANTS.items()},
}
