"""A run: clips in, weights out, stopped and resumed at any step.

OUTPUT                the weights, once the last step is made
OUTPUT.checkpoint     everything that the next step depends on, every two minutes; a rerun goes on from here
OUTPUT.log.jsonl      a line every few steps, their means: losses, rate, spread, effective rank, seconds
CACHE                 clips and the teacher's features, see `bank`; by default OUTPUT.bank
"""

import io
import json
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import torch

from tubelet.ingest import pretrained
from tubelet.ingest.errors import CheckpointError, UsageError
from tubelet.ingest.search import find
from tubelet.store.disk.files import write_whole
from tubelet.store.errors import TubeletError
from tubelet.store.wording import count, tell
from tubelet.training.pretraining import batches
from tubelet.training.pretraining.bank import Bank
from tubelet.training.pretraining.clip_source import ClipSource, FootagePaths
from tubelet.training.pretraining.distillation import load_distillation
from tubelet.training.pretraining.settings import Settings
from tubelet.training.pretraining.trainer import Step, Trainer, mean_step

LOG_STEPS = 20
SAVE_SECONDS = 120.0
CHOICES = {  # settings that checkpoints of version 0.1 lack, and what held then
    name: Settings.__dataclass_fields__[name].default
    for name in ("mask_kinds", "mask_ratio", "ema", "level_weights", "objective")
}
UNCHECKED = "rate", "cooldown", "whole"  # settings that a resumed run may change


class Stopped(TubeletError):
    """A run that was asked to stop, and has saved where it was."""


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """What to train on, with which settings, for how long, and where to save it."""

    material: FootagePaths
    footage: ClipSource
    unusable: Sequence[str]
    settings: Settings
    steps: int
    output: Path
    device: torch.device
    cache: Path
    stopping: Event = field(default_factory=Event)

    @classmethod
    def of(
        cls,
        paths: Sequence[str],
        output: Path,
        steps: int,
        photographs: Path | None,
        device: torch.device,
        cache: Path | None = None,
        **settings: Any,  # fields of Settings, which checks them
    ) -> "Pretraining":
        """A run from the command's arguments. Raises UsageError before anything is decoded, or where no video can be used."""
        if output.exists():
            raise UsageError(f"{output} exists: choose another -o, or delete it first")
        if steps < 1:
            raise UsageError(f"--steps is {steps}: it must be 1 or more")
        chosen = Settings(**settings)
        material = FootagePaths([source.path for source in find(paths)], photographs)
        footage, unusable = material.gather()
        bank = cache or output.with_name(output.name + ".bank")
        return cls(
            material=material,
            footage=footage,
            unusable=unusable,
            settings=chosen,
            steps=steps,
            output=output,
            device=device,
            cache=bank,
        )

    def execute(self, fill: Callable[[Bank], None] | None = None) -> None:
        """Train to the last step and write the weights; `fill` makes clips beforehand. Raises CollapseError, CheckpointError."""
        trainer, bank = Trainer(self.settings, self.device, self.steps), self.bank()
        self._resume(trainer)
        if fill:
            fill(bank)
        if not trainer.step:
            trainer.prepare(bank)
        clock = Clock(trainer.step, self.steps)
        saved = time.monotonic()
        recent: list[Step] = []
        for batch in batches.from_step(trainer.step, self.steps, bank):
            progress = trainer.learn(batch)
            if self.stopping.is_set():
                self.save(trainer)
                raise Stopped(
                    f"stopped after {count(trainer.step, 'step')}; run the same command again to resume from {self.checkpoint}"
                )
            recent.append(progress)
            if progress.step % LOG_STEPS == 0 or progress.step == self.steps:
                self._log(mean_step(recent), clock)
                recent.clear()
            if time.monotonic() - saved > SAVE_SECONDS:
                self.save(trainer)
                saved = time.monotonic()
        self.save(trainer)
        write_whole(self.output, self.weights(trainer), self.output.parent)

    def save(self, trainer: Trainer) -> None:
        """Write the checkpoint, whole or not at all."""
        buffer = io.BytesIO()
        torch.save(
            {
                "settings": self.settings.as_json,
                "footage": self.footage.fingerprint,
                **trainer.state(),
            },
            buffer,
        )
        write_whole(self.checkpoint, buffer.getbuffer(), self.output.parent)

    def weights(self, trainer: Trainer) -> bytes:
        """The file of weights: the averaged encoder and the predictor."""
        words = {
            "settings": json.dumps(self.settings.as_json),
            "steps": str(trainer.step),
            "made_with": self._describe_making(),
        }
        return pretrained.serialize(
            trainer.networks.target, self.settings.encoder, trainer.networks.predictor, words
        )

    @property
    def checkpoint(self) -> Path:
        return self.output.with_name(self.output.name + ".checkpoint")

    @property
    def log(self) -> Path:
        return self.output.with_name(self.output.name + ".log.jsonl")

    def bank(self) -> Bank:
        """The clips. Raises CheckpointError where there is to be a teacher and its weights are missing."""
        distillation = load_distillation(self.settings, self.device)
        return Bank.of(self.cache, self.footage, self.settings, distillation)

    def _resume(self, trainer: Trainer) -> None:
        if not self.checkpoint.exists():
            return
        try:
            state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
            found, wanted = (
                {k: v for k, v in each.items() if k not in UNCHECKED}
                for each in (CHOICES | state["settings"], self.settings.as_json)
            )
        except (
            OSError,
            EOFError,
            RuntimeError,
            LookupError,
            TypeError,
            AttributeError,
            pickle.UnpicklingError,
        ) as error:
            raise CheckpointError(
                f"{self.checkpoint} is damaged: delete it to start again"
            ) from error
        other = sorted(
            name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)
        )
        other += ["videos or photographs"] if state["footage"] != self.footage.fingerprint else []
        if other:
            raise CheckpointError(
                f"{self.checkpoint} belongs to another run (different: {', '.join(other)}): give the same arguments, or delete it"
            )
        trainer.restore(state)
        if trainer.step >= self.steps:
            raise CheckpointError(
                f"{self.checkpoint} has already made {count(trainer.step, 'step')}: give --steps more, or delete it"
            )

    def _log(self, progress: Step, clock: "Clock") -> None:
        with self.log.open("a") as file:
            file.write(json.dumps({**asdict(progress), "seconds": round(clock.seconds, 1)}) + "\n")
        tell(clock.line(progress))

    def _describe_making(self) -> str:
        teacher = f", distilled from {self.settings.teacher}" if self.settings.teacher else ""
        footage = f"{count(len(self.footage.videos), 'video')} and {count(len(self.footage.pictures), 'picture')}"
        return f"tubelet pretrain on {footage}, seed {self.settings.seed}{teacher}"


class Clock:
    """How long a run has taken and will still take."""

    def __init__(self, first: int, last: int) -> None:
        self._first, self._last, self._start_batches = first, last, time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start_batches

    def line(self, progress: Step) -> str:
        left = self.seconds / max(1, progress.step - self._first) * (self._last - progress.step)
        losses = f"masked {progress.masked:.3f}, context {progress.context:.3f}, distillation {progress.distillation:.3f}, similarity {progress.similarity:.3f}"
        spread = f"spread {progress.spread:.2f}, effective rank {progress.rank:.0f}"
        return f"step {progress.step:,} of {self._last:,}: {losses}, {spread}, about {left / 60:.0f} min left"
