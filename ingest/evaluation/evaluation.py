"""The evaluation: an encoder, the same network untrained, and raw pixels, on the same material; and a control that proves the probe."""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from ingest import checkpoints, encoders, pretrained
from ingest.contract import Encoder, Setting
from ingest.errors import UsageError
from ingest.evaluation.baselines import GradientMotion, RawPixels
from ingest.evaluation.intervals import Interval, interval
from ingest.evaluation.material import SIDE, Material, Size, material
from ingest.evaluation.measures import MEANINGS, Measures, measured, told
from ingest.evaluation.prediction import foretell_with
from ingest.facts import EncoderFacts
from ingest.precision import resolved
from ingest.samples import sample_videos
from ingest.scenes.photographs import in_folder, of_scikit_image
from ingest.sources import find
from ingest.vjepa import Predictor
from ingest.vjepa_encoder import VJEPAEncoder


@dataclass(frozen=True)
class Evaluation:
    """Measures of the encoder, the untrained network and raw pixels, the probe's control, and what all of it was measured on."""

    measures: Sequence[Measures]
    control: Interval
    scenes: int
    videos: Sequence[str]
    seconds: float

    def as_json(self) -> dict:
        return {**asdict(self), "meanings": dict(MEANINGS)}

    def lines(self) -> list[str]:
        """A table: a line a measure, a column an encoder, means with 95 % intervals."""
        names = [f"{measures.name} ({measures.dim})" for measures in self.measures]
        width = max(50, *map(len, names)) + 2
        rows = [f"{'':20}" + "".join(f"{name:{width}}" for name in names)]
        rows += [f"{key:20}" + "".join(f"{str(measures.intervals[key]):{width}}" for measures in self.measures) for key in MEANINGS]
        rows += [
            f"{'shift by slice':20}" + "".join(f"{' '.join(f'{v:.3f}' for v in measures.curve):{width}}" for measures in self.measures)
        ]
        rows += [f"direction told from displacements of the pixels, which proves the probe: {self.control}"]
        return [
            *map(str.rstrip, rows),
            f"{self.scenes} tracked scenes and {len(self.videos)} videos, in {self.seconds:.0f} s; `--json` says what each line means",
        ]


def evaluate(
    encoder: str | None,
    weights: Path | None = None,
    videos: str | None = None,
    photographs: Path | None = None,
    scenes: int = 60,
    device: str = "auto",
    precision: str = "fp32",
) -> Evaluation:
    """Evaluate from the command's arguments. Raises UsageError for what does not exist or go together, CheckpointError for bad weights."""
    started = time.monotonic()
    name = encoder or ("vjepa2.1-pretrained" if weights else "vjepa2.1-untrained")
    place = encoders.device(device)
    setting = Setting(place, resolved(precision, place), weights)
    facts, loaded = encoders.load(name, setting)
    _checked(facts)
    paths = [source.path for source in find([videos])] if videos else _samples()
    pictures = in_folder(photographs) if photographs else of_scikit_image()
    measured_on = material(paths, pictures, Size(scenes, directed=8 * scenes))
    untrained = _untrained(loaded, setting)
    predictor = _predictor(loaded, setting)
    rivals = [
        (name, loaded, predictor),
        ("untrained", untrained, predictor and checkpoints.untrained(predictor.config)),
        ("raw pixels", RawPixels(facts.patch, facts.tubelet), None),
    ]
    measures = [_measured(Rival(*each), measured_on, facts.patch) for each in rivals]
    control = interval(told(_encoding(GradientMotion(facts.patch, facts.tubelet)), measured_on))
    return Evaluation(measures, control, len(measured_on.plain), [path.name for path in paths], time.monotonic() - started)


@dataclass(frozen=True)
class Rival:
    """An encoder that is measured, under a name, and its predictor."""

    name: str
    encoder: Encoder
    predictor: Predictor | None


def _measured(rival: Rival, measured_on: Material, patch: int) -> Measures:
    print(f"measuring {rival.name}", file=sys.stderr, flush=True)
    foretell = foretell_with(rival.encoder.model, rival.predictor) if rival.predictor else None
    return measured(rival.name, _encoding(rival.encoder), measured_on, patch, foretell)


def _predictor(encoder: Encoder, setting: Setting) -> Predictor | None:
    """The predictor of weights that `tubelet pretrain` wrote."""
    return pretrained.load_predictor(setting.weights) if setting.weights and isinstance(encoder, VJEPAEncoder) else None


def _encoding(encoder: Encoder):
    def encode(frames: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return encoder.encode(frames[None]).embeddings[0].cpu()

    return encode


def _untrained(encoder: Encoder, setting: Setting) -> Encoder:
    """The same network with random weights; for an encoder that is no V-JEPA, the small untrained one of the table."""
    model = checkpoints.untrained(encoder.model.config) if isinstance(encoder, VJEPAEncoder) else checkpoints.untrained()
    return VJEPAEncoder(model, setting.device, setting.precision)


def _checked(facts: EncoderFacts) -> None:
    if SIDE % facts.patch or facts.tubelet != 2:
        raise UsageError(
            f"{facts.name} takes patches of {facts.patch} px and {facts.tubelet} frames a tubelet: "
            f"scenes here are {SIDE} px, in pairs of frames"
        )


def _samples() -> list[Path]:
    """The sample videos, or none where their package is not installed: backgrounds are then generated."""
    try:
        return sample_videos()
    except UsageError:
        return []
