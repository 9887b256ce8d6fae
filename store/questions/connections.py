"""The connections of a store: one over the newest snapshot, shared by threads, one cursor per query."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from tubelet.store.disk import snapshot
from tubelet.store.questions import views
from tubelet.store.disk.layout import Layout
from tubelet.store.disk.snapshot import Snapshot


@dataclass
class Connection:
    """A connection over one snapshot, closed when it is retired and its last query has ended."""

    snapshot: str
    tokens: bool  # whether the `tokens` view is filled
    duck: duckdb.DuckDBPyConnection
    queries: int = 0
    retired: bool = False

    def answers(self, current: Snapshot, sql: str) -> bool:
        return self.snapshot == current.name and (self.tokens or not views.names_tokens(sql))

    def close_if_done(self) -> None:
        if self.retired and not self.queries:
            self.duck.close()


class Connections:
    """Queries the newest snapshot; a new commit is seen by the next query, a running one keeps its own snapshot."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._lock = threading.Lock()
        self._newest: Connection | None = None

    def ask(self, sql: str, parameters: Any) -> pa.Table:
        """The answer to one query; values are bound."""
        connection = self._take(sql)
        try:
            with connection.duck.cursor() as cursor:
                return cursor.sql(sql, params=parameters).to_arrow_table()
        finally:
            self._release(connection)

    def batches(self, sql: str, parameters: Any, rows: int) -> Iterator[pa.RecordBatch]:
        """Answer to one query, at most `rows` at a time, as it is computed."""
        connection = self._take(sql)
        try:
            with connection.duck.cursor() as cursor:
                yield from cursor.sql(sql, params=parameters).to_arrow_reader(rows)
        finally:
            self._release(connection)

    def close(self) -> None:
        """Close what no query uses; the next query opens another connection."""
        with self._lock:
            self._retire()

    def _take(self, sql: str) -> Connection:
        current = snapshot.read(self._layout)
        with self._lock:
            if self._newest is None or not self._newest.answers(current, sql):
                self._retire()
                self._newest = Connection(current.name, views.names_tokens(sql), views.connect(self._layout, current, sql))
            self._newest.queries += 1
            return self._newest

    def _release(self, connection: Connection) -> None:
        with self._lock:
            connection.queries -= 1
            connection.close_if_done()

    def _retire(self) -> None:
        if self._newest:
            self._newest.retired = True
            self._newest.close_if_done()
        self._newest = None
