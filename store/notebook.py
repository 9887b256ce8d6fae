"""What an object shows of itself in a notebook: a small table, in which all that comes from data is text."""

from collections.abc import Iterable, Mapping
from html import escape


def render_facts(title: str, facts: Mapping[str, object]) -> str:
    """A title above names and values."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{_text(name)}</th><td style='text-align:left'>{_text(value)}</td></tr>"
        for name, value in facts.items()
    )
    return f"<div><strong>{_text(title)}</strong><table>{rows}</table></div>"


def render_rows(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A title above a table."""
    head = "".join(f"<th>{_text(name)}</th>" for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{_text(value)}</td>' for value in row)}</tr>" for row in rows
    )
    return f"<div><strong>{_text(title)}</strong><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _text(value: object) -> str:
    return escape(
        f"{value:,}"
        if type(value) is int
        else f"{value:.3g}"
        if isinstance(value, float)
        else str(value)
    )
