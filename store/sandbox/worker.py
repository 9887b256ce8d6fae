"""Inside the sandbox: the process that answers queries, started and stopped by `worker_pool`.

What keeps a query from writing, and from reading elsewhere, outermost first:

1. DuckDB's own parser finds one statement, a query, in the text as it stands; no `;`, no closing parenthesis gets past it.
2. Functions that run SQL from a string are refused by name: `json_execute_serialized_sql` runs COPY from inside a SELECT.
3. The text runs as ``SELECT * FROM (`` text ``)``: WITH ... AS (COPY ...) and (INSERT ...) are refused in there.
   EXPLAIN comes before that, in our own words, and what it explains is in the parentheses.
4. The connection is locked (`views`): no files outside the store, no settings, no extensions. It lives for one query.
5. On Linux the kernel lets this process write to a folder of its own only (`landlock`); its environment holds no secrets.
"""

import json
import resource
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tubelet.store.disk.files import unreadable
from tubelet.store.errors import QueryError, TubeletError
from tubelet.store.sandbox import landlock
from tubelet.store.sandbox.error_messages import explain_error, is_memory
from tubelet.store.sandbox.lifeline import end_with_parent
from tubelet.store.sandbox.statements import PREFIX, read_statement
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
    END = b"."  # of the answer
    ERROR = b"E"  # the sentence that says why there is no answer
    MEMORY = b"M"  # ran out


@dataclass(frozen=True, kw_only=True)
class Request:
    """A query and its limits: `rows` None for no cap, `seconds`, `memory` in bytes."""

    root: str
    sql: str
    rows: int | None
    seconds: float
    memory: int
    counted: bool = False  # how many rows the answer has, instead of the rows
    values: Mapping[str, Any] = field(default_factory=dict)  # of the query's ``$name`` parameters


def main(descriptor: int, folder: Path) -> None:
    """Answer queries until the other side closes, or until one has left too much memory allocated."""
    landlock.confine(folder)
    end_with_parent(descriptor)
    with Connection(descriptor) as connection:
        try:
            while _count_mapped_bytes() < KEPT:
                connection.send_bytes(Kind.READY)
                request = Request(**json.loads(connection.recv_bytes()))
                _bound(request)
                _answer(request, connection)
                signal.alarm(0)
        except (EOFError, ConnectionError):
            return


def _bound(request: Request) -> None:
    """Limits that hold whatever DuckDB does: about twice its memory for the query as a whole, and a deadline."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(
        resource.RLIMIT_DATA, (_count_mapped_bytes() + 2 * request.memory + SLACK, hard)
    )
    signal.alarm(int(min(request.seconds, 1e6)) + GRACE_S)


def _answer(request: Request, connection: Connection) -> None:
    """Send the rows, or why there are none. Raises EOFError to end the process: after running out of memory, it would stay scarce."""
    try:
        store = Store(request.root)
        store.newest(lambda: _send(store, request, connection))
        connection.send_bytes(Kind.END)
    except TubeletError as error:
        connection.send_bytes(Kind.ERROR + str(error).encode())
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


def _send(store: Store, request: Request, connection: Connection) -> None:
    connection.send_bytes(Kind.STARTED)
    for table in _chunks(store, request):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        connection.send_bytes(Kind.CHUNK + sink.getvalue().to_pybytes())


def _chunks(store: Store, request: Request) -> Iterator[pa.Table]:
    """The answer's rows, at least one chunk, on a connection of their own. Raises QueryError for the query's mistakes."""
    duck = store.connect(request.sql, {"memory_limit": f"{request.memory}B", **SETTINGS})
    try:
        statement = read_statement(duck, request.sql)
        try:
            values = statement.bind(request.values)
            asked = statement.wrap(request.rows, request.counted)
            reader = _relation(duck, asked, values).to_arrow_reader(CHUNK_ROWS)
            yield reader.schema.empty_table()
            for batch in reader:
                yield pa.Table.from_batches([batch])
        except duckdb.IOException:
            raise  # files that a compaction took away: the store asks again
        except (duckdb.Error, pa.ArrowException) as error:
            if is_memory(error):
                raise
            raise QueryError(explain_error(error, request.sql, statement.shift)) from error
    finally:
        duck.close()


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
