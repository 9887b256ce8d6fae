"""Several devices: one process each (`tubelet.ingest.team_member`), one queue of sources, one progress, one summary.

A process asks for one source after the other, and says with each commit which of them are done.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping

from tubelet.ingest import encoders
from tubelet.ingest.arguments import Arguments
from tubelet.ingest.crew import DEATHS, Crew, Member, ProcessPlace
from tubelet.ingest.job import Work, find_work
from tubelet.ingest.local_place import LocalPlace
from tubelet.ingest.pipeline.events import ClipCount, Commit, EventLog, Listener, LoggingListener
from tubelet.ingest.pipeline.messages import Failure, VideoDone
from tubelet.ingest.pipeline.progress import Progress, ignore_progress
from tubelet.ingest.pipeline.summary import Summary
from tubelet.ingest.team_member import Hello, MemberEnded, MemberTask, serve
from tubelet.store import Store
from tubelet.store.jobs.state import JobProgress


def split_devices(text: object) -> list[str]:
    """The devices that `--device` names."""
    return [name.strip() for name in str(text).split(",")]


class Team(Crew):
    """One ingest on several devices; `stop` may be called from a signal handler."""

    def __init__(
        self,
        arguments: Mapping[str, object],
        store: str,
        report: Callable[[JobProgress], None] = ignore_progress,
        options: Mapping[str, str] | None = None,
        place: ProcessPlace | None = None,
    ) -> None:
        """Raises UsageError as a job does."""
        parsed = Arguments.of(**arguments)
        self._devices = split_devices(parsed.running.device)
        super().__init__(place or LocalPlace(self._devices))
        for device in self._devices:
            encoders.device(device)
        self._arguments, self._store, self._options = arguments, store, options or {}
        self._work: Work = find_work(parsed)
        sources = self._work.sources
        self._index = {source.path: number for number, source in enumerate(sources)}
        self._queue = deque(range(len(sources)))
        self._progress = Progress(len(sources), quiet=parsed.running.quiet, report=report)
        self._listeners: list[Listener] = [LoggingListener()]
        if parsed.running.log:
            self._listeners.append(EventLog(parsed.running.log))
        self._summary: Summary | None = None

    def execute(self) -> Summary:
        """Ingest every source. Raises what ended a process, and TeamError where there is none, or none is left."""
        self._devices, started = self._place.recruit(), time.perf_counter()
        Store.create(self._store, self._options).close()
        try:
            for device in self._devices:
                self._members.append(self._start(device))
            self._work_off()
        finally:
            self._progress.close()
            for listener in self._listeners:
                listener.close()
        return self._end(time.perf_counter() - started)

    def _start(self, device: str) -> Member:
        task = MemberTask(
            arguments={**self._arguments, "device": device},
            work=self._work,
            store=self._store,
            options=self._options,
            devices=self._devices,
        )
        return self._place.start(serve, task, device)

    def _note(self, member: Member, message: object) -> None:
        if isinstance(message, Hello):
            self._summary = self._summary or message.summary
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
        else:
            super()._note(member, message)

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

    def _is_unfinished(self) -> bool:
        return not self._summary or super()._is_unfinished()

    def _end(self, seconds: float) -> Summary:
        self.summary.seconds["wall"] = seconds
        self.summary.skipped, self.summary.taken = self._work.skipped, self._work.taken
        self.summary.lost_processes, self.summary.interrupted = self._lost, self._stopped
        return self.summary
