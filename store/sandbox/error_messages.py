"""What DuckDB says about a query, in terms of the text as its author wrote it."""

import json

import duckdb

from tubelet.store.schema.renames import hint_at_renamed

MEMORY = ("Out of Memory Error", "MemoryError", "bad_alloc", "bad allocation", "Allocation failure")
SHOWN = 60  # bytes of the line shown on either side of a mistake


def is_memory(error: Exception) -> bool:
    """Whether a query ran out of memory: DuckDB's own limit, or the process's."""
    return isinstance(error, (MemoryError, duckdb.OutOfMemoryException)) or any(
        words in str(error) for words in MEMORY
    )


def explain_error(error: Exception, sql: str, shift: int = 0) -> str:
    """DuckDB's first sentences and the place in `sql`, which begins `shift` bytes into the text that DuckDB saw.

    Errors come as JSON (setting `errors_as_json`), because their printed form quotes the text around the query.
    """
    details = _details(error)
    place = int(details.get("position") or -1) - shift
    where = _where(sql.encode(), place) if 0 <= place <= len(sql.encode()) else ""
    hint = hint_at_renamed(details["exception_message"], sql)
    return "\n".join(filter(None, (_first_sentences(details["exception_message"]), hint))) + where


def _details(error: Exception) -> dict:
    text = str(error)
    try:
        return json.loads(text[text.index("{") :])
    except ValueError:
        return {"exception_message": text.split(" Error: ", 1)[-1]}


def _first_sentences(message: str) -> str:
    """Up to the first blank or indented line: after it come lists of candidates, advice on settings, stack traces."""
    lines = message.strip().splitlines() or ["DuckDB does not say why"]
    end = next(
        (index for index, line in enumerate(lines) if not line.strip() or line.startswith("\t")),
        len(lines),
    )
    return "\n".join(lines[:end])


def _where(sql: bytes, place: int) -> str:
    """The line of a byte of the query, and a caret below it."""
    start = sql.rfind(b"\n", 0, place) + 1
    line = sql[start:].split(b"\n", 1)[0]
    before, after = _text(line[: place - start][-SHOWN:]), _text(line[place - start :][:SHOWN])
    number = sql.count(b"\n", 0, place) + 1
    label = f"LINE {number}: "
    return f"\n\n{label}{before}{after}\n{' ' * len(label + before)}^"


def _text(part: bytes) -> str:
    return part.decode(errors="ignore").replace("\t", " ").replace("\r", "")
