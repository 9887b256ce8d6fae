"""Processes on this machine, each at the other end of a pipe."""

import multiprocessing
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any

from tubelet.ingest.crew import Member, Serve


@dataclass(frozen=True)
class LocalPlace:
    """This machine, with a process per device."""

    devices: Sequence[str]

    def recruit(self) -> list[str]:
        return list(self.devices)

    def start(self, serve: Serve, task: Any, device: str) -> Member:
        spawn = multiprocessing.get_context("spawn")  # delta-rs does not survive a fork
        ours, theirs = spawn.Pipe()
        orders, control = spawn.Pipe(duplex=False)
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

    def wait(self, members: Sequence[Member]) -> Sequence[Member]:
        said = wait([member.talk for member in members])
        return [member for member in members if member.talk in said]

    def explain(self, member: Member) -> str:
        member.process.join()
        code = member.process.exitcode
        if code is not None and code < 0:
            return f"ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"
