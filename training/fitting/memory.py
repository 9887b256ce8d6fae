"""A batch that does not fit into memory, in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from tubelet.ingest.memory import out_of_memory
from tubelet.store.wording import count
from tubelet.training.fitting.errors import FitError


@contextmanager
def explain_memory(batch: int, others: str) -> Iterator[None]:
    """Raise FitError where memory runs out; `others` names what takes less."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        fewer = f"a smaller --batch, {others}" if batch > 1 else others
        raise FitError(
            f"memory ran out with {count(batch, 'clip')} per step: use {fewer}"
        ) from error
