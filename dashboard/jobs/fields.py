"""The options of a command as widgets, each empty as long as its default holds."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from tubelet.reports.literal import Markdown, literal
from tubelet.store.jobs.forms import CHOICE, DECIMAL, LINES, NUMBER, SWITCH, FormField, Values

COLUMN = 260  # pixels of a field, at least
LINES_HEIGHT = 100


def show_fields(command: str, fields: Sequence[FormField], wide: bool = False) -> Values:
    """Draw the fields where the caller stands, side by side where there is room unless they are wide; what was filled in."""
    with st.container() if wide else st.grid(min_column_width=COLUMN, gap="small"):
        return {
            field.name: WIDGETS.get(field.kind, _text)(field, f"form-{command}-{field.name}")
            for field in fields
        }


def describe_field(field: FormField) -> Markdown:
    """What the option says of itself; the texts are our own."""
    return field.help


def _describe(field: FormField, key: str) -> dict[str, Any]:
    """What every widget is told. A value stays while the page shows another section."""
    return {
        "help": describe_field(field) or None,
        "key": key,
        "persist_state": "page",
    }


def _hint(field: FormField) -> str:
    """What holds where a field stays empty."""
    return field.unset or str(field.default or "")


def _text(field: FormField, key: str) -> str:
    return st.text_input(literal(field.label), placeholder=_hint(field), **_describe(field, key))


def _lines(field: FormField, key: str) -> str:
    return st.text_area(literal(field.label), height=LINES_HEIGHT, **_describe(field, key))


def _number(field: FormField, key: str) -> float | None:
    least, most = _bounds(field, int)
    return st.number_input(
        literal(field.label), least, most, None, 1, placeholder=_hint(field), **_describe(field, key)
    )  # fmt: skip


def _decimal(field: FormField, key: str) -> float | None:
    least, most = _bounds(field, float)
    return st.number_input(
        literal(field.label),
        least,
        most,
        None,
        format="%g",
        placeholder=_hint(field),
        **_describe(field, key),
    )


def _bounds(field: FormField, kind: type) -> tuple[float | None, ...]:
    """As numbers of one type, which the widget asks for."""
    return tuple(None if edge is None else kind(edge) for edge in (field.least, field.most))


def _switch(field: FormField, key: str) -> bool:
    return st.checkbox(literal(field.label), bool(field.default), **_describe(field, key))


def _choice(field: FormField, key: str) -> str | None:
    chosen = field.choices.index(field.default) if field.default in field.choices else None
    return st.selectbox(
        literal(field.label),
        field.choices,
        chosen,
        placeholder=_hint(field) or "none",
        **_describe(field, key),
    )


WIDGETS: dict[str, Callable[[FormField, str], Any]] = {
    LINES: _lines,
    NUMBER: _number,
    DECIMAL: _decimal,
    SWITCH: _switch,
    CHOICE: _choice,
}
