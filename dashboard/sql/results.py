"""A query's result as a table that a browser shows: lists cut short, rare types as text."""

import pyarrow as pa
import pyarrow.compute as pc

from tubelet.store.sandbox.dates import spell_dates
from tubelet.store.sandbox.formats import as_text, distinct, is_plain, narrow, value_text

SHOWN = 4  # values of a list that a cell shows
CELL = 200  # characters of anything else
SAFE_INTEGER = 2**53  # above it a browser's numbers lose digits


def make_displayable(table: pa.Table) -> pa.Table:
    """The same rows with columns that a browser's table can show."""
    return pa.table(
        [_make_column_displayable(column) for column in spell_dates(table).columns],
        names=distinct(table.column_names),
    )


def _make_column_displayable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    column = narrow(column)
    if _is_list(column.type):
        return _shorten_lists(column)
    if not is_plain(column.type):
        return as_text(column, lambda value: _clip_text(value_text(value)))
    if pa.types.is_integer(column.type) and _beyond_browser(column):
        return column.cast(pa.string())
    return column


def _shorten_lists(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """[0.12, -0.3, 0.05, 1.2, … 768 values]"""
    lengths = pc.list_value_length(column).to_pylist()
    heads = pc.list_slice(column, 0, SHOWN).to_pylist()
    return pa.chunked_array(
        [
            pa.array(
                [_shorten_list(head, length) for head, length in zip(heads, lengths)], pa.string()
            )
        ]
    )


def _shorten_list(head: list | None, length: int | None) -> str | None:
    if head is None or length is None:
        return None
    shown = ", ".join(
        f"{value:.4g}" if isinstance(value, float) else _clip_text(value_text(value))
        for value in head
    )
    return (
        f"[{shown}]" if length <= SHOWN else f"[{shown}, \N{HORIZONTAL ELLIPSIS} {length:,} values]"
    )


def _clip_text(text: str) -> str:
    return (
        text
        if len(text) <= CELL
        else f"{text[:CELL]}\N{HORIZONTAL ELLIPSIS} {len(text):,} characters"
    )


def _beyond_browser(column: pa.ChunkedArray) -> bool:
    bounds = pc.min_max(column).as_py()
    return bounds["max"] is not None and max(abs(bounds["min"]), abs(bounds["max"])) >= SAFE_INTEGER


def _is_list(type_: pa.DataType) -> bool:
    return (
        pa.types.is_list(type_)
        or pa.types.is_large_list(type_)
        or pa.types.is_fixed_size_list(type_)
    )
