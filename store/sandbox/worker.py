"""Inside the sandbox: the process that answers queries, started and stopped by `worker_pool`.

What keeps a query from writing, and from reading elsewhere, outermost first:

1. DuckDB's own parser finds one statement, a query, in the text as it stands; no `;`, no closing parenthesis gets past it.
2. Functions that run SQL from a string are refused by name: `json_execute_serialized_sql` runs COPY from inside a SELECT.
3. The text runs as ``SELECT * FROM (`` text ``)``: WITH ... AS (COPY ...) and (INSERT ...) are refused in there.
   EXPLAIN comes before that, in our own words, and what it explains is in the parentheses.
4. The connection is locked (`views`): no files outside the store, no settings, no extensions. It lives for one query.
5. On Linux the kernel lets this process write to a folder of its own only (`landlock`); its environment holds no secrets.
"""

import contextlib
import json
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tubelet.store.disk.files import unreadable
from tubelet.store.errors import FilesGone, QueryError, TubeletError
from tubelet.store.questions import views
from tubelet.store.questions.catalog import EVERYTHING, find_named
from tubelet.store.questions.connections import Connection as Opened
from tubelet.store.sandbox import landlock
from tubelet.store.sandbox.error_messages import explain_error, is_memory
from tubelet.store.sandbox.estimate import HELD, Estimate, StoredFiles, estimate
from tubelet.store.sandbox.lifeline import end_with_parent
from tubelet.store.sandbox.statements import ESTIMATE, PREFIX, ROWS, Statement, read_statement
from tubelet.store.store import Store

SETTINGS = {
    "errors_as_json": "true",
    "lambda_syntax": "ENABLE_SINGLE_ARROW",
}  # `x -> x + 1` beside `lambda x: x + 1`
CHUNK_ROWS = 2048
SLACK = (
    1 << 29
)  # bytes a query may map beside twice its memory: threads, arenas that allocators keep
KEPT = (
    1 << 30
)  # bytes that a process may hold before the next query; another starts in half a second
GRACE_S = 5  # after its time, a process that nobody has killed ends by itself


class Kind:
    """First byte of a message to the other side."""

    READY = b"R"  # for a query
    STARTED = b"S"  # the answer follows; what came before does not count
    CHUNK = b"C"  # rows, as an Arrow stream
    END = b"."  # of the answer, with the bytes that were read for it
    ERROR = b"E"  # the sentence that says why there is no answer
    GONE = b"G"  # a file of a store in a bucket is not on this machine
    MEMORY = b"M"  # ran out


@dataclass(frozen=True, kw_only=True)
class Request:
    """A query and its limits: `rows` None for no cap, `seconds`, `memory` in bytes."""

    root: str
    sql: str
    rows: int | None
    seconds: float
    memory: int
    answer: str = ROWS  # or COUNT, how many rows there are, or ESTIMATE, what it would read
    values: Mapping[str, Any] = field(default_factory=dict)  # of the query's ``$name`` parameters


class Connector:
    """Hands out connections to a store, each for one query, and prepares the next one while nobody waits. A connection gets the views and
    functions that its query names: creating all of them takes several times as long as a small answer."""

    def __init__(self) -> None:
        self._ready: tuple[tuple, Opened] | None = None
        self._used: list[Opened] = []
        self.last: Request | None = None

    def connect(self, store: Store, request: Request) -> Opened:
        """The connection that was prepared where it fits the request, else a new one; over the files that the query needs."""
        self.last = request
        found, self._ready = self._ready, None
        if found and found[0] == self._key(store, request) and not views.names_tokens(request.sql):
            opened = found[1]
        else:
            self._used += [found[1]] if found else []
            opened = self._open(store, request, request.sql)
        self._used.append(opened)
        opened.learn(find_named(request.sql))
        snapshot = opened.catalog.snapshot
        views.narrow(opened.duck, store.layout, snapshot, request.sql, request.values)
        return opened

    def close_used(self) -> None:
        while self._used:
            self._used.pop().duck.close()

    def prepare(self, request: Request) -> None:
        """Open a connection as this request had it. Where the store cannot be opened, the next query says why."""
        self.close_used()
        with contextlib.suppress(TubeletError, duckdb.Error, OSError, MemoryError):
            store = Store(request.root)
            self._ready = self._key(store, request), self._open(store, request, "")

    def _open(self, store: Store, request: Request, sql: str) -> Opened:
        settings = {"memory_limit": f"{request.memory}B", **SETTINGS}
        return Opened.open(store.layout, store.snapshot(), sql, find_named(sql), settings)

    def _key(self, store: Store, request: Request) -> tuple:
        return request.root, request.memory, store.snapshot().name


def main(descriptor: int, folder: Path) -> None:
    """Answer queries until the other side closes, or until one has left too much memory allocated."""
    landlock.confine(folder)
    end_with_parent(descriptor)
    _load_modules()
    connector = Connector()
    with Connection(descriptor) as connection:
        try:
            while _may_go_on(connector):
                connection.send_bytes(Kind.READY)
                if connector.last:
                    connector.prepare(connector.last)
                request = Request(**json.loads(connection.recv_bytes()))
                _bound(request)
                _answer(request, connection, connector)
                signal.alarm(0)
        except (EOFError, ConnectionError):
            return


def _load_modules() -> None:
    """Have everything imported that an answer needs: 10 MB that the first query would otherwise seem to read."""
    request = Request(root="", sql="SELECT 1 AS one", rows=1, seconds=1, memory=1)
    with duckdb.connect(":memory:") as duck:
        for table in _chunks(duck, request, lambda: None):
            _serialize(table)


def _may_go_on(connector: Connector) -> bool:
    """Whether there is memory for another query."""
    if _count_mapped_bytes() >= KEPT:
        connector.close_used()
    return _count_mapped_bytes() < KEPT


def _bound(request: Request) -> None:
    """Limits that hold whatever DuckDB does: about twice its memory for the query as a whole, and a deadline."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(
        resource.RLIMIT_DATA, (_count_mapped_bytes() + 2 * request.memory + SLACK, hard)
    )
    signal.alarm(int(min(request.seconds, 1e6)) + GRACE_S)


def _answer(request: Request, connection: Connection, connector: Connector) -> None:
    """Send the rows, or why there are none. Raises EOFError to end the process: after running out of memory, it would stay scarce."""
    try:
        store = Store(request.root)
        read = store.newest(lambda: _send(store, request, connection, connector))
        connection.send_bytes(Kind.END + str(read).encode())
    except TubeletError as error:
        kind = Kind.GONE if isinstance(error, FilesGone) else Kind.ERROR
        connection.send_bytes(kind + str(error).encode())
    except (MemoryError, duckdb.Error, pa.ArrowException, OSError) as error:
        if is_memory(error):
            connection.send_bytes(Kind.MEMORY)
            raise EOFError from error
        told = (
            unreadable(error)
            if isinstance(error, OSError) and not isinstance(error, duckdb.Error)
            else explain_error(error, request.sql, len(PREFIX))
        )
        connection.send_bytes(Kind.ERROR + told.encode())


def _count_mapped_bytes() -> int:
    """Bytes that this process has mapped, by the count that RLIMIT_DATA goes by; on systems other than Linux, its peak."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _count_read_bytes() -> int:
    """Bytes that this process has read, from disks or from what the system keeps of them; 0 on systems other than Linux."""
    try:
        return int(Path("/proc/self/io").read_text().split()[1])
    except OSError:
        return 0


def _send(store: Store, request: Request, connection: Connection, connector: Connector) -> int:
    """Send the answer's pieces; how many bytes were read for them."""
    connection.send_bytes(Kind.STARTED)
    opened = connector.connect(store, request)
    before = _count_read_bytes()
    for table in _chunks(opened.duck, request, lambda: opened.learn(EVERYTHING)):
        connection.send_bytes(Kind.CHUNK + _serialize(table))
    return _count_read_bytes() - before


def _serialize(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _chunks(
    duck: duckdb.DuckDBPyConnection, request: Request, learn: Callable[[], None]
) -> Iterator[pa.Table]:
    """The answer's rows, at least one chunk; `learn` has the connection know all names. Raises QueryError for the query's mistakes."""
    statement = read_statement(duck, request.sql)
    if request.answer == ESTIMATE and not statement.reads:
        yield Estimate().table
        return
    estimated = request.answer == ESTIMATE
    statement, pieces = (statement.plan(), _estimate) if estimated else (statement, _rows)
    try:
        found = pieces(duck, statement, request)
        try:
            first = next(found)
        except duckdb.CatalogException:  # the error shall suggest the right name
            learn()
            found = pieces(duck, statement, request)
            first = next(found)
        yield first
        yield from found
    except duckdb.IOException:
        raise  # files that a compaction took away: the store asks again
    except (duckdb.Error, pa.ArrowException) as error:
        if is_memory(error):
            raise
        raise QueryError(explain_error(error, request.sql, statement.shift)) from error


def _rows(
    duck: duckdb.DuckDBPyConnection, statement: Statement, request: Request
) -> Iterator[pa.Table]:
    asked = statement.wrap(request.rows, request.answer)
    reader = _relation(duck, asked, statement.bind(request.values)).to_arrow_reader(CHUNK_ROWS)
    yield reader.schema.empty_table()
    for batch in reader:
        yield pa.Table.from_batches([batch])


def _estimate(
    duck: duckdb.DuckDBPyConnection, statement: Statement, request: Request
) -> Iterator[pa.Table]:
    """What the query would read, as the one row of an `Estimate`."""
    values = statement.bind(request.values)
    plan = duck.execute(statement.wrap(request.rows), values).fetchall()[0][1]
    held = StoredFiles.of(duck.execute(HELD).fetchall()[0])
    yield estimate(plan, held, views.names_tokens(request.sql)).table


def _relation(
    duck: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any] | None
) -> duckdb.DuckDBPyRelation:
    try:
        return duck.sql(sql, params=values)
    except duckdb.Error:
        duck.execute(sql, values)  # fails as well, and says where
        raise


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
