"""Conditions as people write them, in which a label is a column: rewritten to the functions that SQL has.

label['action'] = 'pour'      label_of(video_id, 'action') = 'pour'
any_label('action', 'pour')   has_label(video_id, 'action', 'pour')
tag('odd')                    has_tag(video_id, 'odd')
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb
from duckdb import token_type

Token = tuple[str, token_type | None]
CALLED = {"any_label": "has_label", "tag": "has_tag"}  # functions that leave the video out


@dataclass
class Condition:
    """A condition in SQL over a table with `video_id`, and the labels and tags that it names."""

    sql: str
    labels: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


def read_condition(where: str) -> Condition:
    """The condition in SQL. What is not a label or a tag stays as it is written."""
    tokens = split_tokens(where)
    found, parts, at = Condition(""), [], 0
    while at < len(tokens):
        text, used = _replace(tokens[at:], found)
        parts.append(text)
        at += used
    found.sql = "".join(parts)
    return found


def split_tokens(sql: str) -> list[Token]:
    """All of the text, cut where tokens begin, each with the blanks after it; kind None: blanks before the first."""
    text, found = sql.encode(), duckdb.tokenize(sql)
    starts = [0, *(start for start, _ in found)]
    kinds = [None, *(kind for _, kind in found)]
    return [
        (text[start:stop].decode(), kind)
        for start, stop, kind in zip(starts, [*starts[1:], len(text)], kinds)
    ]


def _replace(tokens: Sequence[Token], found: Condition) -> tuple[str, int]:
    """What stands for the first of these tokens, and how many it stands for."""
    words = [text.strip() for text, _ in tokens[:6]]
    qualifier = f"{words[0]}." if words[1:2] == ["."] else ""
    skipped = 2 if qualifier else 0
    match [word.lower() for word in words[skipped : skipped + 3]], words[skipped + 2 : skipped + 4]:
        case ["label", "[", _], [name, "]"] if (value := _literal(name)) is not None:
            found.labels.append(value)
            end = tokens[skipped + 3][0].removeprefix("]")
            return f"label_of({qualifier}video_id, {quote_text(value)}){end}", skipped + 4
        case [("any_label" | "tag") as name, "(", _], [argument, *_]:
            if (value := _literal(argument)) is not None:
                (found.tags if name == "tag" else found.labels).append(value)
            return f"{CALLED[name]}({qualifier}video_id, ", skipped + 2
    return tokens[0][0], 1


def _literal(word: str) -> str | None:
    """The text of a quoted word; in double quotes, too, which many write for a name."""
    for quote in ("'", '"'):
        if len(word) > 1 and word[0] == word[-1] == quote:
            return word[1:-1].replace(2 * quote, quote)
    return None


def quote_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
