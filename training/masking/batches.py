"""`tubelet mask` in batches: a window is masked by one process, and committed as a single run does; the process that hands out draws."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Event

from tubelet.ingest.batches import BatchPlan
from tubelet.ingest.prediction.batches import locate_weights
from tubelet.ingest.prediction.loading import Loaded, load_predictor
from tubelet.store import Store
from tubelet.store.errors import TubeletError
from tubelet.store.rows import ClipRow
from tubelet.training.masking.options import MaskOptions
from tubelet.training.masking.run import MaskOutcome, add_figures, choose_clips, mask_windows

MOST = 8  # windows of a batch


@dataclass(frozen=True)
class MaskWorker:
    """Masks batches of windows."""

    store: Store
    loaded: Loaded
    options: MaskOptions

    @property
    def identity(self) -> tuple[str, ...]:
        return self.loaded.identity

    def do(
        self, batch: Sequence[ClipRow], stopping: Event, show: Callable[[int], None]
    ) -> MaskOutcome:
        """What a lost process has committed of the batch counts as kept."""
        return mask_windows(self.store, self.loaded, batch, (self.options, stopping, show))


@dataclass(frozen=True)
class MaskBatches:
    """`tubelet mask`; a file of weights is where every machine finds it."""

    options: MaskOptions

    @classmethod
    def of(cls, options: MaskOptions) -> "MaskBatches":
        return cls(replace(options, weights=locate_weights(options.weights)))

    def begin(self, store: Store, device: str) -> MaskWorker:
        options = replace(self.options, device=device, draw=None)
        return MaskWorker(store, load_predictor(store, options), options)

    def plan(self, store: Store, identity: tuple[str, ...]) -> BatchPlan:
        encoder_id, _ = identity
        groups = [[clip] for clip in choose_clips(store, encoder_id, self.options)]
        return BatchPlan(
            groups=groups, outcome=MaskOutcome(encoder_id=encoder_id), most=MOST, noun="windows"
        )

    def finish(self, store: Store, outcome: MaskOutcome, seconds: float) -> None:
        add_figures(store, self.options, outcome)
        if self.options.draw and not outcome.interrupted:
            self._draw(store, outcome)

    def _draw(self, store: Store, outcome: MaskOutcome) -> None:
        """The first window again, for its picture: what is stored of it is kept."""
        try:
            loaded = load_predictor(store, self.options)
            first = choose_clips(store, loaded.row.encoder_id, self.options)[:1]
            drawn = mask_windows(store, loaded, first, (self.options, None, lambda done: None))
        except TubeletError as error:
            outcome.problems.append(f"--draw: {error}")
            return
        outcome.drawn = drawn.drawn
