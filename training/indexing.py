"""`tubelet index` in batches: a process codes clips in the basis that was fitted before; the codes of a clip are a file of their own, and nothing is committed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event

from tubelet.ingest.batches import BatchPlan
from tubelet.ingest.stored_batches import StoredWorker
from tubelet.latent import bases, search_index
from tubelet.latent.codes import TokenIndex
from tubelet.latent.search_index import CodingOutcome
from tubelet.store import Store
from tubelet.store.rows import ClipRow

MOST = 64  # clips of a batch


@dataclass(frozen=True)
class CodingBatches:
    """The index is one that the store keeps."""

    basis_id: str

    def begin(self, store: Store, device: str) -> StoredWorker:
        return StoredWorker(store, partial(_code, self._load(store)))

    def plan(self, store: Store, identity: tuple[str, ...]) -> BatchPlan:
        groups = [[clip] for clip in search_index.find_uncoded(store, self._load(store))]
        return BatchPlan(groups=groups, outcome=CodingOutcome(), most=MOST, noun="clips")

    def finish(self, store: Store, outcome: CodingOutcome, seconds: float) -> None:
        """What the codes miss is measured by the command, once all clips have codes."""

    def _load(self, store: Store) -> TokenIndex:
        return TokenIndex(bases.load_basis(store, self.basis_id))


def _code(
    sketch: TokenIndex,
    store: Store,
    batch: Sequence[ClipRow],
    stopping: Event,
    show: Callable[[int], None],
) -> CodingOutcome:
    return search_index.write_codes(store, sketch, batch, stopping, show)
