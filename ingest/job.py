"""A job: the arguments of an ingest, checked together, before anything is decoded."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ingest import encoders
from ingest.arguments import EMBEDDINGS, STATISTICS, Arguments, Cut
from ingest.encoders import Encoder, Row, Setting
from ingest.errors import UsageError
from ingest.geometry import Geometry
from ingest.pairs import Pairing
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
    embeddings: bool = True  # kept, or statistics and measurements alone

    @classmethod
    def of(cls, **values: object) -> "Job":
        """A job from the command's arguments, by their names. Raises UsageError with what to do instead."""
        arguments = Arguments.of(**values)
        model, running = arguments.model, arguments.running
        if running.keep not in (EMBEDDINGS, STATISTICS):
            raise UsageError(f"--keep {running.keep} is unknown: choose {EMBEDDINGS} or {STATISTICS}")
        windowing, geometry = _cut(arguments.cut, encoders.row(model.encoder))
        pairing = Pairing.parse(arguments.cut.shift, arguments.cut.pairs, windowing)
        sources = find(arguments.videos.paths, arguments.videos.limit)
        device = encoders.device(running.device)
        facts, encoder = encoders.load(model.encoder, Setting(device, running.precision, model.weights))
        recipe = checked(Recipe(facts, windowing, geometry, running.precision, pairing))
        return cls(sources, recipe, encoder, device, running.keep == EMBEDDINGS)

    def run(self, store: str) -> Run:
        """A run into a store, made where it is absent."""
        return Run(Store.create(store), self.recipe, self.encoder, Progress(len(self.sources)), self.embeddings)

    def plan(self) -> Plan:
        return plan(self.sources, self.recipe, self.encoder, self.device, self.embeddings)


def _cut(cut: Cut, row: Row) -> tuple[Windowing, Geometry]:
    hop = cut.frames * cut.step if cut.hop is None else cut.hop
    return Windowing(cut.frames, cut.step, hop, row.tubelet, cut.tail), Geometry.parse(cut.size or str(row.side), cut.fit)
