"""The tables and columns that a query can use, each with its meaning and unit, and a search over all of them."""

from collections.abc import Sequence

import streamlit as st

from tubelet.reports.literal import Markdown, literal
from tubelet.store.schema import RELATIONS, Column, Table
from tubelet.store.schema.functions import FUNCTIONS, Function

HEIGHT = 230  # pixels


def show() -> None:
    wanted = st.text_input(
        "Search the schema",
        key="schema-search",
        placeholder="Search tables, columns and meanings",
        label_visibility="collapsed",
        icon=":material/search:",
    )
    words = (wanted or "").lower().split()
    with st.container(height=HEIGHT, key="schema", gap="xxsmall"):
        found = [(table, find_columns(table, words)) for table in RELATIONS.values()]
        functions = find_functions(words)
        if not functions and not any(columns for _, columns in found):
            st.caption("Nothing in the schema matches.")
        for table, columns in found:
            if columns:
                title = f"**{literal(table.name)}** · {len(columns)} columns"
                with st.expander(title, expanded=bool(words), type="compact"):
                    st.caption(describe(table, columns))
        if functions:
            with st.expander(
                f"**Functions** · {len(functions)}", expanded=bool(words), type="compact"
            ):
                st.caption(describe_functions(functions))


def find_columns(table: Table, words: Sequence[str]) -> tuple[Column, ...]:
    """The columns in whose name, meaning, unit or table every word stands; all of them where there are no words."""
    return tuple(
        column
        for column in table.columns
        if all(
            word in f"{table.name} {column.name} {column.meaning} {column.unit}".lower()
            for word in words
        )
    )


def find_functions(words: Sequence[str]) -> tuple[Function, ...]:
    """The functions in whose name or meaning every word stands."""
    return tuple(
        function
        for function in FUNCTIONS.values()
        if all(
            word in f"function {function.signature} {function.meaning}".lower() for word in words
        )
    )


def describe(table: Table, columns: Sequence[Column]) -> Markdown:
    """Columns of a relation as Markdown: name, type, unit and meaning."""
    described = [
        f"`{c.name}` {c.type}{f', {c.unit}' if c.unit else ''}  \n{c.meaning}"
        for c in RELATIONS[table.name].columns
        if c in columns
    ]
    return f"One row per {RELATIONS[table.name].row}.\n\n" + "\n\n".join(described)


def describe_functions(functions: Sequence[Function]) -> Markdown:
    """Functions as Markdown: how they are called, what they give, and what that means."""
    described = [
        f"`{f.signature}` {f.returns}  \n{f.meaning}" for f in FUNCTIONS.values() if f in functions
    ]
    return "\n\n".join(described)
