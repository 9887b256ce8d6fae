"""`tubelet surprise` in batches: the clips of a video are predicted by one process, which decodes it once."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from tubelet.ingest.batches import BatchPlan
from tubelet.ingest.prediction.loading import Loaded, load_predictor
from tubelet.ingest.prediction.missing import Missing, UnpredictedClip, find_held
from tubelet.ingest.prediction.options import SurpriseOptions
from tubelet.ingest.prediction.run import (
    COMMIT_CLIPS,
    SurpriseOutcome,
    merge_files,
    plan_surprise,
    predict_clips,
)
from tubelet.store import Store


def locate_weights(weights: Path | None) -> Path | None:
    """Where a file is, whatever folder a process runs in."""
    return weights and Path(os.path.abspath(weights.expanduser()))


@dataclass(frozen=True)
class SurpriseWorker:
    """Predicts batches of clips."""

    store: Store
    loaded: Loaded
    options: SurpriseOptions

    @property
    def identity(self) -> tuple[str, ...]:
        return self.loaded.identity

    def do(
        self, batch: Sequence[UnpredictedClip], stopping: Event, show: Callable[[int], None]
    ) -> SurpriseOutcome:
        """What a lost process has committed of the batch counts as complete."""
        held = find_held(self.store, *self.loaded.identity, [one.clip.clip_id for one in batch])
        missing = Missing.of_part(batch, held)
        outcome = predict_clips(self.store, self.loaded, missing, (self.options, stopping, show))
        outcome.complete += missing.complete
        return outcome


@dataclass(frozen=True)
class SurpriseBatches:
    """`tubelet surprise`; a file of weights is where every machine finds it."""

    options: SurpriseOptions

    @classmethod
    def of(cls, options: SurpriseOptions) -> "SurpriseBatches":
        return cls(replace(options, weights=locate_weights(options.weights)))

    def begin(self, store: Store, device: str) -> SurpriseWorker:
        options = replace(self.options, device=device)
        return SurpriseWorker(store, load_predictor(store, options), options)

    def plan(self, store: Store, identity: tuple[str, ...]) -> BatchPlan:
        encoder_id, predictor = identity
        missing, outcome = plan_surprise(store, (encoder_id, predictor), self.options)
        groups = list(missing.by_video.values())
        return BatchPlan(groups=groups, outcome=outcome, most=COMMIT_CLIPS, noun="clips")

    def finish(self, store: Store, outcome: SurpriseOutcome, seconds: float) -> None:
        outcome.seconds = seconds
        merge_files(store, outcome)
