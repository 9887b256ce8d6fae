"""Turns at the processes that answer queries: fair between those who ask, and a quick query never waits for the end of a slow one.

A query first has one of the quick places, for half a second of work. One that works longer moves to one of the lasting places. Where those are taken
and others wait for its place, it is stopped, and starts over when a lasting place is free. Of those who wait, the one goes first who has used
the least time of late; whoever has used much leaves a quick place, and the processes that are ready, to others.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from tubelet.store.errors import QueryError

ASKER: ContextVar[str] = ContextVar(
    "ASKER", default=""
)  # who asks in this thread; "": nobody else's turn counts
QUICK_S = 0.5  # of work, after which a query counts as slow
IDLE_S = 5.0  # after which it counts as slow, however little it has worked: a busy machine is not its fault, a slow disk may be
MUCH_S = 5.0  # of late
LONGEST_WAIT_S = 300
LOOK_S = 0.25  # how often who waits looks whether the answer is still wanted
HALVED_S = 60.0  # in which half of the time that somebody has used is forgotten


@dataclass(frozen=True)
class QuerySlots:
    """How many queries run at once: quick ones, lasting ones, and of one asker."""

    quick: int = 3
    lasting: int = 3
    per_asker: int = 2

    @property
    def at_once(self) -> int:
        return self.quick + self.lasting


@dataclass(eq=False, kw_only=True)
class Turn:
    """A query that waits or runs."""

    asker: str
    lasting: bool
    running: bool = False
    slow: bool = False  # has worked for longer than a quick query does
    since: float = field(default_factory=time.monotonic)  # when it began to wait, then to run


@dataclass
class Use:
    """Seconds that somebody has used, and when they were last counted."""

    seconds: float = 0.0
    at: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        return self.seconds * 0.5 ** ((time.monotonic() - self.at) / HALVED_S)


class FairQueue:
    """Who waits and who runs. Thread-safe."""

    def __init__(self, places: QuerySlots) -> None:
        self.places = places
        self._changed = threading.Condition()
        self._turns: list[Turn] = []
        self._used: dict[str, Use] = {}

    @contextmanager
    def wait(
        self, lasting: bool = False, unwanted: Callable[[], bool] | None = None
    ) -> Iterator[Turn]:
        """A turn of whoever asks in this thread, once it has come. Raises QueryError where it does not come, or nobody wants it any more."""
        turn = Turn(asker=ASKER.get() or f"thread {threading.get_ident()}", lasting=lasting)
        with self._changed:
            self._turns.append(turn)
        try:
            self._wait_for(turn, unwanted or (lambda: False))
            yield turn
        finally:
            self._leave(turn)

    def may_stay(self, turn: Turn, worked: float | None = None) -> bool:
        """Whether a query may run on: its time is short yet, there is a lasting place for it, or nobody waits for the one it has.

        `worked` are its seconds of processor time, None where the system does not say: on a busy machine a quick query takes long.
        """
        with self._changed:
            passed = time.monotonic() - turn.since
            idle = worked is not None and worked < QUICK_S and passed < IDLE_S
            turn.slow = turn.lasting or not (passed < QUICK_S or idle)
            if turn.lasting or not turn.slow:
                return True
            if self._count(lasting=True) < self.places.lasting:
                turn.lasting = True
                self._changed.notify_all()
                return True
            return not any(self._may_run(other, swap=turn) for other in self._turns)

    def has_used_much(self, turn: Turn) -> bool:
        """Whether its asker has used much time of late, while others are there."""
        return self.has_others(turn) and self._use_of(turn.asker) > MUCH_S

    def has_others(self, turn: Turn) -> bool:
        """Whether another query waits or runs."""
        with self._changed:
            return any(one is not turn for one in self._turns)

    def count(self) -> tuple[int, int]:
        """How many queries run, and how many wait."""
        with self._changed:
            running = sum(turn.running for turn in self._turns)
            return running, len(self._turns) - running

    def _wait_for(self, turn: Turn, unwanted: Callable[[], bool]) -> None:
        until = turn.since + LONGEST_WAIT_S
        with self._changed:
            while self._next(turn.lasting) is not turn:
                if unwanted():
                    raise QueryError("stopped: the client has disconnected")
                if time.monotonic() > until:
                    raise QueryError(self._explain_wait())
                self._changed.wait(LOOK_S)
            turn.running, turn.since = True, time.monotonic()
            self._changed.notify_all()

    def _next(self, lasting: bool) -> Turn | None:
        """Who goes first of those who wait for a place of a kind, where there is one."""
        able = [turn for turn in self._turns if turn.lasting == lasting and self._may_run(turn)]
        return min(able, key=lambda turn: (self._use_of(turn.asker), turn.since), default=None)

    def _may_run(self, turn: Turn, swap: Turn | None = None) -> bool:
        """Whether it waits and its place is free, or would be without `swap`."""
        if turn.running:
            return False
        running = [one for one in self._turns if one.running and one is not swap]
        most = self.places.lasting if turn.lasting else self.places.quick
        if not turn.lasting and most > 1 and self._use_of(turn.asker) > MUCH_S:
            most -= 1
        taken = sum(one.lasting == turn.lasting for one in running)
        return (
            taken < most and sum(one.asker == turn.asker for one in running) < self.places.per_asker
        )

    def _count(self, lasting: bool) -> int:
        return sum(turn.running and turn.lasting == lasting for turn in self._turns)

    def _use_of(self, asker: str) -> float:
        """Seconds that it has used of late, those of what runs among them."""
        now = time.monotonic()
        running = sum(
            now - turn.since for turn in self._turns if turn.running and turn.asker == asker
        )
        return running + (self._used[asker].now() if asker in self._used else 0.0)

    def _leave(self, turn: Turn) -> None:
        with self._changed:
            self._turns.remove(turn)
            if turn.running:
                before = self._used[turn.asker].now() if turn.asker in self._used else 0.0
                self._used[turn.asker] = Use(before + time.monotonic() - turn.since)
            self._used = {name: use for name, use in self._used.items() if use.now() > QUICK_S / 10}
            self._changed.notify_all()

    def _explain_wait(self) -> str:
        places = self.places
        return (
            f"other queries are running: {places.at_once} at once, {places.per_asker} of one visitor, and none of this query's "
            f"places came free in {LONGEST_WAIT_S} s: try again in a moment"
        )
