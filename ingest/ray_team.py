"""An ingest on a cluster of Ray: the processes of a team are actors, one per GPU or per `CORES` CPU cores.

They read the sources and write the store themselves, so both must lie where every machine finds them: on a shared disk, in a bucket, or on a
web server. This process hands the sources out, the largest first, counts, and shows how far all are.
"""

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tubelet import __version__
from tubelet.ingest.errors import TeamError, UsageError
from tubelet.ingest.pipeline.progress import ignore_progress
from tubelet.ingest.pipeline.summary import Summary
from tubelet.ingest.ray_member import GONE, Broke, Seat
from tubelet.ingest.team import Member, Team
from tubelet.ingest.team_member import Hello, MemberTask
from tubelet.store.jobs.state import JobProgress
from tubelet.store.remote.address import is_remote

CORES = 4  # of an actor without a GPU, where a machine has as many
LOCAL = "local"
CONNECT_S = 5.0
START_S = 120.0  # in which an actor must have started
LOOK_S = 0.5  # between two looks for a signal
HEAD_S = 5.0  # between two looks for the head of the cluster


@dataclass(kw_only=True)
class Line:
    """What an actor says, and what it is told: a connection made of calls."""

    actor: Any
    ray: Any
    working: Any  # the call that lasts as long as its work does
    said: deque[object] = field(default_factory=deque)
    asked: Any = None

    def ask(self) -> Sequence[Any]:
        """The calls of which one returns once the actor has said something, or has ended."""
        self.asked = self.asked or self.actor.hear.remote()
        return [self.asked, self.working]

    def recv(self) -> object:
        """Raises EOFError where the actor has ended, or its machine is gone."""
        if not self.said:
            self._hear()
        message = self.said.popleft()
        if message == GONE:
            raise EOFError
        return message

    def _hear(self) -> None:
        try:
            ready, _ = self.ray.wait(self.ask(), num_returns=1)
            if (
                self.asked not in ready
            ):  # raises where it could not begin; else its last words are on their way
                self.ray.get(self.working)
            said, self.asked = self.ray.get(self.asked), None
            self.said += said
        except self.ray.exceptions.RayError as error:
            raise EOFError from error

    def send(self, message: object) -> None:
        self.actor.answer.remote(message)

    def close(self) -> None:
        with suppress(self.ray.exceptions.RayError):
            self.ray.kill(self.actor)


@dataclass(frozen=True)
class Orders:
    """The way by which an actor is told to stop."""

    actor: Any

    def send(self, word: str) -> None:
        self.actor.order.remote(word)

    def close(self) -> None:
        return


@dataclass(frozen=True)
class Remote:
    """An actor as a process."""

    why: str = "its machine or its process is gone"
    exitcode: int | None = None

    def join(self) -> None:
        return


class RayTeam(Team):
    """One ingest on the machines of a cluster; `stop` may be called from a signal handler."""

    def __init__(
        self,
        arguments: Mapping[str, object],
        store: str,
        report: Callable[[JobProgress], None] = ignore_progress,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Raises UsageError as a job does, and where there is no cluster."""
        self._ray = _connect(str(arguments["ray"]))
        self._head, self._looked = self._ray.get_runtime_context().gcs_address, time.monotonic()
        gpus, self._cores = _divide(self._ray.nodes())
        device = str(arguments.get("device", "auto"))
        if device not in ("auto", "cpu", "cuda"):
            raise UsageError(
                f"--device {device}: with --ray, it is auto, cpu or cuda, for all machines"
            )
        super().__init__({**arguments, "device": "cpu"}, _find_everywhere(store), report, options)
        self._gpu = device == "cuda" or (device == "auto" and gpus > 0)
        self._wanted = gpus if self._gpu else _count_cpu_actors(self._ray.nodes(), self._cores)
        self._seats: list[Any] = []
        sizes = [source.estimate_bytes() for source in self._work.sources]
        self._queue = deque(sorted(self._queue, key=lambda number: -sizes[number]))

    def execute(self) -> Summary:
        """Ingest every source. Raises what ended an actor, and TeamError where there is none, or none is left."""
        self._seats = self._recruit()
        self._devices = ["cuda" if self._gpu else "cpu"] * len(self._seats)
        return super().execute()

    def _recruit(self) -> list[Any]:
        """An actor wherever the cluster has room for one. Raises TeamError where there is none, or one of another version."""
        taken = {"num_gpus": 1} if self._gpu else {"num_cpus": self._cores}
        seat = self._ray.remote(Seat).options(max_concurrency=4, max_restarts=0, **taken)
        asked = {one.version.remote(): one for one in (seat.remote() for _ in range(self._wanted))}
        ready = (
            self._ray.wait(list(asked), num_returns=len(asked), timeout=START_S)[0] if asked else []
        )
        for late in asked.keys() - set(ready):
            self._ray.kill(asked[late])
        if not ready:
            what = "GPU" if self._gpu else f"{self._cores} CPU cores"
            raise TeamError(
                f"no machine of the cluster has {what} to spare: start one, or wait for what runs there, then run the same command again"
            )
        try:
            versions = set(self._ray.get(ready))
        except self._ray.exceptions.RayError as error:
            raise TeamError(
                "a machine of the cluster cannot run Tubelet: install the same version there as here"
            ) from error
        if others := versions - {__version__}:
            raise TeamError(
                f"a machine of the cluster has Tubelet {min(others)}, this one {__version__}: install the same version everywhere"
            )
        return [asked[one] for one in ready]

    def _start(self, device: str) -> Member:
        seat = self._seats.pop()
        task = MemberTask(
            arguments={**self._arguments, "device": device},
            work=self._work,
            store=self._store,
            options=self._options,
            devices=[device],
        )
        line = Line(actor=seat, ray=self._ray, working=seat.work.remote(task))
        return Member(device=device, process=Remote(), talk=line, control=Orders(seat))

    def _wait(self) -> Sequence[Member]:
        while True:
            self._require_head()
            if said := [member for member in self._members if member.talk.said]:
                return said
            asked = {one: member for member in self._members for one in member.talk.ask()}
            ready, _ = self._ray.wait(list(asked), timeout=LOOK_S)
            if ready:
                return [asked[one] for one in ready]

    def _require_head(self) -> None:
        """Raise TeamError where the head is gone: a minute later, the package would end this process without a word of ours."""
        if time.monotonic() - self._looked > HEAD_S:
            try:
                _require_reachable(self._head)
            except UsageError as error:
                raise TeamError(
                    f"the head of the cluster at {self._head} no longer answers: what was committed is kept; start the cluster again, then run the same command again"
                ) from error
            self._looked = time.monotonic()

    def _explain(self, member: Member) -> str:
        return (
            member.process.why if isinstance(member.process, Remote) else super()._explain(member)
        )

    def _note(self, member: Member, message: object) -> None:
        if isinstance(message, Broke):
            member.process = Remote(message.why)
        elif (
            isinstance(message, Hello)
            and self._summary
            and message.summary.encoder_id != self._summary.encoder_id
        ):
            self._error = self._error or TeamError(
                f"two machines of the cluster have different weights ({self._summary.encoder_id} and {message.summary.encoder_id}): give all the same file with --weights"
            )
            self.stop()
        super()._note(member, message)


def _connect(address: str) -> Any:
    """Ray, connected to a cluster. Raises UsageError."""
    try:
        import ray
    except ImportError as error:
        raise UsageError("--ray takes the package ray: pip install 'tubelet[ray]'") from error
    _require_reachable(address)
    if not ray.is_initialized():
        try:
            ray.init(
                address=None if address == LOCAL else address,
                log_to_driver=False,
                logging_level="error",
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UsageError(_no_cluster(address)) from error
    return ray


def _require_reachable(address: str) -> None:
    """Raise UsageError where nothing listens at an address: the package itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), CONNECT_S).close()
        except (OSError, OverflowError) as error:
            raise UsageError(_no_cluster(address)) from error


def _no_cluster(address: str) -> str:
    return f"--ray {address}: no cluster answers there: start one with `ray start --head`, or pass --ray {LOCAL} for this machine alone"


def _find_everywhere(store: str) -> str:
    """A store as every machine finds it."""
    return store if is_remote(store) else os.path.abspath(os.path.expanduser(store))


def _divide(nodes: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """The GPUs of a cluster, and the CPU cores of an actor without one: as many as its smallest machine has, up to `CORES`."""
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    cores = [int(found["CPU"]) for found in alive if found.get("CPU", 0) >= 1]
    return int(sum(found.get("GPU", 0) for found in alive)), min([CORES, *cores])


def _count_cpu_actors(nodes: Sequence[Mapping[str, Any]], cores: int) -> int:
    return sum(int(node["Resources"].get("CPU", 0)) // cores for node in nodes if node["Alive"])
