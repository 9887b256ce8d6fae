"""What `tubelet sql` prints: on a terminal what fits and how much there is, elsewhere everything."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from tubelet.store.disk.outputs import open_whole
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.box import Grid, draw
from tubelet.store.sandbox.formats import TABLE
from tubelet.store.sandbox.limits import OwnLimits
from tubelet.store.sandbox.untrusted import Answer, Limits, Query, ask, count_rows, stream
from tubelet.store.sandbox.whole_answers import encode_pieces, write_answer
from tubelet.store.store import Store
from tubelet.store.wording import count, tell

FETCHED = 1000  # rows asked for where a terminal shows the first of them
COUNT_SECONDS = 15  # how long to count the rows that are not shown
AROUND = 7  # lines of a terminal that hold no rows: the box's own, what is said below it, the next prompt
LEAST_ROWS = 10
EXPLAINED = ["explain_key", "explain_value"]  # columns of a query's plan


@dataclass(frozen=True)
class Printing:
    """How an answer is written: a format of `answers`, a file or None for stdout, and whether a terminal gets all of it, too."""

    format: str
    output: Path | None = None
    whole: bool = False
    limits: Limits = OwnLimits().limits

    @property
    def fits(self) -> bool:
        """Whether only what fits on a terminal is shown."""
        return (
            self.format == TABLE and self.output is None and not self.whole and sys.stdout.isatty()
        )


def answer(store: Store, query: str | Query, printing: Printing) -> None:
    """Run a query and print or write its answer; on stderr, where `limits` cut it. Raises QueryError."""
    if printing.format != TABLE:
        _write_whole(store, query, printing)
        return
    most = printing.limits.rows
    fetched = min(FETCHED, most or FETCHED) if printing.fits else most
    asked = ask(store, query, replace(printing.limits, rows=fetched))
    if asked.table.column_names == EXPLAINED:
        data = _plan(asked.table).encode()
    else:
        fitted = _fit(store, query, asked, printing.limits) if printing.fits else None
        data = (fitted or _whole(asked.table)).encode()
    if printing.output:
        with open_whole(printing.output, seekable=False) as file:
            file.write(data)
    else:
        sys.stdout.write(data.decode())
    if asked.truncated and not printing.fits:
        _note_cut(len(asked.table))


def _write_whole(store: Store, query: str | Query, printing: Printing) -> None:
    """All rows, as they are computed. Where they go to the screen or into a pipe, an error may follow rows that are written already."""
    rows = 0

    def counted() -> Iterator[pa.Table]:
        nonlocal rows
        for piece in stream(store, query, printing.limits):
            rows += len(piece)
            yield piece

    if printing.output:
        rows = write_answer(store, query, printing.output, printing.format, printing.limits)
    else:
        for data in encode_pieces(counted(), printing.format):
            sys.stdout.write(data.decode())
    if rows == printing.limits.rows:
        _note_cut(rows)


def _note_cut(rows: int) -> None:
    """Of rows that may have followed: nothing fetches them to see."""
    tell(f"stopped at --max-rows {rows}: the answer may have more rows")


def _plan(table: pa.Table) -> str:
    """The answer to EXPLAIN, which DuckDB has already drawn."""
    return "\n".join(table["explain_value"].to_pylist())


def _whole(table: pa.Table) -> str:
    return f"{draw(_grid(table), None).text}\n{_rows(len(table))}\n"


def _fit(store: Store, query: str | Query, asked: Answer, limits: Limits) -> str:
    """The rows and columns that fit on the terminal, and how many there are."""
    size = shutil.get_terminal_size()
    shown = asked.table[: max(LEAST_ROWS, size.lines - AROUND)]
    box = draw(_grid(shown), size.columns)
    total = _total(store, query, limits) if asked.truncated else f"{len(asked.table):,}"
    parts = (
        [f"{len(shown):,} of {total} rows"]
        if len(shown) < len(asked.table) or asked.truncated
        else []
    )
    parts += (
        [f"{box.columns} of {asked.table.num_columns} columns"]
        if box.columns < asked.table.num_columns
        else []
    )
    if not parts and not box.cut:
        return f"{box.text}\n{_rows(len(shown))}\n"
    what = " and ".join(parts or [_rows(len(shown))]) + (", long values cut" if box.cut else "")
    return (
        f"{box.text}\n{what}: --all shows everything, -o FILE.csv, .jsonl or .parquet writes it\n"
    )


def _total(store: Store, query: str | Query, limits: Limits) -> str:
    counting = replace(limits, rows=None, seconds=min(COUNT_SECONDS, limits.seconds))
    try:
        return f"{count_rows(store, query, counting):,}"
    except QueryError:
        return f"more than {FETCHED:,}"


def _rows(number: int) -> str:
    return count(number, "row")


def _grid(table: pa.Table) -> Grid:
    """The cells as DuckDB writes them."""
    with duckdb.connect(":memory:") as connection:
        relation = connection.from_arrow(
            table.rename_columns([f"c{i}" for i in range(table.num_columns)])
        )
        types = [str(type_) for type_ in relation.types]
        rows = relation.project(
            ", ".join(f"c{i}::VARCHAR" for i in range(table.num_columns))
        ).fetchall()
    return Grid(table.column_names, types, rows)
