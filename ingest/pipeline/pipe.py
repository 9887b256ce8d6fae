"""A bounded pipe between threads that records how long each side waited and that either side can close early."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Broken(Exception):
    """The other side has stopped receiving."""


class Pipe(Generic[T]):
    """At most `size` items in progress. `close` ends the items, `break_off` drops them."""

    def __init__(self, size: int) -> None:
        self.waited_s = 0.0  # of the side that takes
        self.blocked_s = 0.0  # of the side that puts
        self._size = size
        self._items: deque[T] = deque()
        self._closed = self._broken = False
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        """Wait for room and add the item. Raises Broken once the pipe is broken off."""
        started = time.perf_counter()
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._size or self._broken)
            self.blocked_s += time.perf_counter() - started
            if self._broken:
                raise Broken
            self._items.append(item)
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            started = time.perf_counter()
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._closed or self._broken)
                self.waited_s += time.perf_counter() - started
                if self._broken or not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item

    @property
    def empty(self) -> bool:
        """Whether the taking side would have to wait."""
        return not self._items

    def close(self) -> None:
        """No more items: the taking side ends after those in progress."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def break_off(self) -> None:
        """Stop both sides as soon as they look."""
        with self._changed:
            self._broken = True
            self._changed.notify_all()
