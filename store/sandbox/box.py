"""A table drawn with box characters, to fit the available width and height."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from tubelet.store.wording import escape_controls

CELL_WIDTHS = (
    60,
    40,
    24,
    16,
)  # the widest of them at which all columns fit is taken, else the narrowest
RIGHT = (
    "BIGINT",
    "INTEGER",
    "SMALLINT",
    "TINYINT",
    "HUGEINT",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
)


@dataclass(frozen=True)
class Grid:
    """Text of every cell, None for NULL, with the names and the types of the columns."""

    names: Sequence[str]
    types: Sequence[str]
    rows: Sequence[Sequence[str | None]]


@dataclass(frozen=True)
class Box:
    """The drawing, how many columns it has, and whether a value was shortened."""

    text: str
    columns: int
    cut: bool


def draw(grid: Grid, width: int | None) -> Box:
    """A grid within `width` characters, with fewer columns where they do not fit; whole where `width` is None."""
    columns = [
        [escape_controls(text) for text in column]
        for column in zip(grid.names, grid.types, *_fill_nulls(grid.rows), strict=True)
    ]
    most = [max(map(measure, column)) for column in columns]
    cell = (
        None
        if width is None
        else next((w for w in CELL_WIDTHS if _outer(most, w) <= width), CELL_WIDTHS[-1])
    )
    widths = most if cell is None else [min(one, cell) for one in most]
    shown = len(widths) if width is None else _fitting(widths, width)
    cut = any(natural > kept for natural, kept in zip(most[:shown], widths))
    lines = zip(
        *(
            [_pad(text, w, type_) for text in column]
            for column, w, type_ in zip(columns[:shown], widths, grid.types)
        ),
        strict=True,
    )
    name, type_line, *body = (f"│ {' │ '.join(line)} │" for line in lines)
    rules = ["─" * (w + 2) for w in widths[:shown]]
    top, middle, bottom = (a + b.join(rules) + c for a, b, c in ("┌┬┐", "├┼┤", "└┴┘"))
    return Box("\n".join([top, name, type_line, middle, *body, bottom]), shown, cut)


def measure(text: str) -> int:
    """Columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _fill_nulls(rows: Sequence[Sequence[str | None]]) -> list[list[str]]:
    return [["NULL" if text is None else text for text in row] for row in rows]


def _outer(widths: Sequence[int], cell: int) -> int:
    return sum(min(one, cell) + 3 for one in widths) + 1


def _fitting(widths: Sequence[int], width: int) -> int:
    """How many columns fit, at least one."""
    shown, used = 0, 1
    for one in widths:
        used += one + 3
        if shown and used > width:
            break
        shown += 1
    return shown


def _pad(text: str, width: int, type_: str) -> str:
    if measure(text) > width:
        while measure(text) > width - 1:
            text = text[:-1]
        text += "…"
    blanks = " " * (width - measure(text))
    return blanks + text if type_.startswith(RIGHT) else text + blanks
