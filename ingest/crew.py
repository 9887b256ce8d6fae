"""Several processes at one work: one queue of its parts, of which each process asks for one after the other.

A process says which of its parts are done. What one that dies was given goes back to the front of the queue, and nobody is told to end
before everything is done. Where the processes are is the affair of a `ProcessPlace`: here (`tubelet.ingest.local_place`), or on a cluster (`tubelet.ingest.ray_place`).
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from tubelet.ingest.errors import TeamError
from tubelet.store.errors import TubeletError

DEATHS = 2  # processes that end over one part before it is given up
WAIT, END = "wait", "end"  # answers to Next, besides the number of a part


class Talk(Protocol):
    """What joins two processes: a pipe's connection, or what stands in for it on another machine."""

    def send(self, message: Any, /) -> None: ...

    def recv(self) -> Any: ...


Serve = Callable[
    [Any, Talk, Talk], None
]  # what a process runs: its task, how it talks, and how it is told to stop


@dataclass(frozen=True)
class Next:
    """Asks for a part."""


@dataclass(frozen=True)
class Failed:
    """The last message of a process that cannot go on."""

    error: TubeletError


@dataclass(kw_only=True)
class Member:
    """One process, and the parts that it was given and has not done."""

    device: str
    process: Any  # which its place knows
    talk: Any  # a `Talk` that can be waited for and closed
    control: Any
    given: set[int] = field(default_factory=set)
    ended: bool = False  # in order


class ProcessPlace(Protocol):
    """Where processes are."""

    def recruit(self) -> list[str]:
        """Get ready for as many processes as there is room for; the device of each."""
        ...

    def start(self, serve: Serve, task: Any, device: str) -> Member: ...

    def wait(self, members: Sequence[Member]) -> Sequence[Member]:
        """Those that have said something, or have ended."""
        ...

    def explain(self, member: Member) -> str:
        """How a process ended."""
        ...


class Crew:
    """The processes of one work; `stop` may be called from a signal handler."""

    def __init__(self, place: ProcessPlace) -> None:
        self._place = place
        self._queue, self._deaths = deque[int](), Counter[int]()
        self._members: list[Member] = []
        self._error: TubeletError | None = None
        self._lost: list[str] = []
        self._stopped = False

    def stop(self) -> None:
        """Have every process finish what is in progress, commit and end."""
        self._stopped = True
        for member in self._members:
            with suppress(OSError):  # where it has ended
                member.control.send("stop")

    def _work_off(self) -> None:
        """Hand out the parts until every process has ended. Raises what ended one, and TeamError where none is left."""
        while self._members:
            for member in self._place.wait(self._members):
                self._hear(member)
        if self._error:
            raise self._error
        if self._is_unfinished():
            raise TeamError(
                f"every process ended before all was done ({'; '.join(self._lost)}): what was committed is kept; run the same command again"
            )

    def _require_same(self, ours: str, theirs: str) -> None:
        """End the work where two processes have different weights."""
        if ours != theirs:
            self._error = self._error or TeamError(
                f"two machines of the cluster have different weights ({ours} and {theirs}): give all the same file with --weights"
            )
            self.stop()

    def _is_unfinished(self) -> bool:
        return bool(self._queue) and not self._stopped

    def _hear(self, member: Member) -> None:
        try:
            message = member.talk.recv()
            if isinstance(message, Next):
                member.talk.send(self._give(member))
            else:
                self._note(member, message)
        except (EOFError, OSError):
            self._leave(member)

    def _give(self, member: Member) -> Any:
        """The next part for a process; WAIT while other processes may still return theirs."""
        if self._stopped:
            return END
        if self._queue:
            member.given.add(self._queue[0])
            return self._queue.popleft()
        return WAIT if any(other.given for other in self._members) else END

    def _note(self, member: Member, message: object) -> None:
        if isinstance(message, Failed):
            self._error, member.ended = self._error or message.error, True
            self.stop()

    def _leave(self, member: Member) -> None:
        """Take a process out that has ended, and take back what it has not done."""
        self._members.remove(member)
        how = self._place.explain(member)
        member.talk.close()
        member.control.close()
        if member.ended:
            return
        self._lost.append(f"{member.device}: {how}")
        self._deaths.update(member.given)
        for number in sorted(member.given, reverse=True):
            if self._deaths[number] < DEATHS:
                self._queue.appendleft(number)
            else:
                self._give_up(number)

    def _give_up(self, number: int) -> None:
        """Count a part as one that cannot be done."""
        raise NotImplementedError
