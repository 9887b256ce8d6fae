"""A job: the arguments of an ingest, checked together, before anything is decoded."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ingest import encoders, precision
from ingest.arguments import Arguments, Cut
from ingest.encoders import Encoder, Row, Setting
from ingest.errors import UsageError
from ingest.geometry import Geometry
from ingest.plan import Plan, plan
from ingest.progress import Progress
from ingest.recipe import Recipe, checked
from ingest.run import Run
from ingest.sources import Source, find
from ingest.windows import Windowing
from store import Store


@dataclass(frozen=True)
class Job:
    """What to ingest and how; ready to run or to plan."""

    sources: Sequence[Source]
    recipe: Recipe
    encoder: Encoder
    device: torch.device
    pictures: bool = True  # whether a run keeps slice pictures

    @classmethod
    def of(cls, **values: object) -> "Job":
        """A job from the command's arguments, by their names. Raises UsageError with what to do instead."""
        arguments = Arguments.of(**values)
        model, running = arguments.model, arguments.running
        windowing, geometry = _cut(arguments.cut, encoders.row(model.encoder))
        sources = find(arguments.videos.paths, arguments.videos.limit)
        device = encoders.device(running.device)
        arithmetic = precision.resolved(running.precision, device)
        facts, encoder = encoders.load(model.encoder, Setting(device, arithmetic, model.weights))
        return cls(sources, checked(Recipe(facts, windowing, geometry, arithmetic)), encoder, device, running.pictures)

    def run(self, store: str) -> Run:
        """A run into a store, made where it is absent."""
        return Run(Store.create(store), self.recipe, self.encoder, Progress(len(self.sources)), self.pictures)

    def plan(self) -> Plan:
        return plan(self.sources, self.recipe, self.encoder, self.device)


def _cut(cut: Cut, row: Row) -> tuple[Windowing, Geometry]:
    if row.frames:
        _check_fixed(cut, row)
    hop = cut.frames * cut.step if cut.hop is None else cut.hop
    return Windowing(cut.frames, cut.step, hop, row.tubelet, cut.tail), Geometry.parse(cut.size or str(row.side), cut.fit)


def _check_fixed(cut: Cut, row: Row) -> None:
    """Raises UsageError unless the clips are what an encoder of fixed positions takes."""
    wrong = ""
    if cut.frames != row.frames:
        wrong = f"--frames {cut.frames}"
    elif cut.tail:
        wrong = "--tail"
    elif cut.fit or cut.size not in (None, str(row.side), f"{row.side}x{row.side}"):
        wrong = "--fit" if cut.fit else f"--size {cut.size}"
    if wrong:
        only = f"clips of exactly {row.frames} frames at {row.side} x {row.side} px, for which it has positions"
        raise UsageError(f"{wrong}: this {row.family} model takes {only}: use --frames {row.frames} and leave out --size, --fit and --tail")
