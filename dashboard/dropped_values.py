"""What a link asks of a page's widgets and they do not have: a color of a basis that was removed, a page past the last.

Streamlit drops such a value and shows the widget's default. A reader who came for something else is told so.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import streamlit as st

from tubelet.dashboard import address
from tubelet.dashboard.parameters import CONDITION, PARAMETERS, TEXT
from tubelet.reports.literal import Markdown, literal

TYPED = (TEXT, CONDITION)  # kinds that take any value, and that a page may complete
LONGEST = 60  # characters of a value that is quoted


@contextmanager
def report_dropped(page: str) -> Iterator[None]:
    """Draw a page inside; at its end, name the values of its URL that it does not show, and what it shows instead."""
    asked = _read_asked(page)
    yield
    if said := describe_dropped(asked, st.session_state.to_dict()):
        st.toast(said, icon=":material/link_off:", duration="infinite")


def describe_dropped(asked: Mapping[str, str], shown: Mapping[str, Any]) -> Markdown:
    """A sentence a value that its widget does not show, "" where all are shown; a widget that was not drawn says nothing."""
    return "  \n".join(
        _describe(name, value, shown[name])
        for name, value in asked.items()
        if name in shown and not _is_shown(value, shown[name])
    )


def _read_asked(page: str) -> dict[str, str]:
    """What the URL asks of widgets that have not been drawn yet."""
    return {
        name: value
        for name, value in address.read_own(page).items()
        if value.strip()
        and name not in st.session_state
        and (name not in PARAMETERS or PARAMETERS[name].kind not in TYPED)
    }


def _is_shown(asked: str, value: Any) -> bool:
    if isinstance(value, bool):
        return asked.lower() == str(value).lower()
    if isinstance(value, int | float):
        try:
            return float(asked) == value
        except ValueError:
            return False
    return asked.split() == str(value or "").split()


def _describe(name: str, asked: str, value: Any) -> Markdown:
    return f"**{literal(name)}**: {_shorten(asked)} is not available here; using {_name(value)} instead."


def _name(value: Any) -> Markdown:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "nothing" if value in (None, "") else _shorten(str(value))


def _shorten(value: str) -> Markdown:
    return literal(value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…")
