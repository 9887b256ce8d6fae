"""Other people's SQL: read-only, and bounded in rows, time and memory.

    worker      inside: the process that answers, and the checks that keep a query from writing or reading elsewhere
    worker_pool such processes: started, queried, and killed when a query's time is over
    fair_queue  whose query runs next
    estimate    what a query would read
    limits      how much one query may use
    statements  which texts are one query, and how such a text is run
    error_messages  DuckDB's errors, in terms of the text as its author wrote it

A process, because DuckDB looks at its limits between vectors only: `levenshtein` of two long strings or a list of a
billion numbers runs for minutes past `max_execution_time`, and takes gigabytes that `memory_limit` does not count.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import pyarrow as pa

from tubelet.store.errors import FilesGone, QueryError, StoreError
from tubelet.store.sandbox.estimate import Estimate
from tubelet.store.sandbox.limits import Limits
from tubelet.store.sandbox.statements import COUNT, ESTIMATE
from tubelet.store.sandbox.worker import Request
from tubelet.store.sandbox.worker_pool import EXPORTS, PROCESSES, fitting_memory
from tubelet.store.store import Store

__all__ = ["Answer", "Limits", "Query", "ask", "count_rows", "estimate_reads", "stream"]

T = TypeVar("T")
PLANNING_S = 5.0  # after which a query has no plan


@dataclass(frozen=True)
class Query:
    """A person's query, and the values of its ``$name`` parameters."""

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """A query's rows in its own order, whether there were more than the limit, and the seconds it took."""

    table: pa.Table
    truncated: bool
    seconds: float
    bytes_read: int = 0  # from disks or from what the system keeps of them; 0 where it does not say


def ask(
    store: Store,
    query: str | Query,
    limits: Limits = Limits(),
    unwanted: Callable[[], bool] | None = None,
) -> Answer:
    """Answer to one query over the newest snapshot. Raises QueryError for its mistakes, at a limit, and once it is `unwanted`."""
    done = _insist(store, lambda: PROCESSES.answer(_request(store, query, limits), unwanted))
    truncated = limits.rows is not None and len(done.table) > limits.rows
    return Answer(done.table[: limits.rows], truncated, done.seconds, done.bytes_read)


def stream(
    store: Store,
    query: str | Query,
    limits: Limits = Limits(rows=None),
    unwanted: Callable[[], bool] | None = None,
) -> Iterator[pa.Table]:
    """The answer in pieces as they are computed, the first one empty: memory does not grow with it. Raises QueryError as `ask` does, and
    `worker_pool.Restarted` where a compaction has it begin again."""
    request = _insist(store, lambda: _request(store, query, limits))
    with closing(EXPORTS.stream(request, unwanted)) as pieces:
        left = limits.rows
        for piece in pieces:
            yield piece if left is None else piece[:left]
            left = None if left is None else left - min(left, len(piece))


def count_rows(store: Store, query: str | Query, limits: Limits = Limits()) -> int:
    """How many rows a query's answer has, without fetching them. Raises QueryError as `ask` does."""
    answered = _insist(
        store,
        lambda: PROCESSES.answer(replace(_request(store, query, limits), rows=None, answer=COUNT)),
    )
    return answered.table["rows"][0].as_py()


def estimate_reads(store: Store, query: str | Query, limits: Limits = Limits()) -> Estimate:
    """What a query would read where it were asked with these limits, without running it. Raises QueryError as `ask` does."""
    asked = Query(query) if isinstance(query, str) else query
    if missing := store.find_missing(asked.sql, asked.values):
        return Estimate(copied_files=len(missing), copied_bytes=sum(missing.values()))
    seconds = min(limits.seconds, PLANNING_S)
    request = replace(_request(store, query, limits), seconds=seconds, answer=ESTIMATE)
    return Estimate(**PROCESSES.answer(request).table.to_pylist()[0])


def _insist(store: Store, answer: Callable[[], T]) -> T:
    """An answer, over the newest snapshot where a commit came between copying the files of a bucket and the query. Raises QueryError where a file is lost."""
    try:
        return answer()
    except FilesGone:
        pass
    try:
        return store.newest(answer)
    except FilesGone as error:
        raise QueryError(str(error)) from error


def _request(store: Store, query: str | Query, limits: Limits) -> Request:
    asked = Query(query) if isinstance(query, str) else query
    try:
        store.fetch(asked.sql, asked.values)
    except FilesGone:
        raise
    except StoreError as error:  # more than the cache holds
        raise QueryError(str(error)) from error
    return Request(
        root=str(store.root),
        sql=asked.sql,
        rows=limits.rows,
        seconds=limits.seconds,
        memory=fitting_memory(limits.memory_bytes),
        values=dict(asked.values),
    )
