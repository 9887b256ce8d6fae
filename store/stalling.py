"""Files that may never answer, as on a mount that has gone away: what reads them works in a thread of its own, which is given up where it makes no step for too long.

A thread that waits for a disk cannot be ended; it stays until the disk answers or the process ends, and what it finds then is dropped.
"""

import threading
import time
import weakref
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_S = 120.0  # without a step: a block of bytes read, a packet or a frame
_steps: dict[int, float] = {}  # when each attended thread took its last one


class Unanswered(Exception):
    """A file gave nothing for longer than anyone waits."""


def step() -> None:
    """Note that the calling thread got on. Costs about as much as a call."""
    thread = threading.get_ident()
    if thread in _steps:
        _steps[thread] = time.monotonic()


class Attendant:
    """Does work in a thread of its own, one piece after the other; `begin` is done in each new thread first."""

    def __init__(self, begin: Callable[[], object] = lambda: None) -> None:
        self._begin = begin
        self._todo: SimpleQueue[Callable[[], Any] | None] | None = None
        self._done: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
        self._thread = 0

    def wait(self, work: Callable[[], T]) -> T:
        """What the work returns or raises. Raises Unanswered where it stands still; the next piece then has a new thread."""
        if self._todo is None:
            self._start()
        assert self._todo is not None
        _steps[self._thread] = time.monotonic()
        self._todo.put(work)
        while True:
            left = _steps[self._thread] + PATIENCE_S - time.monotonic()
            try:
                failed, found = self._done.get(timeout=max(left, 0.001))
            except Empty:
                if time.monotonic() - _steps[self._thread] < PATIENCE_S:
                    continue
                self._abandon()
                raise Unanswered(f"it gave nothing for {PATIENCE_S:.0f} s") from None
            if failed:
                raise found
            return found

    def _start(self) -> None:
        todo: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        done: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
        thread = threading.Thread(
            target=_serve, args=(todo, done, self._begin), name="tubelet-file", daemon=True
        )
        thread.start()
        self._todo, self._done, self._thread = todo, done, thread.ident or 0
        weakref.finalize(self, todo.put, None)  # the thread ends with whom it works for

    def _abandon(self) -> None:
        if self._todo is not None:
            self._todo.put(None)
        _steps.pop(self._thread, None)
        self._todo = None


def _serve(todo: SimpleQueue, done: SimpleQueue, begin: Callable[[], object]) -> None:
    begin()
    while (work := todo.get()) is not None:
        try:
            result = False, work()
        except BaseException as error:  # raised where it is waited for
            result = True, error
        del work  # what it holds is not kept while nothing is to be done
        done.put(result)
        del result
    _steps.pop(threading.get_ident(), None)
