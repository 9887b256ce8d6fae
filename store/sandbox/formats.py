"""Answers as text and as files: what `tubelet sql` prints and the SQL page offers to download."""

import io
import json as json_text
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tubelet.store.errors import QueryError
from tubelet.store.sandbox.untrusted import Answer

TABLE_ROWS = 1000  # printed at most; other formats have no cap


def write(answer: Answer, format_: str, output: Path | None) -> None:
    """Print an answer as table, csv, json or parquet, or write it to a file. Raises QueryError where it takes a file."""
    if format_ == "parquet" and output is None:
        raise QueryError("--format parquet is not for a terminal: add -o FILE.parquet")
    data = box(answer) if format_ == "table" else {"csv": csv, "json": json, "parquet": parquet}[format_](answer.table)
    output.write_bytes(data) if output else sys.stdout.write(data.decode())


def box(answer: Answer) -> bytes:
    """The answer as DuckDB draws it, and whether there is more."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        text = str(connection.from_arrow(answer.table))
    more = f"the first {len(answer.table):,} rows of more; --format csv, json or parquet gives all\n" if answer.truncated else ""
    return f"{text}\n{more}".encode()


def csv(table: pa.Table) -> bytes:
    """All of the table as CSV; lists and other nested values as JSON."""
    sink = io.BytesIO()
    columns = [column if is_plain(column.type) else as_text(column, value_text) for column in map(narrow, table.columns)]
    pyarrow.csv.write_csv(pa.table(columns, names=table.column_names), sink)
    return sink.getvalue()


def json(table: pa.Table) -> bytes:
    """All of the table as a JSON list, an object a row."""
    return (json_text.dumps(table.to_pylist(), indent=1, default=plain_text, ensure_ascii=False) + "\n").encode()


def parquet(table: pa.Table) -> bytes:
    """All of the table as Parquet, which has no intervals: they become text."""
    sink = io.BytesIO()
    columns = [as_text(column, value_text) if pa.types.is_interval(column.type) else column for column in table.columns]
    pyarrow.parquet.write_table(pa.table(columns, names=distinct(table.column_names)), sink, compression="zstd")
    return sink.getvalue()


def narrow(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Sums of integers come as 38-digit decimals: whole numbers again where they fit."""
    if not pa.types.is_decimal(column.type) or column.type.scale:
        return column
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column


def is_plain(type_: pa.DataType) -> bool:
    """Whether a cell of this type is a number, a word, a date or a truth value."""
    tests = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_float32, pa.types.is_float64, pa.types.is_string)
    return any(test(type_) for test in (*tests, pa.types.is_large_string, pa.types.is_date, pa.types.is_timestamp))


def as_text(column: pa.ChunkedArray, text: Callable[[object], str]) -> pa.ChunkedArray:
    """The column with `text` of every value that is not NULL."""
    return pa.chunked_array([pa.array([None if value is None else text(value) for value in column.to_pylist()], pa.string())])


def value_text(value: object) -> str:
    """Nested values and numbers as JSON, anything else as plain text."""
    if isinstance(value, dict | list | int | float | None):
        return json_text.dumps(value, default=plain_text, ensure_ascii=False)
    return plain_text(value)


def plain_text(value: object) -> str:
    if isinstance(value, pa.MonthDayNano):
        return f"{value.months} months {value.days} days {value.nanoseconds / 1e9:g} s"
    return value.hex() if isinstance(value, bytes) else str(value)


def distinct(names: list[str]) -> list[str]:
    """Names told apart by a number where a query gives the same one twice."""
    taken: dict[str, None] = {}
    for name in names:
        candidate, times = name, 1
        while candidate in taken:
            times += 1
            candidate = f"{name}_{times}"
        taken[candidate] = None
    return list(taken)
