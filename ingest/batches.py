"""A command on several devices: its work is split into batches, each of which a process does as the command itself would.

A process commits what it does, so a lost one loses its batch alone, which goes back to the queue. Where it had committed a part of it, that part
is not done again, or done to the same rows.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from tubelet.ingest.crew import DEATHS, END, WAIT, Crew, Failed, Member, Next, ProcessPlace, Talk
from tubelet.store import Store
from tubelet.store.errors import TubeletError
from tubelet.store.outcome import Outcome

SHARES = 4  # batches per process, at least, where there is as much to do
WAIT_S = 0.5


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """What is to be done, and the outcome of nothing yet. What is in one group is done by one process; a batch has up to `most` items where its groups allow."""

    groups: Sequence[Sequence[Any]]
    outcome: Outcome
    most: int
    noun: str  # of an item


class Worker(Protocol):
    """What does batches in one process."""

    @property
    def identity(self) -> tuple[str, ...]:
        """What must be the same in all processes: ids and hashes of networks."""
        ...

    def do(
        self, batch: Sequence[Any], stopping: threading.Event, show: Callable[[int], None]
    ) -> Outcome:
        """Do and commit a batch; `show` receives how many of its items are done."""
        ...


class Openable(Protocol):
    """What a command works on, such as a store. It travels to the processes, and each opens it for itself."""

    def open(self) -> AbstractContextManager[Any]: ...


class SplitCommand(Protocol):
    """A command whose work can be split. It travels to the processes; `opened` is what it works on."""

    def begin(self, opened: Any, device: str, /) -> Worker:
        """In each process: load what is needed."""
        ...

    def plan(self, opened: Any, identity: tuple[str, ...], /) -> BatchPlan:
        """In the process that hands out: what is missing, once one has begun."""
        ...

    def finish(self, opened: Any, outcome: Any, seconds: float, /) -> None:
        """There as well, once all is done, or the command was stopped."""
        ...


@dataclass(frozen=True)
class StoreAddress:
    """A store as every process finds it, with the options of its bucket."""

    address: str
    options: Mapping[str, str]

    @contextmanager
    def open(self) -> Iterator[Store]:
        with closing(Store(self.address, options=dict(self.options))) as store, store.ingesting():
            yield store


@dataclass(frozen=True, kw_only=True)
class BatchTask:
    """What a process is to do."""

    command: SplitCommand
    place: Openable
    device: str


@dataclass(frozen=True)
class Begun:
    """The first message of a process."""

    identity: tuple[str, ...]


@dataclass(frozen=True)
class GivenBatch:
    """The answer to Next."""

    number: int
    items: Sequence[Any]


@dataclass(frozen=True)
class Progressed:
    """How many items of a batch are done."""

    number: int
    done: int


@dataclass(frozen=True)
class BatchDone:
    """A batch is committed."""

    number: int
    outcome: Outcome


@dataclass(frozen=True)
class AllDone:
    """The last message of a process."""


def serve_batches(task: BatchTask, talk: Talk, orders: Talk) -> None:
    """Be one process, until there is nothing left to do or the other end is gone."""
    stopping = threading.Event()
    threading.Thread(target=_obey, args=(orders, stopping), daemon=True).start()
    try:
        with task.place.open() as opened:
            worker = task.command.begin(opened, task.device)
            talk.send(Begun(worker.identity))
            _work(worker, talk, stopping)
        talk.send(AllDone())
    except TubeletError as error:
        talk.send(Failed(error))
    except (EOFError, OSError):
        pass  # the other process is gone: what was committed is kept


def _work(worker: Worker, talk: Talk, stopping: threading.Event) -> None:
    while True:
        talk.send(Next())
        answer = talk.recv()
        if answer == END:
            return
        if answer == WAIT:
            stopping.wait(WAIT_S)
            continue
        number: int = answer.number

        def show(done: int, number: int = number) -> None:
            talk.send(Progressed(number, done))

        talk.send(BatchDone(number, worker.do(answer.items, stopping, show)))


def _obey(orders: Talk, stopping: threading.Event) -> None:
    """Stop when told so, or when nobody is there to tell."""
    with suppress(EOFError, OSError):
        orders.recv()
    stopping.set()


def split_groups(groups: Sequence[Sequence[Any]], most: int, processes: int) -> list[list[Any]]:
    """Batches of whole groups, the largest first: `SHARES` per process or more, of up to `most` items unless one group has more."""
    total = sum(map(len, groups))
    size = max(1, min(most, -(-total // (max(1, processes) * SHARES))))
    batches: list[list[Any]] = []
    for group in groups:
        if batches and len(batches[-1]) + len(group) <= size:
            batches[-1] += group
        else:
            batches.append(list(group))
    return sorted(batches, key=len, reverse=True)


class BatchCrew(Crew):
    """One command; `stop` may be called from a signal handler."""

    def __init__(
        self,
        command: SplitCommand,
        opened: Any,
        reached: Openable,
        place: ProcessPlace,
        show: Callable[[int, int], None] = lambda done, of: None,
    ) -> None:
        """`opened` is what the command works on in this process, `reached` the same for the others. `show` receives how many items of how many are done."""
        super().__init__(place)
        self._command, self._opened, self._reached, self._show = command, opened, reached, show
        self._identity: tuple[str, ...] | None = None
        self._plan: BatchPlan | None = None
        self._batches: list[list[Any]] = []
        self._far: dict[int, int] = {}  # items done, by batch

    def execute(self) -> Outcome:
        """Do what is missing. Raises what ended a process, and TeamError where there is none, or none is left."""
        started = time.monotonic()
        for device in self._place.recruit():
            task = BatchTask(command=self._command, place=self._reached, device=device)
            self._members.append(self._place.start(serve_batches, task, device))
        self._work_off()
        assert self._plan
        outcome = self._plan.outcome
        outcome.lost_processes = self._lost
        outcome.interrupted = outcome.interrupted or bool(self._queue)
        self._command.finish(self._opened, outcome, time.monotonic() - started)
        return outcome

    def _note(self, member: Member, message: object) -> None:
        if isinstance(message, Begun):
            self._begin(message.identity)
        elif isinstance(message, Progressed):
            self._tell(message.number, message.done)
        elif isinstance(message, BatchDone) and self._plan:
            member.given.discard(message.number)
            self._plan.outcome.join(message.outcome)
            self._tell(message.number, len(self._batches[message.number]))
        elif isinstance(message, AllDone):
            member.ended = True
        else:
            super()._note(member, message)

    def _begin(self, identity: tuple[str, ...]) -> None:
        """Split the work, when the first process has loaded what it needs."""
        if self._identity is not None:
            self._require_same(" with ".join(self._identity), " with ".join(identity))
            return
        self._identity = identity
        try:
            self._plan = self._command.plan(self._opened, identity)
        except TubeletError as error:
            self._error = self._error or error
            self.stop()
            return
        self._batches = split_groups(self._plan.groups, self._plan.most, len(self._members))
        self._queue = deque(range(len(self._batches)))

    def _tell(self, number: int, done: int) -> None:
        if self._far.get(number) == done:
            return
        self._far[number] = done
        self._show(sum(self._far.values()), sum(map(len, self._batches)))

    def _is_unfinished(self) -> bool:
        return not self._plan or super()._is_unfinished()

    def _give(self, member: Member) -> GivenBatch | str:
        answer = super()._give(member)
        return answer if isinstance(answer, str) else GivenBatch(answer, self._batches[answer])

    def _give_up(self, number: int) -> None:
        assert self._plan
        items = len(self._batches[number])
        self._plan.outcome.problems.append(
            f"not done: {items:,} {self._plan.noun}: {DEATHS} processes ended while they worked on them; run the same command again on one machine"
        )
