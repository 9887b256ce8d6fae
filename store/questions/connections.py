"""The connections of a store: one over the newest snapshot, shared by threads, one cursor per query."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from tubelet.store.disk import snapshot
from tubelet.store.disk.layout import Layout
from tubelet.store.disk.snapshot import Snapshot
from tubelet.store.questions import views
from tubelet.store.questions.catalog import EVERYTHING, Catalog, find_named
from tubelet.store.schema import CLIPS


@dataclass(kw_only=True)
class Connection:
    """A connection over one snapshot, closed when it is retired and its last query has ended."""

    catalog: Catalog  # its `tokens`: whether the `tokens` view is filled
    duck: duckdb.DuckDBPyConnection
    known: frozenset[str]  # the views and functions that it has
    queries: int = 0
    retired: bool = False

    @classmethod
    def open(
        cls,
        layout: Layout,
        snapshot: Snapshot,
        sql: str,
        names: frozenset[str],
        settings: Mapping[str, str] | None = None,
    ) -> "Connection":
        """Open one that can answer a query, which needs views and functions of these names."""
        catalog, names = Catalog(layout, snapshot, views.names_tokens(sql)), names | {CLIPS.name}
        duck = views.connect(layout, snapshot, sql, settings, names)
        return cls(catalog=catalog, duck=duck, known=names)

    def answers(self, current: Snapshot, sql: str) -> bool:
        """Whether it is of this snapshot, and has the tokens that a query needs; of a store in a bucket, each query about tokens has files of its own."""
        if views.names_tokens(sql) and (not self.catalog.tokens or self.catalog.layout.is_partial):
            return False
        return self.catalog.snapshot.name == current.name

    def learn(self, names: frozenset[str]) -> None:
        """Have the views and functions of these names as well."""
        if lacking := names - self.known:
            with self.duck.cursor() as cursor:
                self.catalog.create(cursor, lacking)
            self.known |= lacking

    @contextmanager
    def cursor(self, sql: str, parameters: Any) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one query, over the files that it needs."""
        with self.duck.cursor() as cursor:
            views.narrow(cursor, self.catalog.layout, self.catalog.snapshot, sql, parameters)
            yield cursor

    def close_if_done(self) -> None:
        if self.retired and not self.queries:
            self.duck.close()


class Connections:
    """Queries the newest snapshot; a new commit is seen by the next query, a running one keeps its own snapshot."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._held = threading.local()  # of a thread that asks over one snapshot for a while
        self._lock = threading.Lock()
        self._newest: Connection | None = None

    def ask(
        self, sql: str, parameters: Any, tables: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """The answer to one query over a snapshot, and over `tables` where it names them; values are bound."""
        with self._bind(sql, parameters, tables or {}) as relation:
            return relation.to_arrow_table()

    def batches(self, sql: str, parameters: Any, rows: int) -> Iterator[pa.RecordBatch]:
        """Answer to one query, at most `rows` at a time, as it is computed."""
        with self._bind(sql, parameters, {}) as relation:
            yield from relation.to_arrow_reader(rows)

    @contextmanager
    def _bind(
        self, sql: str, parameters: Any, tables: Mapping[str, pa.Table]
    ) -> Iterator[duckdb.DuckDBPyRelation]:
        """A query, ready to run; one that fails for a name is tried with all that there are, so that the error can suggest the right one."""
        with ExitStack() as stack:
            try:
                cursor = stack.enter_context(self._cursor(sql, parameters, find_named(sql), tables))
                relation = cursor.sql(sql, params=parameters)
            except duckdb.CatalogException:
                cursor = stack.enter_context(self._cursor(sql, parameters, EVERYTHING, tables))
                relation = cursor.sql(sql, params=parameters)
            yield relation

    @contextmanager
    def _cursor(
        self,
        sql: str,
        parameters: Any,
        names: frozenset[str],
        tables: Mapping[str, pa.Table],
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._take(sql, names)
        try:
            with connection.cursor(sql, parameters) as cursor:
                for name, table in tables.items():
                    cursor.register(name, table)
                yield cursor
        finally:
            self._release(connection)

    @property
    def current(self) -> Snapshot:
        """The newest snapshot, or the one that this thread holds."""
        return getattr(self._held, "snapshot", None) or snapshot.read(self._layout)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Have this thread ask over one snapshot, until the end or until its files are gone."""
        self._held.snapshot = snapshot.read(self._layout)
        try:
            yield
        finally:
            self.let_go()

    def let_go(self) -> bool:
        """Ask over the newest snapshot again; whether one was held."""
        held, self._held.snapshot = getattr(self._held, "snapshot", None), None
        return held is not None

    def close(self) -> None:
        """Close what no query uses; the next query opens another connection."""
        with self._lock:
            self._retire()

    def _take(self, sql: str, names: frozenset[str]) -> Connection:
        current = self.current
        with self._lock:
            if self._newest is None or not self._newest.answers(current, sql):
                self._retire()
                self._newest = Connection.open(self._layout, current, sql, names)
            try:
                self._newest.learn(names)
            except BaseException:  # some of them may be there
                self._retire()
                raise
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
