"""A file as a table of text: CSV, TSV, Parquet, JSON lines, and the `path label` lists of Meta's V-JEPA; every row knows its line.

Values stay as the file writes them: what looks like a number or a date is not converted.
"""

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from tubelet.store.disk.files import read_regular
from tubelet.store.errors import AnnotationError

LARGEST = 1 << 30  # bytes that are read at once
COLUMNS = 10_000  # of a table
CELLS = 50_000_000  # of a table that unpacks to more than its file holds
LISTED = 5  # lines that an error names
BLANK = " \t\r\n"
CLASS = re.compile(r"-?\d+")
NOT_FOUND = "does not exist: check the path"


@dataclass(frozen=True)
class TextTable:
    """A file's columns as text, blank where it says nothing; `line` finds the line of a row, both counted from 1 in errors."""

    path: Path
    sha256: str
    columns: pa.Table
    place: Callable[[Sequence[int]], list[str]]

    def refuse(self, faults: Mapping[int, str]) -> None:
        """Raise AnnotationError where rows, counted from 0, are at fault: the first with its reason, the others by their places."""
        if not faults:
            return
        rows = sorted(faults)
        first, *more = self.place(rows[: LISTED + 1])
        shown = ", ".join(more) + (", ..." if len(rows) > LISTED + 1 else "")
        others = f" ({len(rows):,} rows are at fault, the others at {shown})" if more else ""
        raise AnnotationError(
            f"{self.path}, {first}: {faults[rows[0]]}{others}; nothing was imported"
        )


def read_table(path: Path, list_label: str) -> TextTable:
    """A file by its ending and its first line. `list_label` names the class in a `path label` list. Raises AnnotationError."""
    data = _read(path)
    sha256 = hashlib.sha256(data).hexdigest()
    if data[:4] == b"PAR1":
        return TextTable(path, sha256, _parquet(path, data), _count_rows)
    text = _decode(path, data)
    if path.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        columns, lines = _json_lines(path, text)
    elif _split_entry(first := _first_line(text)) and not set(first) & set(",;\t"):
        columns, lines = _class_list(path, text, list_label)
    else:
        delimiter = max("\t,;", key=first.count)
        columns = _read_separated(path, text, delimiter)
        return TextTable(path, sha256, columns, lambda rows: _lines_of(text, delimiter, rows))
    return TextTable(path, sha256, columns, lambda rows: [f"line {lines[row]:,}" for row in rows])


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise AnnotationError(
                f"{path} has {size / 1e9:.1f} GB, more than the {LARGEST / 1e9:.1f} GB that are read at once: split it and import the parts"
            )
        data = read_regular(path)
    except FileNotFoundError as error:
        raise AnnotationError(f"{path} {NOT_FOUND}") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AnnotationError(f"{path} cannot be read ({reason}): check the path") from error
    if not data.strip(BLANK.encode()):
        raise AnnotationError(f"{path} is empty: it needs one row per video")
    return data


def _decode(path: Path, data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise AnnotationError(f"{path} is UTF-16: save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise AnnotationError(
            f"{path}, line {line:,}: not UTF-8: save the file as UTF-8"
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise AnnotationError(
            f"{path}, line {line:,}: holds a NUL byte: pass CSV, TSV, JSON lines, Parquet or a `path label` list"
        )
    return text


def _first_line(text: str) -> str:
    return text.lstrip(BLANK).partition("\n")[0].rstrip(BLANK)


def _read_separated(path: Path, text: str, delimiter: str) -> pa.Table:
    """CSV or TSV with a header. Rows of another length are refused with their lines."""
    written = _check_records(path, text, delimiter)
    data = text.encode()
    try:
        table = pa_csv.read_csv(
            io.BytesIO(data),
            pa_csv.ReadOptions(block_size=len(data) + 1),
            pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            pa_csv.ConvertOptions(column_types=dict.fromkeys(written, pa.string())),
        ).rename_columns([name.strip() for name in written])
    except pa.ArrowInvalid as error:
        raise AnnotationError(
            f"{path} cannot be read as a table ({str(error).splitlines()[0]}): check its quotes and its header"
        ) from error
    if not len(table):
        raise AnnotationError(f"{path} holds a header and no rows: it needs one row per video")
    return table


def _check_records(path: Path, text: str, delimiter: str) -> list[str]:
    """The header as it is written, once every record has been seen to be whole."""
    records = _records(text, delimiter)
    line, faults = 1, {}
    try:
        _, written = next(records)
        _check_header(path, [name.strip() for name in written])
        for number, (begin, record) in enumerate(records):
            line = begin
            if len(record) != len(written):
                faults[number] = f"{len(record)} values where the header has {len(written)} columns"
    except csv.Error as error:
        raise AnnotationError(
            f"{path}, after line {line:,}: {error}: check its quotes; nothing was imported"
        ) from error
    table = TextTable(path, "", pa.table({}), lambda rows: _lines_of(text, delimiter, rows))
    table.refuse(faults)
    return written


def _check_header(path: Path, names: Sequence[str]) -> None:
    _bound(path, 0, len(names))
    if len(names) < 2:
        raise AnnotationError(
            f"{path}, line 1: one column, {names[0][:80]!r}: a table needs one that names the video and others beside it"
        )
    if "" in names:
        raise AnnotationError(f"{path}, line 1: column {names.index('') + 1} has no name")
    if twice := [name for name, number in Counter(names).items() if number > 1]:
        raise AnnotationError(f"{path}, line 1: two columns are called {twice[0]!r}: rename one")


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The line on which each record begins, and its fields; empty lines do not count."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    for record in reader:
        if record:
            yield line, record
        line = reader.line_num + 1


def _lines_of(text: str, delimiter: str, rows: Sequence[int]) -> list[str]:
    lines = [line for line, _ in _records(text, delimiter)][1:]
    return [f"line {lines[row]:,}" for row in rows]


def _class_list(path: Path, text: str, label: str) -> tuple[pa.Table, list[int]]:
    """Lines of a path, blanks, and the number of a class; paths may hold blanks."""
    found = [(line, _split_entry(one)) for line, one in _number_lines(text) if one.strip()]
    if bad := [line for line, entry in found if entry is None]:
        raise AnnotationError(
            f"{path}, line {bad[0]:,}: not a path and a number, as the first line has them; nothing was imported"
        )
    paths, values = zip(*(entry for _, entry in found if entry))
    return pa.table({"path": paths, label: values}), [line for line, _ in found]


def _split_entry(line: str) -> tuple[str, str] | None:
    """The path and the number of a class; None for a line that is something else."""
    before, _, number = line.rstrip().rpartition(" ")
    path = before.rstrip(" ")
    return (
        (path, number)
        if path.strip() and not path[0].isspace() and CLASS.fullmatch(number)
        else None
    )


def _json_lines(path: Path, text: str) -> tuple[pa.Table, list[int]]:
    """One object per line. Numbers stay as they are written."""
    rows, lines = [], []
    for line, one in _number_lines(text):
        if one.strip():
            rows.append(_object(path, line, one))
            lines.append(line)
    names = list(dict.fromkeys(name for row in rows for name in row))
    _bound(path, len(rows), len(names))
    return pa.table(
        {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    ), lines


def _number_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines from 1. Only line feeds end them: a value may hold what else `splitlines` takes for an end, such as U+2028."""
    return enumerate(text.replace("\r\n", "\n").split("\n"), 1)


def _object(path: Path, line: int, text: str) -> dict[str, str | None]:
    try:
        found = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise AnnotationError(
            f"{path}, line {line:,}: not JSON ({error}): write one object per line; nothing was imported"
        ) from error
    if not isinstance(found, dict):
        raise AnnotationError(
            f"{path}, line {line:,}: {type(found).__name__} where an object is needed: write one object per line; nothing was imported"
        )
    if not _is_text([*found, *found.values()]):
        raise AnnotationError(
            f"{path}, line {line:,}: holds half of a surrogate pair, which is not text: write the character itself; nothing was imported"
        )
    return {name.strip(): _plain(path, line, name, value) for name, value in found.items()}


def _is_text(values: Sequence[Any]) -> bool:
    """Whether UTF-8 can write the texts among them: JSON's ``\\ud800`` cannot be written."""
    try:
        return all(value.encode() or True for value in values if isinstance(value, str))
    except UnicodeEncodeError:
        return False


def _plain(path: Path, line: int, name: str, value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, str):
        return value
    raise AnnotationError(
        f"{path}, line {line:,}: {name!r} is a list or an object: a label is one text or number; nothing was imported"
    )


def _parquet(path: Path, data: bytes) -> pa.Table:
    """A few bytes of Parquet can stand for any number of rows and of long texts: both are counted before they are written out."""
    try:
        kind = pq.read_schema(pa.BufferReader(data))
        repeated = [field.name for field in kind if field.type in (pa.string(), pa.large_string())]
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=repeated)
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        _bound(path, file.metadata.num_rows, file.metadata.num_columns)
        _bound_bytes(path, sum(group.total_byte_size for group in groups))
        table = file.read()
        _bound_bytes(path, sum(map(_count_bytes, table.columns)))
        return pa.table({name: _text(table[name]) for name in table.column_names})
    except (pa.ArrowException, OSError, ValueError) as error:
        raise AnnotationError(
            f"{path} cannot be read as Parquet ({str(error).splitlines()[0]}): write it again, without nested columns"
        ) from error


def _count_bytes(column: pa.ChunkedArray) -> int:
    """How long the texts of a column are once each row has its own."""
    if not pa.types.is_dictionary(column.type):
        return column.nbytes
    lengths = [pc.binary_length(c.dictionary).take(c.indices) for c in column.chunks]
    return sum(pc.sum(one).as_py() or 0 for one in lengths)


def _bound(path: Path, rows: int, columns: int) -> None:
    """Raise AnnotationError for a table of too many columns or cells: a row can add a column to all of them."""
    if columns > COLUMNS or rows * columns > CELLS:
        raise AnnotationError(
            f"{path} has {columns:,} columns and {rows:,} rows, more than the {COLUMNS:,} columns or {CELLS:,} values that are read at once: leave out columns, or split it and import the parts"
        )


def _bound_bytes(path: Path, size: int) -> None:
    if size > LARGEST:
        raise AnnotationError(
            f"{path} unpacks to {size / 1e9:.1f} GB, more than the {LARGEST / 1e9:.1f} GB that are read at once: split it and import the parts"
        )


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    dense = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    return dense.cast(pa.string())


def _count_rows(rows: Sequence[int]) -> list[str]:
    return [f"row {row + 1:,}" for row in rows]
