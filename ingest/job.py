"""A job: the arguments of an ingest, checked together, before anything is downloaded or decoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ingest import encoders
from ingest.encoders import Encoder
from ingest.geometry import Geometry
from ingest.plan import Plan, plan
from ingest.progress import Progress
from ingest.recipe import Recipe, check_size
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

    @classmethod
    def of(
        cls,
        paths: Sequence[str],
        encoder: str,
        weights: Path | None = None,
        frames: int = 16,
        step: int = 1,
        hop: int | None = None,
        tail: bool = False,
        size: str | None = None,
        fit: bool = False,
        device: str = "auto",
        precision: str = "fp32",
        limit: int | None = None,
    ) -> "Job":
        """A job from the command's arguments. Raises UsageError with what to do instead."""
        row = encoders.row(encoder)
        windowing = Windowing(frames, step, frames * step if hop is None else hop, row.tubelet, tail)
        geometry = Geometry.parse(size or str(row.side), fit)
        check_size(geometry, encoder, row.patch)
        sources = find(paths, limit)
        place = encoders.device(device)
        facts, loaded = encoders.load(encoder, encoders.Setting(place, precision, weights))
        return cls(sources, Recipe(facts, windowing, geometry, precision), loaded, place)

    def run(self, store: str) -> Run:
        """A run into a store, made where it is absent."""
        return Run(Store.create(store), self.recipe, self.encoder, Progress(len(self.sources)))

    def plan(self) -> Plan:
        return plan(self.sources, self.recipe, self.encoder, self.device)
