"""Results that are kept, for threads that share them."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Memo(Generic[T]):
    """At most `most` results by key; the one that was asked for longest ago goes first.

    Each is made once, however many threads ask for it at the same time. An error is not kept: the next try is a new one.
    """

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self._slots: OrderedDict[Hashable, _Slot[T]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of a key, made now where it is not kept."""
        with self._lock:
            slot = self._slots.pop(key) if key in self._slots else _Slot[T]()
            self._slots[key] = slot
            while len(self._slots) > self._most:
                self._slots.popitem(last=False)
        with slot.lock:
            if not slot.results:
                slot.results.append(make())
            return slot.results[0]

    def __len__(self) -> int:
        return len(self._slots)


class _Slot(Generic[T]):
    """A result, once there is one, and the lock of whoever makes it."""

    def __init__(self) -> None:
        self.lock, self.results = Lock(), list[T]()
