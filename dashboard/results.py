"""A query's result as a table that a browser shows, and as files that hold all of it."""

import io
import json

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

SHOWN = 4  # values of a list that a cell shows
CELL = 200  # characters of anything else
SAFE_INTEGER = 2**53  # above it a browser's numbers lose digits


def displayable(table: pa.Table) -> pa.Table:
    """The same rows with columns that a browser's table can show: lists cut short, rare types as text."""
    return pa.table([_displayable(column) for column in table.columns], names=_distinct(table.column_names))


def csv(table: pa.Table) -> bytes:
    """All of the table as CSV; lists and other nested values as JSON."""
    sink = io.BytesIO()
    columns = [column if _is_plain(column.type) else _as_text(column, _json) for column in map(_narrow, table.columns)]
    pyarrow.csv.write_csv(pa.table(columns, names=table.column_names), sink)
    return sink.getvalue()


def parquet(table: pa.Table) -> bytes:
    """All of the table as Parquet, which has no intervals: they become text."""
    sink = io.BytesIO()
    columns = [_as_text(column, _json) if pa.types.is_interval(column.type) else column for column in table.columns]
    pyarrow.parquet.write_table(pa.table(columns, names=_distinct(table.column_names)), sink, compression="zstd")
    return sink.getvalue()


def _displayable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    column = _narrow(column)
    if _is_list(column.type):
        return _short_lists(column)
    if not _is_plain(column.type):
        return _as_text(column, lambda value: _clipped(_json(value)))
    if pa.types.is_integer(column.type) and _beyond_browser(column):
        return column.cast(pa.string())
    return column


def _narrow(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Sums of integers come as 38-digit decimals: whole numbers again where they fit."""
    if not pa.types.is_decimal(column.type) or column.type.scale:
        return column
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column


def _short_lists(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """[0.12, -0.3, 0.05, 1.2, … 768 values]"""
    lengths = pc.list_value_length(column).to_pylist()
    heads = pc.list_slice(column, 0, SHOWN).to_pylist()
    return pa.chunked_array([pa.array([_short_list(head, length) for head, length in zip(heads, lengths)], pa.string())])


def _short_list(head: list | None, length: int | None) -> str | None:
    if head is None or length is None:
        return None
    shown = ", ".join(f"{value:.4g}" if isinstance(value, float) else _clipped(_json(value)) for value in head)
    return f"[{shown}]" if length <= SHOWN else f"[{shown}, \N{HORIZONTAL ELLIPSIS} {length:,} values]"


def _as_text(column: pa.ChunkedArray, text) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([None if value is None else text(value) for value in column.to_pylist()], pa.string())])


def _json(value: object) -> str:
    """Nested values and numbers as JSON, anything else as plain text."""
    if isinstance(value, dict | list | int | float | None):
        return json.dumps(value, default=_plain_text, ensure_ascii=False)
    return _plain_text(value)


def _plain_text(value: object) -> str:
    if isinstance(value, pa.MonthDayNano):
        return f"{value.months} months {value.days} days {value.nanoseconds / 1e9:g} s"
    return value.hex() if isinstance(value, bytes) else str(value)


def _clipped(text: str) -> str:
    return text if len(text) <= CELL else f"{text[:CELL]}\N{HORIZONTAL ELLIPSIS} {len(text):,} characters"


def _beyond_browser(column: pa.ChunkedArray) -> bool:
    bounds = pc.min_max(column).as_py()
    return bounds["max"] is not None and max(abs(bounds["min"]), abs(bounds["max"])) >= SAFE_INTEGER


def _is_list(type_: pa.DataType) -> bool:
    return pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)


def _is_plain(type_: pa.DataType) -> bool:
    tests = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_float32, pa.types.is_float64, pa.types.is_string)
    return any(test(type_) for test in (*tests, pa.types.is_large_string, pa.types.is_date, pa.types.is_timestamp))


def _distinct(names: list[str]) -> list[str]:
    """Names told apart by a number where a query gives the same one twice."""
    taken: dict[str, None] = {}
    for name in names:
        candidate, times = name, 1
        while candidate in taken:
            times += 1
            candidate = f"{name}_{times}"
        taken[candidate] = None
    return list(taken)
