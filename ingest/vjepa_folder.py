"""V-JEPA 2 as transformers saves it, fine-tuned ones too: a directory or an id of the hub, run by our own network.

row_of    the row of a directory or id whose config says `vjepa2`, of any size
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from tubelet.ingest.contract import Encoder, EncoderEntry, LoadOptions
from tubelet.ingest.errors import UsageError
from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.networks.hub import files
from tubelet.ingest.networks.hub.encoder import Pixels
from tubelet.ingest.networks.hub.models import name_of
from tubelet.ingest.networks.vjepa import (
    V2,
    VARIANTS,
    Predictor,
    PredictorConfig,
    VisionTransformerConfig,
)
from tubelet.ingest.vjepa_encoder import MEAN, STD
from tubelet.ingest.vjepa_rows import load_encoder, load_predictor, make_row
from tubelet.ingest.weights.formats import ENCODER_KEYS, open_weights
from tubelet.store.placement import META

TYPE = "vjepa2"
# Numbers of the config that a network is made of: what they are without being written, and the largest that are believed
NUMBERS = {
    "hidden_size": (1024, 16_384),
    "num_hidden_layers": (24, 256),
    "num_attention_heads": (16, 512),
    "crop_size": (256, 16_384),
}
PATCH = 16  # pixels
PREDICTOR_NUMBERS = {
    "pred_hidden_size": (384, 16_384),
    "pred_num_hidden_layers": (12, 256),
    "pred_num_attention_heads": (12, 512),
    "pred_num_mask_tokens": (10, 64),
}
FIXED = {
    "patch_size": PATCH,
    "tubelet_size": 2,
    "in_chans": 3,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-6,
    "qkv_bias": True,
}  # of every V-JEPA 2
RELEASED = {(variant.encoder.dim, variant.encoder.heads) for variant in VARIANTS.values()}


def row_of(text: str) -> EncoderEntry | None:
    """The row of a directory or id of V-JEPA 2, None for another model. Raises UsageError."""
    folder = files.with_settings(text)
    settings = files.settings(folder, "config.json")
    if settings.get("model_type") != TYPE:
        return None
    side, config = _describe(settings, f"{folder / 'config.json'}")
    _check_pixels(folder)
    weights = f"directory {text}" if files.is_directory(text) else f"Hugging Face {text}"
    return replace(
        make_row(config, side, weights, partial(_load, config)),
        framing=META,
        frame_rate=config.generation.frame_rate,
        frame_step=config.generation.frame_step,
        predictor=partial(_load_predictor, text, config.dim),
    )


def _describe(settings: Mapping, where: str) -> tuple[int, VisionTransformerConfig]:
    """Side and network. Raises UsageError for numbers that are none, or that no V-JEPA 2 has."""
    numbers = {
        name: _number(settings.get(name, default), name, most, where)
        for name, (default, most) in NUMBERS.items()
    }
    if other := [
        f"{name} {settings[name]!r:.60}"
        for name, value in FIXED.items()
        if settings.get(name, value) != value
    ]:
        raise UsageError(
            f"{where} says {', '.join(other)}, where V-JEPA 2 has {', '.join(f'{name} {FIXED[name]}' for name in FIXED)}"
        )
    ratio = _ratio(settings, "mlp_ratio", where)
    dim, depth, heads, side = numbers.values()
    if dim % heads or side < 2 * PATCH:
        raise UsageError(
            f"{where}: {dim} dimensions in {heads} heads at {side} px do not belong to V-JEPA 2: download the model again"
        )
    return side, VisionTransformerConfig(
        dim=dim, depth=depth, heads=heads, mlp=int(dim * ratio), generation=V2
    )


def _ratio(settings: Mapping, name: str, where: str) -> float:
    ratio = settings.get(name, 4.0)
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio <= 16:
        raise UsageError(
            f"{where}: {name} is {ratio!r:.60}, not a number up to 16: download the model again"
        )
    return ratio


def _number(value: object, name: str, most: int, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise UsageError(
            f"{where}: {name} is {value!r:.60}, not a number from 1 to {most:,}: download the model again"
        )
    return value


def _load(
    config: VisionTransformerConfig, name: str, row: EncoderEntry, setting: LoadOptions
) -> tuple[EncoderFacts, Encoder]:
    if setting.weights:
        raise UsageError(
            f"--weights: {name} brings its own; pass the directory of other weights as --encoder"
        )
    facts, encoder = load_encoder(
        (name_of(name), row),
        config,
        open_weights(files.with_weights(name)),
        setting,
        ENCODER_KEYS[0],
    )
    told = (
        "" if (config.dim, config.heads) in RELEASED else json.dumps({"heads": config.heads})
    )  # no tensor tells how many heads there are
    return replace(facts, settings=told), encoder


def _load_predictor(text: str, width: int, setting: LoadOptions) -> Predictor:
    """The predictor that transformers saves beside an encoder this wide. Raises UsageError and CheckpointError."""
    folder = files.with_weights(text)
    settings, where = files.settings(folder, "config.json"), f"{folder / 'config.json'}"
    dim, depth, heads, tokens = (
        _number(settings.get(name, default), name, most, where)
        for name, (default, most) in PREDICTOR_NUMBERS.items()
    )
    if dim % heads:
        raise UsageError(
            f"{where}: a predictor of {dim} dimensions in {heads} heads does not belong to V-JEPA 2: download the model again"
        )
    ratio = _ratio(settings, "pred_mlp_ratio", where)
    config = PredictorConfig(
        inputs=width,
        outputs=width,
        depth=depth,
        heads=heads,
        mask_tokens=tokens,
        dim=dim,
        mlp=int(dim * ratio),
        generation=V2,
    )
    return load_predictor(config, open_weights(folder))


def _check_pixels(folder: Path) -> None:
    """Raises UsageError where the model's own preparation of pixels is not V-JEPA's."""
    pixels = Pixels.of(folder)
    if other := pixels.unusual((MEAN, STD)):
        found, ordinary = (
            " and ".join(" ".join(f"{value:.6g}" for value in part) for part in parts)
            for parts in (other.values(), (MEAN, STD))
        )
        raise UsageError(
            f"{folder}: pixels of mean and standard deviation {found} ({pixels.source}), where V-JEPA 2 has {ordinary}: download the model again"
        )
