"""The processes that answer queries: started, queried, kept for the next query, and killed when a query's time is over.

`fair_queue` says whose turn it is.
"""

import atexit
import contextlib
import json
import multiprocessing.connection
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

import tubelet
from tubelet.store.disk.scratch import make_scratch, remove_scratch
from tubelet.store.errors import FilesGone, QueryError
from tubelet.store.sandbox.fair_queue import FairQueue, QuerySlots, Turn
from tubelet.store.sandbox.worker import Kind, Request

EXPORTING = QuerySlots(quick=2, lasting=0, per_asker=2)  # whole answers written at a time
IDLE = 3  # processes kept for the next query, as many as quick ones run at once by default; about 150 MB each
SLOW = 10  # how much a slow query gives way to others: its niceness
START_S = 60  # a process that is not up by then never will be
LONGEST_S = 10**6  # the operating system waits no longer
SETTLE_S = 1  # a process that has answered is ready again at once, or never
UNWANTED_S = 0.25  # how often a query asks whether anybody still waits for it, or for its place
BASE_BYTES, CORE_BYTES = (
    1 << 30,
    1 << 26,
)  # address space of a process beside its query's memory; what each core adds to it
LEAST_BYTES = 1 << 28  # of memory, below which no query is tried
MESSAGE_BYTES = 1 << 16  # an error may be this long, however large the answer is already
ENVIRONMENT = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "PYTHONHOME",
    "TZ",
    "LANG",
    "LC_ALL",
)  # all that a process gets to see


class Restarted(QueryError):
    """An answer that begins again after part of it was handed on."""


class SetAside(Exception):
    """A slow query gave its place to others, and starts over when one for slow queries is free."""


@dataclass(frozen=True)
class Answered:
    """The rows of an answer, up to one more than requested, the seconds it took, and the bytes that were read for it."""

    table: pa.Table
    seconds: float
    bytes_read: int


class Process:
    """A process that answers one query after the other, and the only folder that it may write to."""

    def __init__(self) -> None:
        """Start it and wait until it is ready. Raises QueryError with the reason if it does not start."""
        self._process: subprocess.Popen | None = None
        self._slowed = False
        self._worked_before: float | None = None  # seconds of work when the answer began
        self.bytes_read = 0  # for the last answer; 0 where the system does not say
        self._folder = make_scratch()
        self._connection, theirs = multiprocessing.connection.Pipe()
        try:
            with theirs, open(self._folder / "stderr", "wb") as stderr:
                self._process = STARTER.submit(
                    self._start, theirs.fileno(), stderr.fileno()
                ).result()
            self._ready = self._says_ready(START_S)
            if not self._ready:
                reason = self._last_words() or f"it has not started after {START_S} s"
                raise QueryError(f"the process that runs queries did not start: {reason}")
        except BaseException:
            self.close()
            raise

    @property
    def ready(self) -> bool:
        """Whether it waits for a query."""
        running = self._process is not None and self._process.poll() is None
        return self._ready and running and not self._slowed

    @property
    def worked(self) -> float | None:
        """Seconds of processor time that the present answer has taken; None on systems other than Linux."""
        worked, before = self._count_work(), self._worked_before
        return None if worked is None or before is None else worked - before

    def _count_work(self) -> float | None:
        try:
            told = Path(f"/proc/{self._process.pid}/stat").read_text() if self._process else ""
        except OSError:
            return None
        ticks = told.rpartition(")")[2].split()[11:13]  # of user and system, of all threads
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK") if ticks else None

    def give_way(self) -> None:
        """Let other processes go first from now on. It is not kept for another query: only an administrator can take this back.

        Linux may compare niceness within a session alone (autogroup), and this process has one of its own: then the session is told, too.
        """
        if self._process and not self._slowed:
            self._slowed = True
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PGRP, self._process.pid, SLOW)
            with contextlib.suppress(OSError):
                Path(f"/proc/{self._process.pid}/autogroup").write_text(str(SLOW))

    def answer(self, request: Request, unwanted: Callable[[], bool] | None = None) -> pa.Table:
        """Rows, up to one more than requested. Raises QueryError for the query's mistakes, at a limit, and once it is `unwanted`."""
        chunks: list[pa.Table] = []
        for piece in self._pieces(request, unwanted, whole=True):
            if piece is None:
                chunks.clear()
            else:
                chunks.append(piece)
        return pa.concat_tables(chunks)

    def stream(
        self, request: Request, unwanted: Callable[[], bool] | None = None
    ) -> Generator[pa.Table, None, None]:
        """The same in pieces as they are computed, the first one empty; `memory` bounds each of them. Raises Restarted as well."""
        begun = 0
        for piece in self._pieces(request, unwanted, whole=False):
            if piece is not None:
                yield piece
            elif begun:
                raise Restarted(
                    "the store was compacted while the answer came: run the query again"
                )
            begun += 0 if piece is None else len(piece)

    def _pieces(
        self, request: Request, unwanted: Callable[[], bool] | None, whole: bool
    ) -> Iterator[pa.Table | None]:
        """The answer in pieces; None where it starts, for the second time if a compaction took the files away meanwhile."""
        self._ready, self._worked_before = False, self._count_work()
        deadline, left = time.monotonic() + request.seconds, request.memory
        self._connection.send_bytes(json.dumps(asdict(request)).encode())
        while True:
            self._wait(deadline, request, unwanted)
            kind, content = self._message(request, left)
            if kind == Kind.CHUNK:
                left -= len(content) if whole else 0
                if left < 0:
                    raise QueryError(too_wide(request))
                yield pa.ipc.open_stream(content).read_all()
            elif kind == Kind.STARTED:
                left = request.memory
                yield None
            else:
                break
        self._ready = self._says_ready(SETTLE_S)
        if kind == Kind.GONE:
            raise FilesGone(str(content, "utf-8"))
        if kind != Kind.END:
            raise QueryError(too_much(request) if kind == Kind.MEMORY else str(content, "utf-8"))
        self.bytes_read = int(str(content, "utf-8"))

    def close(self) -> None:
        """Kill it, and remove what it has spilled to disk."""
        self._connection.close()
        if self._process:
            self._process.kill()
            self._process.wait()
        remove_scratch(self._folder)

    def _start(self, connection: int, stderr: int) -> subprocess.Popen:
        environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        environment |= {
            "PYTHONPATH": str(Path(tubelet.__file__).parents[1]),
            "TMPDIR": str(self._folder),
        }
        environment["ARROW_DEFAULT_MEMORY_POOL"] = (
            "system"  # its own reserves a gigabyte at once, which counts as used
        )
        if _address_space() is not None:
            environment["MALLOC_ARENA_MAX"] = "2"  # each reserves 64 MB of it
        return subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "tubelet.store.sandbox.worker",
                str(connection),
                str(self._folder),
            ],
            env=environment,
            cwd=self._folder,
            pass_fds=[connection],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C is for us
        )

    def _wait(self, deadline: float, request: Request, unwanted: Callable[[], bool] | None) -> None:
        """Wait for the next message. Raises QueryError at the deadline, and once nobody is waiting for the answer."""
        longest = UNWANTED_S if unwanted else LONGEST_S
        while not self._connection.poll(min(max(deadline - time.monotonic(), 0), longest)):
            if time.monotonic() >= deadline:
                raise QueryError(too_long(request))
            if unwanted and unwanted():
                raise QueryError("stopped: the client has disconnected")

    def _message(self, request: Request, left: int) -> tuple[bytes, memoryview]:
        """The next message as its kind and its content; `left` bytes of the answer are still allowed."""
        try:
            message = self._connection.recv_bytes(max(left, MESSAGE_BYTES))
        except (EOFError, ConnectionError):
            raise QueryError(self._last_words() or too_much(request)) from None
        except OSError:  # the message is longer
            raise QueryError(too_wide(request)) from None
        return message[:1], memoryview(message)[1:]

    def _last_words(self) -> str:
        """The last line of a traceback; empty where the process was ended from outside, or by a failed allocation."""
        if self._process is None:
            return ""
        try:
            mistake = self._process.wait(SETTLE_S) > 0
        except subprocess.TimeoutExpired:
            return ""
        lines = (self._folder / "stderr").read_text(errors="replace").splitlines()
        return lines[-1] if mistake and lines else ""

    def _says_ready(self, seconds: float) -> bool:
        try:
            return self._connection.poll(seconds) and self._connection.recv_bytes() == Kind.READY
        except (EOFError, ConnectionError):
            return False


class Processes:
    """Busy and idle processes, and whose turn it is. Thread-safe."""

    def __init__(self, places: QuerySlots) -> None:
        self.queue = FairQueue(places)
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._starting = False  # one that nobody waits for

    def answer(self, request: Request, unwanted: Callable[[], bool] | None = None) -> Answered:
        """The answer to a query when its turn has come. Raises QueryError as `Process.answer` does, and where its turn does not come."""
        lasting = False
        while True:
            try:
                with self.queue.wait(lasting, unwanted) as turn, self._one_for(turn) as process:
                    started = turn.since = time.monotonic()
                    table = process.answer(request, self._watch(turn, process, unwanted))
                    return Answered(table, time.monotonic() - started, process.bytes_read)
            except SetAside:
                lasting = True

    def stream(
        self, request: Request, unwanted: Callable[[], bool] | None = None
    ) -> Generator[pa.Table, None, None]:
        """The same in pieces; a query keeps its place until its last piece is fetched."""
        with (
            self.queue.wait(unwanted=unwanted),
            self.one() as process,
            closing(process.stream(request, unwanted)) as pieces,
        ):
            yield from pieces

    @contextmanager
    def one(self, fresh: bool = False) -> Iterator[Process]:
        """A process that waits for a query, or a new one; kept afterwards if it is ready for another."""
        process = (None if fresh else self._take()) or Process()
        try:
            yield process
        finally:
            self._give_back(process)

    def _one_for(self, turn: Turn) -> AbstractContextManager[Process]:
        """One that is ready; a query that lasts starts its own, so that the next quick one does not have to."""
        return self.one(fresh=turn.lasting or self.queue.has_used_much(turn))

    def keep_ready(self) -> None:
        """Where no process waits for a query, start one in the background: the next query then does not wait for its imports."""
        with self._lock:
            if self._idle or self._starting:
                return
            self._starting = True
        threading.Thread(target=self._start_one, name="tubelet-ready", daemon=True).start()

    def _start_one(self) -> None:
        with contextlib.suppress(QueryError, RuntimeError):  # the next query says why; or the end
            self._give_back(Process())
        self._starting = False

    def _watch(
        self, turn: Turn, process: Process, unwanted: Callable[[], bool] | None
    ) -> Callable[[], bool]:
        def look() -> bool:
            """Whether nobody wants the answer. Raises SetAside where others need the place."""
            if not self.queue.may_stay(turn, process.worked):
                raise SetAside
            if turn.slow and self.queue.has_others(turn):
                process.give_way()
            return unwanted is not None and unwanted()

        return look

    def close(self) -> None:
        """End the idle processes."""
        while process := self._take():
            process.close()

    def _take(self) -> Process | None:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.ready:
                    return process
                process.close()
        return None

    def _give_back(self, process: Process) -> None:
        with self._lock:
            if process.ready and len(self._idle) < IDLE:
                self._idle.append(process)
                return
        process.close()


def fitting_memory(wanted: int) -> int:
    """The part of the requested bytes that the address space of this process allows. Raises QueryError if that is too little to start."""
    limit = _address_space()
    if limit is None:
        return wanted
    base = BASE_BYTES + CORE_BYTES * (os.cpu_count() or 1)
    if limit - base < LEAST_BYTES:
        needed = (base + LEAST_BYTES) // 1024
        raise QueryError(
            f"`ulimit -v` allows this process {limit / 1e9:.1f} GB of address space, too little for a query: allow {needed:,} kB or more, or `unlimited`"
        )
    return min(wanted, limit - base)


def _address_space() -> int | None:
    """The limit on the bytes that a process may map; None where there is none."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def too_long(request: Request) -> str:
    return f"stopped after {request.seconds:g} s: add a LIMIT or a WHERE (on clip_id or video_id for `tokens`), or allow more time (`--max-seconds`)"


def too_much(request: Request) -> str:
    return f"stopped at {_size(request)} of memory: select fewer columns or rows, aggregate before sorting or joining, or allow more memory (`--max-memory`)"


def too_wide(request: Request) -> str:
    return f"the answer is larger than {_size(request)}: select fewer columns or rows, or allow more memory (`--max-memory`)"


def _size(request: Request) -> str:
    return f"{request.memory / 1e9:g} GB"


STARTER = ThreadPoolExecutor(
    1, "tubelet-start"
)  # as long as this process lives: on Linux a child ends with the thread that started it
PROCESSES = Processes(QuerySlots())
EXPORTS = Processes(EXPORTING)  # apart: a slow download holds no query up


def set_places(queries: QuerySlots, exports: QuerySlots) -> None:
    """How many queries run at once from now on, and how many whole answers are written."""
    PROCESSES.queue.places, EXPORTS.queue.places = queries, exports


atexit.register(PROCESSES.close)
atexit.register(EXPORTS.close)
