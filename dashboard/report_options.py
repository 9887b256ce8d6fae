"""The options of a report as widgets, each in the URL: what the sidebar has chosen already is not asked again."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field
from functools import partial
from typing import Any, get_args, get_type_hints

import streamlit as st

from tubelet.dashboard import consent
from tubelet.dashboard.parameters import bind_option
from tubelet.dashboard.selection import Selection
from tubelet.reports.literal import Markdown, literal
from tubelet.store.options import Option, options_of

SQL, ONE_ENCODER = (
    "SQL",
    "NAME|ID",
)  # metavars: of an option that holds SQL, and one that names an encoder
NARROW, WIDE = 150, 250  # pixels
MOST, FIRST = 4, 3  # widgets beside each other; of more, the first, and the others behind a button


def choose_options(name: str, options: type, selection: Selection) -> dict[str, Any]:
    """Draw a widget per option and read them; encoder and selected videos are the sidebar's."""
    asked = [one for one in options_of(options) if one[1].metavar != ONE_ENCODER]
    first = asked if len(asked) <= MOST else asked[:FIRST]
    with st.container(
        horizontal=True, vertical_alignment="bottom", gap="small", key=f"choices-{name}"
    ):
        given = _ask(name, options, first)
        if len(asked) > MOST:
            with st.popover("Options", icon=":material/tune:"):
                given |= _ask(name, options, asked[FIRST:])
    given |= {condition: selection.narrow(given[condition]) for condition in _conditions(options)}
    taken = {field.name for field, _ in asked}
    encoder = selection.encoder_id or None
    return given | {f.name: encoder for f, _ in options_of(options) if f.name not in taken}


def _ask(name: str, options: type, asked: Sequence[tuple[Field, Option]]) -> dict[str, Any]:
    hints = get_type_hints(options)
    return {
        field.name: _widget(f"{name}-{field.name}", field, hints[field.name], described)
        for field, described in asked
    }


def is_of_one_encoder(options: type) -> bool:
    """Whether a report is about the encoder of the sidebar."""
    return any(described.metavar == ONE_ENCODER for _, described in options_of(options))


def hold_conditions(given: Mapping[str, Any], options: type) -> bool:
    """Whether all conditions may be applied; offers to, where one came with a link."""
    return all(consent.holds(given[name] or "", name) for name in _conditions(options))


def _conditions(options: type) -> list[str]:
    return [field.name for field, described in options_of(options) if described.metavar == SQL]


def _widget(key: str, field: Field, hint: Any, described: Option) -> Any:
    label, default, about = (
        literal(field.name.replace("_", " ").capitalize()),
        None if field.default is MISSING else field.default,
        literal(described.help),
    )
    types = set(get_args(hint)) or {hint}
    if bool in types:
        return st.toggle(label, bool(default), help=about, **bind_option(key))
    if described.choices:
        named = {described.words.get(choice, choice): choice for choice in described.choices}
        place = _place(described.choices, default)
        shown = st.selectbox(
            label, list(named), place, help=about, width=NARROW, **bind_option(key)
        )
        return None if shown is None else named[shown]
    if types & {int, float}:
        number = int if int in types else float
        low, high = (
            None if end is None else number(end) for end in (described.least, described.most)
        )
        return st.number_input(
            label, low, high, default, step=number(1), help=about, width=NARROW,
            placeholder="default" if described.unset else None, **bind_option(key),
        )  # fmt: skip
    return _text(key, label, default, described)


def _text(key: str, label: Markdown, default: Any, described: Option) -> str | None:
    typed = st.text_input(
        label,
        default,
        help=literal(described.help),
        placeholder=literal(described.unset or described.metavar or ""),
        on_change=partial(consent.ask_typed, key) if described.metavar == SQL else None,
        width=WIDE,
        **bind_option(key),
    )
    return (typed or "").strip() or None


def _place(choices: Sequence[str], default: Any) -> int | None:
    return choices.index(default) if default in choices else None
