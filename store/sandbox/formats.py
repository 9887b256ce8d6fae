"""Answers as files: what `tubelet sql` writes and the SQL page offers to download."""

import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tubelet.store.errors import QueryError
from tubelet.store.sandbox.dates import spell_dates
from tubelet.store.sandbox.json_text import json_text

FORMULA = frozenset("=+-@\t\r\n")  # what a cell begins with that a spreadsheet runs
TABLE = "table"
ENDINGS = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".txt": TABLE,
}
BINARY = ("parquet", "arrow")


def format_of(format_: str | None, output: Path | None) -> str:
    """The requested format, or that of a file's extension. Raises QueryError if the two contradict each other or neither is given."""
    if output is None:
        if format_ in BINARY:
            raise QueryError(f"--format {format_} is not for a terminal: add -o FILE.{format_}")
        return format_ or TABLE
    by_ending = ENDINGS.get(output.suffix.lower())
    if format_ and by_ending and format_ != by_ending:
        raise QueryError(
            f"--format {format_} contradicts the extension of {output.name}: leave --format out, or name a file that does not end in {output.suffix}"
        )
    if not (known := format_ or by_ending):
        raise QueryError(
            f"the extension of {output.name} does not name a format: use a file that ends in {', '.join(ENDINGS)}, or add --format"
        )
    return known


def encode(table: pa.Table, format_: str) -> bytes:
    """All of a table as csv, json or parquet."""
    return {"csv": csv, "json": json, "parquet": parquet}[format_](table)


def csv(table: pa.Table, header: bool = True) -> bytes:
    """All of the table as CSV; lists and other nested values as JSON."""
    sink = io.BytesIO()
    columns = [_csv_column(narrow(column)) for column in spell_dates(table).columns]
    pyarrow.csv.write_csv(
        # in one chunk: pyarrow 26 writes unrelated memory for an empty first one
        pa.table(
            columns, names=[guard_formula(name) for name in table.column_names]
        ).combine_chunks(),
        sink,
        pyarrow.csv.WriteOptions(include_header=header),
    )
    return sink.getvalue()


def guard_formula(text: str) -> str:
    """Text that a spreadsheet would run as a formula, with an apostrophe before it: the spreadsheet then shows it. Numbers stay numbers."""
    return f"'{text}" if text.lstrip(" ")[:1] in FORMULA and text else text


def _csv_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_decimal(column.type):
        return as_text(column, value_text)
    if is_plain(column.type) and not (
        pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    ):
        return column
    return as_text(
        column, lambda value: guard_formula(value if isinstance(value, str) else value_text(value))
    )


def json(table: pa.Table) -> bytes:
    """All of the table as a JSON list, one object per row; numbers that are not finite are null, columns of one name get different names."""
    return (json_text(to_rows(table), indent=1, default=plain_text) + "\n").encode()


def to_rows(table: pa.Table) -> list[dict]:
    """The rows as values that JSON text can be made of; dates that Python lacks as text, columns of one name by different names."""
    return spell_dates(table).rename_columns(distinct(table.column_names)).to_pylist()


def parquet(table: pa.Table) -> bytes:
    """All of the table as Parquet, which has no interval type: intervals become text."""
    sink = io.BytesIO()
    pyarrow.parquet.write_table(without_intervals(table), sink, compression="zstd")
    return sink.getvalue()


def without_intervals(table: pa.Table) -> pa.Table:
    """The rows with intervals as text, and columns of different names."""
    columns = [
        as_text(column, value_text) if pa.types.is_interval(column.type) else column
        for column in table.columns
    ]
    return pa.table(columns, names=distinct(table.column_names))


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
    tests = (
        pa.types.is_boolean,
        pa.types.is_integer,
        pa.types.is_float32,
        pa.types.is_float64,
        pa.types.is_string,
    )
    return any(
        test(type_)
        for test in (*tests, pa.types.is_large_string, pa.types.is_date, pa.types.is_timestamp)
    )


def as_text(column: pa.ChunkedArray, text: Callable[[object], str]) -> pa.ChunkedArray:
    """The column with `text` of every value that is not NULL."""
    return pa.chunked_array(
        [
            pa.array(
                [None if value is None else text(value) for value in column.to_pylist()],
                pa.string(),
            )
        ]
    )


def value_text(value: object) -> str:
    """Nested values and numbers as JSON, anything else as plain text."""
    if isinstance(value, dict | list | int | float | None):
        return json_text(value, default=plain_text)
    return plain_text(value)


def plain_text(value: object) -> str:
    if isinstance(value, pa.MonthDayNano):
        return f"{value.months} months {value.days} days {value.nanoseconds / 1e9:g} s"
    return value.hex() if isinstance(value, bytes) else str(value)


def distinct(names: list[str]) -> list[str]:
    """Names made distinct by a number where a query gives the same one twice."""
    taken: dict[str, None] = {}
    for name in names:
        candidate, times = name, 1
        while candidate in taken:
            times += 1
            candidate = f"{name}_{times}"
        taken[candidate] = None
    return list(taken)
