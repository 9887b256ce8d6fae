"""Turns: which source is read next, by one thread at a time. Those that another process works on come again once it is done with them."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from tubelet.ingest.pipeline.messages import DecodedClip, Flush, VideoDone
from tubelet.ingest.pipeline.reader import Busy, Reader
from tubelet.ingest.sources import Source
from tubelet.store.jobs.claims import Claims

PAUSE_S = 0.5  # between two looks at what others work on
RELOAD_SHARE = (
    5  # as many times as long as reading the store again takes, other things are done first
)

Items = Iterator[DecodedClip | VideoDone | Flush]


class Turns:
    """Hands out the items of one source after the other, where a source is None after a pause; `renew` gives a reader that knows the store as it is now."""

    def __init__(
        self,
        sources: Iterable[Source | None],
        reader: Reader,
        claims: Claims,
        renew: Callable[[], Reader],
    ) -> None:
        self._reader, self._claims, self._renew = reader, claims, renew
        self._sources, self._again = iter(sources), deque[Source]()
        self._busy: list[tuple[Source, str]] = []  # and the key that another process holds
        self._not_before = 0.0

    def take(self) -> Items | None:
        """The items of the next source; a pause where others work on all that are left; None at the end."""
        while True:
            for source in chain(self._drain_again(), self._sources):
                if source is None:
                    if not self._return():
                        return _pause()
                    break
                try:
                    return self._reader.read(source)
                except Busy as busy:
                    self._busy.append((source, busy.key))
            else:
                if not self._busy:
                    return None
                if not self._return():
                    return _pause()

    def _drain_again(self) -> Iterator[Source]:
        while self._again:
            yield self._again.popleft()

    def _return(self) -> bool:
        """Bring those back that nobody works on any more, knowing the store as it is since then; whether there are any."""
        if time.monotonic() < self._not_before:
            return False
        free = self._claims.look(key for _, key in self._busy)
        if not free:
            return False
        started = time.monotonic()
        self._reader = self._renew()
        self._not_before = time.monotonic() + RELOAD_SHARE * (time.monotonic() - started)
        self._again += [source for source, key in self._busy if key in free]
        self._busy = [(source, key) for source, key in self._busy if key not in free]
        return True


def _pause() -> Items:
    time.sleep(PAUSE_S)
    yield Flush()
