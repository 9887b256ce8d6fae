"""The evaluation: an encoder, the same network untrained, and raw pixels, on the same material; and a control that validates the probe."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tubelet.ingest import checkpoints, encoders, pretrained
from tubelet.ingest.arguments import DEFAULT_ENCODER
from tubelet.ingest.contract import Encoder, LoadOptions
from tubelet.ingest.errors import UsageError
from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.networks.vjepa import Predictor
from tubelet.ingest.precision import resolve_precision
from tubelet.ingest.samples import sample_videos
from tubelet.ingest.search import find
from tubelet.ingest.toy import PATCH
from tubelet.ingest.vjepa_encoder import VJEPAEncoder
from tubelet.ingest.vjepa_rows import PRETRAINED
from tubelet.store.intervals import Interval, interval
from tubelet.store.wording import count, tell
from tubelet.training.evaluation.baselines import GradientMotion, RawPixels
from tubelet.training.evaluation.material import SIDE, Material, Size, material
from tubelet.training.evaluation.measures import (
    MEANINGS,
    SHARE,
    Measures,
    measure_encoder,
    score_direction,
)
from tubelet.training.evaluation.prediction import prepare_prediction
from tubelet.training.scenes.photographs import load_folder, load_scikit_image

TOY = "toy"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Measures of the encoder, the untrained network, the toy encoder and raw pixels, the probe's control, and what all of it was measured on."""

    measures: Sequence[Measures]
    control: Interval
    scenes: int
    videos: Sequence[str]
    seconds: float

    def as_json(self) -> dict:
        return {**_null_unknown(asdict(self)), "meanings": dict(MEANINGS)}

    def lines(self) -> list[str]:
        """A table: one line per measure, one column per encoder, means with 95% intervals."""
        names = [f"{measures.name} ({measures.dim})" for measures in self.measures]
        width = max(50, *map(len, names)) + 2
        rows = [f"{'':20}" + "".join(f"{name:{width}}" for name in names)]
        rows += [
            f"{key:20}"
            + "".join(f"{measures.intervals[key]!s:{width}}" for measures in self.measures)
            for key in MEANINGS
        ]
        rows += [
            f"{'shift by slice':20}"
            + "".join(
                f"{' '.join(f'{v:.3f}' for v in measures.curve):{width}}"
                for measures in self.measures
            )
        ]
        rows += [
            f"direction predicted from pixel displacements, which validates the probe: {self.control}"
        ]
        return [
            *map(str.rstrip, rows),
            f"{count(self.scenes, 'tracked scene')} and {count(len(self.videos), 'video')}, in {self.seconds:.0f} s; intervals are over scenes or videos; `--json` says what each line means",
        ]


def _null_unknown(value: Any) -> Any:
    """The value, with null for what is unknown."""
    if isinstance(value, dict):
        return {name: _null_unknown(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_null_unknown(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def evaluate(
    encoder: str | None,
    weights: Path | None = None,
    videos: str | None = None,
    photographs: Path | None = None,
    scenes: int = 60,
    device: str = "auto",
    precision: str = "fp32",
) -> Evaluation:
    """Evaluate from the command's arguments. Raises UsageError for what does not exist or fit together, CheckpointError for bad weights."""
    started = time.monotonic()
    name = encoder or (PRETRAINED if weights else DEFAULT_ENCODER)
    place = encoders.device(device)
    setting = LoadOptions(
        device=place, precision=resolve_precision(precision, place), weights=weights
    )
    facts, loaded = encoders.load(name, setting)
    _check_encoder(facts)
    paths = [source.path for source in find([videos])] if videos else _samples()
    pictures = load_folder(photographs) if photographs else load_scikit_image()
    measured_on = material(paths, pictures, Size(scenes, directed=8 * scenes))
    untrained = _load_untrained(loaded, setting)
    predictor = _load_predictor(name, weights)
    rivals = [
        Rival(name, loaded, predictor),
        Rival("untrained", untrained, predictor and checkpoints.init_untrained(predictor.config)),
        *(Rival(label, encoder, None) for label, encoder in _simple(facts, setting).items()),
    ]
    measures = [_measure_encoder(rival, measured_on, facts.patch) for rival in rivals]
    control = interval(
        score_direction(_encoding(GradientMotion(facts.patch, facts.tubelet)), measured_on), *SHARE
    )
    return Evaluation(
        measures=measures,
        control=control,
        scenes=len(measured_on.plain),
        videos=[path.name for path in paths],
        seconds=time.monotonic() - started,
    )


@dataclass(frozen=True)
class Rival:
    """An encoder that is measured, under a name, and its predictor."""

    name: str
    encoder: Encoder
    predictor: Predictor | None


def _simple(facts: EncoderFacts, setting: LoadOptions) -> dict[str, Encoder]:
    """Encoders without training: hand-made statistics of a patch (unless they are evaluated themselves) and raw pixels."""
    toy = {} if facts.name == TOY else {TOY: encoders.load(TOY, replace(setting, weights=None))[1]}
    return {
        **(toy if facts.patch == PATCH else {}),
        "raw pixels": RawPixels(facts.patch, facts.tubelet),
    }


def _measure_encoder(rival: Rival, measured_on: Material, patch: int) -> Measures:
    tell(f"measuring {rival.name}")
    encoder, predictor = rival.encoder, rival.predictor
    predict = (
        prepare_prediction(encoder.model, predictor)
        if predictor is not None and isinstance(encoder, VJEPAEncoder)
        else None
    )
    return measure_encoder(rival.name, _encoding(rival.encoder), measured_on, patch, predict)


def _load_predictor(name: str, weights: Path | None) -> Predictor | None:
    """The predictor beside the encoder, for weights that `tubelet pretrain` wrote; None for any other encoder."""
    path = weights if name == PRETRAINED else encoders.row(name).packaged
    return pretrained.load_predictor(path) if path else None


def _encoding(encoder: Encoder) -> Callable[[torch.Tensor], torch.Tensor]:
    def encode(frames: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return encoder.encode(frames[None]).embeddings[0].cpu()

    return encode


def _load_untrained(encoder: Encoder, setting: LoadOptions) -> Encoder:
    """The same network with random weights; for an encoder that is not a V-JEPA, the small untrained one of the table."""
    model = (
        checkpoints.init_untrained(encoder.model.config)
        if isinstance(encoder, VJEPAEncoder)
        else checkpoints.init_untrained()
    )
    return VJEPAEncoder(model, setting.device, setting.precision)


def _check_encoder(facts: EncoderFacts) -> None:
    if SIDE % facts.patch or facts.tubelet != 2:
        raise UsageError(
            f"{facts.name} takes patches of {facts.patch} px and {facts.tubelet} frames per tubelet: "
            f"scenes here are {SIDE} px, in pairs of frames"
        )


def _samples() -> list[Path]:
    """The sample videos, or none where their package is not installed: backgrounds are then generated."""
    try:
        return sample_videos()
    except UsageError:
        return []
