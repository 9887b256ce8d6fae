"""Dates and times outside Python's calendar, such as infinity, 44 BC and the year 290000: text as DuckDB writes it."""

from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

EPOCH = date(1970, 1, 1)
DAYS = (
    (date.min - EPOCH).days + 1,
    (date.max - EPOCH).days - 1,
)  # with a day to spare for time zones
PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def spell_dates(table: pa.Table) -> pa.Table:
    """The table with columns as text where one of their dates has no value in Python; the others as they are."""
    columns = [
        _spell(column) if _holds_dates(column.type) and not _fits(column) else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names) if table.num_columns else table


def _holds_dates(type_: pa.DataType) -> bool:
    nested = [type_.field(number).type for number in range(type_.num_fields)]
    return pa.types.is_date(type_) or pa.types.is_timestamp(type_) or any(map(_holds_dates, nested))


def _fits(column: pa.ChunkedArray) -> bool:
    if pa.types.is_date32(column.type):
        return _is_between(column.cast(pa.int32()), 1)
    if pa.types.is_timestamp(column.type):
        return _is_between(column.cast(pa.int64()), PER_DAY[column.type.unit])
    try:
        column.to_pylist()
    except (OverflowError, ValueError):
        return False
    return True


def _is_between(numbers: pa.ChunkedArray, per_day: int) -> bool:
    ends = pc.min_max(numbers).as_py()
    return ends["min"] is None or (
        DAYS[0] * per_day <= ends["min"] and ends["max"] <= DAYS[1] * per_day
    )


def _spell(column: pa.ChunkedArray) -> pa.ChunkedArray:
    with duckdb.connect(":memory:") as connection:
        relation = connection.from_arrow(pa.table([column], names=["c"]))
        return relation.project("c::VARCHAR AS c").to_arrow_table()["c"]
