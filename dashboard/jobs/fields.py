"""The options of a command as widgets, each empty as long as its default holds."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from tubelet.reports.literal import Markdown, literal
from tubelet.store.jobs.forms import CHOICE, DECIMAL, LINES, NUMBER, SWITCH, TEXT, FormField, Values

COLUMN = 260  # pixels of a field, at least
LINES_HEIGHT = 100
FILLED = "job-filled"  # in the session: the widgets were filled in, and Streamlit wants no default of them
TYPED = (TEXT, LINES)  # kinds that are texts


def show_fields(command: str, fields: Sequence[FormField], wide: bool = False) -> Values:
    """Draw the fields where the caller stands, side by side where there is room unless they are wide; what was filled in."""
    with st.container() if wide else st.grid(min_column_width=COLUMN, gap="small"):
        return {
            field.name: WIDGETS.get(field.kind, _text)(field, _key(command, field))
            for field in fields
        }


def fill(command: str, fields: Sequence[FormField], values: Values) -> None:
    """Have the widgets say these values in the next run, and nothing where there is none."""
    for field in fields:
        value = values.get(field.name, field.default if field.kind in (SWITCH, CHOICE) else None)
        st.session_state[_key(command, field)] = "" if value is None and field.kind in TYPED else value  # fmt: skip
    st.session_state[FILLED] = True


def forget_filled() -> None:
    """To be called when all of them were drawn."""
    st.session_state.pop(FILLED, None)


def _key(command: str, field: FormField) -> str:
    return f"form-{command}-{field.name}"


def describe_field(field: FormField) -> Markdown:
    """The help of an option; the texts are our own."""
    return field.help


def _describe(field: FormField, key: str) -> dict[str, Any]:
    """What every widget receives. A value stays while the page shows another section."""
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
    default = bool(field.default) and FILLED not in st.session_state
    return st.checkbox(literal(field.label), default, **_describe(field, key))


def _choice(field: FormField, key: str) -> str | None:
    known = field.default in field.choices and FILLED not in st.session_state
    chosen = field.choices.index(field.default) if known else None
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
