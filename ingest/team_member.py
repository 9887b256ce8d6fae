"""One process of a team: an ingest on one device that asks for its sources and tells what happens."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch

from tubelet.ingest.arguments import Arguments
from tubelet.ingest.crew import END, WAIT, Failed, Next, Talk
from tubelet.ingest.job import Job, Work
from tubelet.ingest.pipeline.events import ClipCount, Commit, Listener, lighten
from tubelet.ingest.pipeline.messages import VideoDone
from tubelet.ingest.pipeline.run import Run
from tubelet.ingest.pipeline.summary import ProcessTotals, Summary
from tubelet.ingest.sources import Source
from tubelet.store.errors import TubeletError


@dataclass(frozen=True, kw_only=True)
class MemberTask:
    """What a process is to do: arguments with its one device, the sources that there are, and the devices of all processes."""

    arguments: Mapping[str, object]
    work: Work
    store: str
    options: Mapping[str, str]  # of its bucket
    devices: Sequence[str]


@dataclass(frozen=True)
class Hello:
    """The first message: a summary of nothing yet."""

    summary: Summary


@dataclass(frozen=True)
class MemberEnded:
    """The last message of a member of a team."""

    totals: ProcessTotals


class Messenger(Listener):
    """Tells the other process what happens; threads may do so at once."""

    def __init__(self, talk: Talk) -> None:
        self._talk, self._turn = talk, threading.Lock()

    def send(self, message: object) -> None:
        with self._turn:
            self._talk.send(message)

    def clip(self, count: ClipCount) -> None:
        self.send(count)

    def video(self, done: VideoDone) -> None:
        self.send(lighten(done))

    def commit(self, commit: Commit) -> None:
        self.send(commit)


class Handed:
    """The sources that this process is handed one by one, as long as there are any; None where it must wait."""

    def __init__(self, sources: Sequence[Source], talk: Talk, told: Messenger) -> None:
        self._sources, self._talk, self._told = sources, talk, told

    def __iter__(self) -> Iterator[Source | None]:
        while (answer := self._ask()) != END:
            yield None if answer == WAIT else self._sources[int(answer)]

    def _ask(self) -> int | str:
        try:
            self._told.send(Next())
            return self._talk.recv()
        except (EOFError, OSError):  # nobody is there any more
            return END


def serve(task: MemberTask, talk: Talk, orders: Talk) -> None:
    """Be one process of a team, until there is nothing left to do or the other end is gone."""
    with suppress(OSError):
        os.setsid()  # Ctrl-C in a terminal reaches the process that passes it on
    told = Messenger(talk)
    try:
        run = _prepare(task)
        run.listeners = [told]
        threading.Thread(target=_obey, args=(orders, run), daemon=True).start()
        told.send(Hello(run.summary))
        summary = run.execute(Handed(task.work.sources, talk, told))
        told.send(MemberEnded(ProcessTotals.of(summary)))
    except TubeletError as error:
        told.send(Failed(error))
    except OSError:
        pass  # the other process is gone: what was committed is kept


def _prepare(task: MemberTask) -> Run:
    arguments = {**task.arguments, "quiet": True, "log": None}
    on_cpu = sum(name.partition(":")[0] == "cpu" for name in task.devices)
    if on_cpu:
        torch.set_num_threads(max(1, torch.get_num_threads() // on_cpu))
    return Job.over(Arguments.of(**arguments), task.work).run(task.store, options=task.options)


def _obey(orders: Talk, run: Run) -> None:
    """Stop the run when told so, or when nobody is there to tell."""
    with suppress(EOFError, OSError):
        orders.recv()
    run.stop()
