"""Answers of the sandbox as text and files: what `tubelet sql` prints."""

import json
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from store.errors import QueryError
from store.sandbox import Answer

TABLE_ROWS = 1000  # printed at most; other formats have no cap


def write(answer: Answer, format_: str, output: Path | None) -> None:
    """Print the answer, or write it to a file. Raises QueryError where a format needs a file."""
    if format_ == "parquet":
        if output is None:
            raise QueryError("--format parquet is not for a terminal: add -o FILE.parquet")
        pyarrow.parquet.write_table(answer.table, output, compression="zstd")
        return
    text = {"table": _table, "csv": _csv, "json": _json}[format_](answer)
    output.write_text(text) if output else sys.stdout.write(text)


def _table(answer: Answer) -> str:
    with duckdb.connect(":memory:") as connection:
        text = str(connection.from_arrow(answer.table))
    more = f"the first {len(answer.table):,} rows of more; --format csv, json or parquet gives all\n" if answer.truncated else ""
    return f"{text}\n{more}"


def _csv(answer: Answer) -> str:
    flat = [column.cast(pa.string()) if not pa.types.is_nested(column.type) else _as_json(column) for column in answer.table.columns]
    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(pa.table(flat, names=answer.table.column_names), sink)
    return sink.getvalue().to_pybytes().decode()


def _as_json(column: pa.ChunkedArray) -> pa.Array:
    return pa.array([None if value is None else json.dumps(value, default=str) for value in column.to_pylist()], pa.string())


def _json(answer: Answer) -> str:
    return json.dumps(answer.table.to_pylist(), indent=1, default=str) + "\n"
