"""Answers and the schema as JSON, for programs: scripts over HTTP, agents over MCP."""

from typing import Any

import pyarrow as pa

from tubelet.store.sandbox import formats
from tubelet.store.sandbox.json_text import json_text
from tubelet.store.sandbox.untrusted import Answer
from tubelet.store.schema import RELATIONS
from tubelet.store.schema.functions import FUNCTIONS


def describe_schema() -> dict[str, Any]:
    """What a query can use: tables and functions, each with its meaning and unit."""
    tables = [
        {
            "name": table.name,
            "row": table.row,
            "columns": [
                {"name": c.name, "type": c.type, "meaning": c.meaning, "unit": c.unit}
                for c in table.columns
            ],
        }
        for table in RELATIONS.values()
    ]
    functions = [
        {"name": f.name, "signature": f.signature, "returns": f.returns, "meaning": f.meaning}
        for f in FUNCTIONS.values()
    ]
    return {"tables": tables, "functions": functions}


def describe_answer(answer: Answer) -> bytes:
    """An answer as JSON: columns, rows, whether there are more, seconds."""
    names = formats.distinct(answer.table.column_names)
    described = {
        "columns": [
            {"name": name, "type": str(column.type)}
            for name, column in zip(names, answer.table.columns)
        ],
        "rows": _rows(answer.table),
        "truncated": answer.truncated,
        "seconds": round(answer.seconds, 4),
        "bytes_read": answer.bytes_read,
    }
    return (json_text(described, default=formats.plain_text) + "\n").encode()


def _rows(table: pa.Table) -> list[dict]:
    narrow = [formats.narrow(column) for column in table.columns]
    return formats.to_rows(pa.table(narrow, names=table.column_names))
