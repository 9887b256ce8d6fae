"""`tubelet backfill` and `tubelet pairs` in batches: what they compute rests on stored embeddings alone, so a process needs no network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event

from tubelet.ingest.batches import BatchPlan
from tubelet.store import Store, backfill
from tubelet.store.backfill import BackfillOptions, BackfillOutcome
from tubelet.store.outcome import Outcome
from tubelet.store.pairs import stored
from tubelet.store.pairs.stored import PairsOutcome, StoredPairs


@dataclass(frozen=True)
class StoredWorker:
    """Does batches of what a function does."""

    store: Store
    function: Callable[[Store, Sequence, Event, Callable[[int], None]], Outcome]
    identity: tuple[str, ...] = ()

    def do(self, batch: Sequence, stopping: Event, show: Callable[[int], None]) -> Outcome:
        return self.function(self.store, batch, stopping, show)


@dataclass(frozen=True)
class BackfillBatches:
    """`tubelet backfill`: a batch is committed as one."""

    asked: BackfillOptions

    def begin(self, store: Store, device: str) -> StoredWorker:
        return StoredWorker(store, backfill.compute_clips)

    def plan(self, store: Store, identity: tuple[str, ...]) -> BatchPlan:
        clips, outcome = backfill.plan_backfill(store, self.asked)
        groups = [[clip] for clip in clips]
        return BatchPlan(groups=groups, outcome=outcome, most=backfill.COMMIT_CLIPS, noun="clips")

    def finish(self, store: Store, outcome: BackfillOutcome, seconds: float) -> None:
        backfill.merge_files(store, outcome)


@dataclass(frozen=True)
class PairsBatches:
    """`tubelet pairs`: a batch is committed as one."""

    asked: StoredPairs

    def begin(self, store: Store, device: str) -> StoredWorker:
        return StoredWorker(store, stored.measure_pairs)

    def plan(self, store: Store, identity: tuple[str, ...]) -> BatchPlan:
        pairs, outcome = stored.plan_pairs(store, self.asked)
        groups = [[pair] for pair in pairs]
        return BatchPlan(groups=groups, outcome=outcome, most=stored.COMMIT_PAIRS, noun="pairs")

    def finish(self, store: Store, outcome: PairsOutcome, seconds: float) -> None:
        stored.merge_files(store, outcome)
