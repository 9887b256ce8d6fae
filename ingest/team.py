"""Several devices: one process each (`tubelet.ingest.team_member`), one queue of sources, one progress, one summary.

A process asks for one source after the other, and says with each commit which of them are done. What a process that dies was given goes back
to the front of the queue, and nobody is told to end before everything is committed.
"""

import multiprocessing
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any, Protocol

from tubelet.ingest import encoders
from tubelet.ingest.arguments import Arguments
from tubelet.ingest.errors import TeamError
from tubelet.ingest.job import Work, find_work
from tubelet.ingest.pipeline.events import ClipCount, Commit, EventLog, Listener, LoggingListener
from tubelet.ingest.pipeline.messages import Failure, VideoDone
from tubelet.ingest.pipeline.progress import Progress, ignore_progress
from tubelet.ingest.pipeline.summary import Summary
from tubelet.ingest.team_member import (
    END,
    WAIT,
    Failed,
    Hello,
    MemberEnded,
    MemberTask,
    Next,
    serve,
)
from tubelet.store import Store
from tubelet.store.errors import TubeletError
from tubelet.store.jobs.state import JobProgress

DEATHS = 2  # processes that end over one source before it is given up


def split_devices(text: object) -> list[str]:
    """The devices that `--device` names."""
    return [name.strip() for name in str(text).split(",")]


class MemberProcess(Protocol):
    """What runs a member."""

    @property
    def exitcode(self) -> int | None: ...

    def join(self) -> None: ...


@dataclass(kw_only=True)
class Member:
    """One process, and the sources that it was given and has not committed."""

    device: str
    process: MemberProcess
    talk: Any  # a `Talk` that can be waited for and closed
    control: Any
    given: set[int] = field(default_factory=set)
    ended: bool = False  # in order


class Team:
    """One ingest on several devices; `stop` may be called from a signal handler."""

    def __init__(
        self,
        arguments: Mapping[str, object],
        store: str,
        report: Callable[[JobProgress], None] = ignore_progress,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Raises UsageError as a job does."""
        parsed = Arguments.of(**arguments)
        self._devices = split_devices(parsed.running.device)
        for device in self._devices:
            encoders.device(device)
        self._arguments, self._store, self._options = arguments, store, options or {}
        self._work: Work = find_work(parsed)
        sources = self._work.sources
        self._index = {source.path: number for number, source in enumerate(sources)}
        self._queue, self._deaths = deque(range(len(sources))), Counter[int]()
        self._progress = Progress(len(sources), quiet=parsed.running.quiet, report=report)
        self._listeners: list[Listener] = [LoggingListener()]
        if parsed.running.log:
            self._listeners.append(EventLog(parsed.running.log))
        self._members: list[Member] = []
        self._summary: Summary | None = None
        self._error: TubeletError | None = None
        self._lost: list[str] = []
        self._stopped = False

    def execute(self) -> Summary:
        """Ingest every source. Raises what ended a process, and TeamError where none is left."""
        started = time.perf_counter()
        Store.create(self._store, self._options).close()
        try:
            for device in self._devices:
                self._members.append(self._start(device))
            while self._members:
                for member in self._wait():
                    self._hear(member)
        finally:
            self._progress.close()
            for listener in self._listeners:
                listener.close()
        return self._end(time.perf_counter() - started)

    def stop(self) -> None:
        """Have every process finish the clips in progress, commit and end."""
        self._stopped = True
        for member in self._members:
            with suppress(OSError):  # where it has ended
                member.control.send("stop")

    def _start(self, device: str) -> Member:
        spawn = multiprocessing.get_context("spawn")  # delta-rs does not survive a fork
        ours, theirs = spawn.Pipe()
        orders, control = spawn.Pipe(duplex=False)
        arguments = {**self._arguments, "device": device}
        task = MemberTask(
            arguments=arguments,
            work=self._work,
            store=self._store,
            options=self._options,
            devices=self._devices,
        )
        process = spawn.Process(target=serve, args=(task, theirs, orders), daemon=True)
        before = signal.pthread_sigmask(
            signal.SIG_BLOCK, {signal.SIGINT}
        )  # Ctrl-C reaches this process alone, which passes it on
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        orders.close()
        return Member(device=device, process=process, talk=ours, control=control)

    def _wait(self) -> Sequence[Member]:
        """The members that have said something, or have ended."""
        said = wait([member.talk for member in self._members])
        return [member for member in self._members if member.talk in said]

    def _hear(self, member: Member) -> None:
        try:
            message = member.talk.recv()
            if isinstance(message, Next):
                member.talk.send(self._give(member))
            else:
                self._note(member, message)
        except (EOFError, OSError):
            self._leave(member)

    def _give(self, member: Member) -> int | str:
        """The next source for a process; WAIT while other processes may still return theirs."""
        if self._stopped:
            return END
        if self._queue:
            member.given.add(self._queue[0])
            return self._queue.popleft()
        return WAIT if any(other.given for other in self._members) else END

    def _note(self, member: Member, message: object) -> None:
        if isinstance(message, Hello):
            self._summary = self._summary or message.summary
        elif isinstance(message, Failed):
            self._error, member.ended = self._error or message.error, True
            self.stop()
        elif isinstance(message, MemberEnded):
            member.ended = True
            self.summary.add_process(message.totals)
        elif isinstance(message, VideoDone):
            self._count(message)
        elif isinstance(message, Commit):
            member.given -= {self._index[path] for path in message.sources}
            for listener in self._listeners:
                listener.commit(message)
        elif isinstance(message, ClipCount):
            self.summary.add(message)
            self._progress.clip(message.path, message.tokens, message.of)
            for listener in self._listeners:
                listener.clip(message)

    @property
    def summary(self) -> Summary:
        """What was counted so far; there once a process has begun."""
        assert self._summary
        return self._summary

    def _count(self, done: VideoDone) -> None:
        self.summary.end(done)
        self._progress.end(done)
        for listener in self._listeners:
            listener.video(done)

    def _leave(self, member: Member) -> None:
        """Take a process out that has ended, and take back what it did not commit."""
        self._members.remove(member)
        member.process.join()
        member.talk.close()
        member.control.close()
        if member.ended:
            return
        self._lost.append(f"{member.device}: {self._explain(member)}")
        self._deaths.update(member.given)
        for number in sorted(member.given, reverse=True):
            if self._deaths[number] < DEATHS:
                self._queue.appendleft(number)
            else:
                self._give_up(number)

    def _explain(self, member: Member) -> str:
        """How a process ended."""
        return _explain_exit(member.process.exitcode)

    def _give_up(self, number: int) -> None:
        source = self._work.sources[number]
        error = f"{DEATHS} processes ended while they read it: leave this file out"
        failure = Failure(
            path=source.text,
            video_id=None,
            encoder_id=None,
            stage="read",
            error=error,
            first_frame=None,
        )
        self._count(VideoDone(source=source, failures=(failure,)))

    def _end(self, seconds: float) -> Summary:
        if self._error:
            raise self._error
        if not self._summary or (self._queue and not self._stopped):
            raise TeamError(
                f"every process ended before all was done ({'; '.join(self._lost)}): what was committed is kept; run the same command again"
            )
        self.summary.seconds["wall"] = seconds
        self.summary.skipped, self.summary.taken = self._work.skipped, self._work.taken
        self.summary.lost_processes, self.summary.interrupted = self._lost, self._stopped
        return self.summary


def _explain_exit(code: int | None) -> str:
    if code is not None and code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
