"""A cluster of Ray: processes are actors, one per GPU or per `CORES` CPU cores.

They read sources and write the store themselves, so both must lie where every machine finds them: on a shared disk, in a bucket, or on a
web server.
"""

import os
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tubelet import __version__
from tubelet.ingest.crew import Member, Serve
from tubelet.ingest.errors import TeamError, UsageError
from tubelet.ingest.ray_member import GONE, Broke, Seat
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
    why: str = "its machine or its process is gone"

    def ask(self) -> Sequence[Any]:
        """The calls of which one returns once the actor has said something, or has ended."""
        self.asked = self.asked or self.actor.hear.remote()
        return [self.asked, self.working]

    def recv(self) -> object:
        """Raises EOFError where the actor has ended, or its machine is gone."""
        if not self.said:
            self._hear()
        message = self.said.popleft()
        if isinstance(message, Broke):
            self.why = message.why
        if isinstance(message, Broke) or message == GONE:
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


class RayPlace:
    """The machines of a cluster."""

    def __init__(self, address: str, device: str = "cpu") -> None:
        """Raises UsageError where there is no cluster, and for a device that machines do not share."""
        self._ray = _connect(address)
        self._head, self._looked = self._ray.get_runtime_context().gcs_address, time.monotonic()
        if device not in ("auto", "cpu", "cuda"):
            raise UsageError(
                f"--device {device}: with --ray, it is auto, cpu or cuda, for all machines"
            )
        gpus, self._cores = _divide(self._ray.nodes())
        self._gpu = device == "cuda" or (device == "auto" and gpus > 0)
        self._wanted = gpus if self._gpu else _count_cpu_actors(self._ray.nodes(), self._cores)
        self._seats: list[Any] = []

    def recruit(self) -> list[str]:
        """Have an actor start wherever the cluster has room for one; the device of each. Raises TeamError where there is none, or one of another version."""
        taken = {"num_gpus": 1} if self._gpu else {"num_cpus": self._cores}
        seat = self._ray.remote(Seat).options(max_concurrency=4, max_restarts=0, **taken)
        asked = {one.version.remote(): one for one in (seat.remote() for _ in range(self._wanted))}
        ready = (
            self._ray.wait(list(asked), num_returns=len(asked), timeout=START_S)[0] if asked else []
        )
        for late in asked.keys() - set(ready):
            self._ray.kill(asked[late])
        found = {one: version for one in ready if (version := self._read_version(one))}
        if not found:
            what = "GPU" if self._gpu else f"{self._cores} CPU cores"
            raise TeamError(
                f"no machine of the cluster has {what} to spare: start one, or wait for what runs there, then run the same command again"
            )
        if others := set(found.values()) - {__version__}:
            raise TeamError(
                f"a machine of the cluster has Tubelet {min(others)}, this one {__version__}: install the same version everywhere"
            )
        self._seats = [asked[one] for one in found]
        return ["cuda" if self._gpu else "cpu"] * len(self._seats)

    def _read_version(self, answer: Any) -> str | None:
        """Of an actor; None where its machine has been lost since. Raises TeamError."""
        try:
            return self._ray.get(answer)
        except self._ray.exceptions.RayError as error:
            lost = isinstance(error, self._ray.exceptions.RayActorError)
            if lost and not error.actor_init_failed:
                return None
            raise TeamError(
                "a machine of the cluster cannot run Tubelet: install the same version there as here"
            ) from error

    def start(self, serve: Serve, task: Any, device: str) -> Member:
        seat = self._seats.pop()
        line = Line(actor=seat, ray=self._ray, working=seat.work.remote(serve, task))
        return Member(device=device, process=seat, talk=line, control=Orders(seat))

    def wait(self, members: Sequence[Member]) -> Sequence[Member]:
        while True:
            self._require_head()
            if said := [member for member in members if member.talk.said]:
                return said
            asked = {one: member for member in members for one in member.talk.ask()}
            ready, _ = self._ray.wait(list(asked), timeout=LOOK_S)
            if ready:
                return [asked[one] for one in ready]

    def explain(self, member: Member) -> str:
        return member.talk.why

    def leave(self) -> None:
        """Let go of the cluster, before work that does not need it: where its head is lost, the package ends this process."""
        self._ray.shutdown()

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


def find_everywhere(place: str) -> str:
    """A store or a file as every machine finds it."""
    return place if is_remote(place) else os.path.abspath(os.path.expanduser(place))


def _divide(nodes: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """The GPUs of a cluster, and the CPU cores of an actor without one: as many as its smallest machine has, up to `CORES`."""
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    cores = [int(found["CPU"]) for found in alive if found.get("CPU", 0) >= 1]
    return int(sum(found.get("GPU", 0) for found in alive)), min([CORES, *cores])


def _count_cpu_actors(nodes: Sequence[Mapping[str, Any]], cores: int) -> int:
    return sum(int(node["Resources"].get("CPU", 0)) // cores for node in nodes if node["Alive"])
