"""Conditions in SQL by which users select videos, encoders and clips; they run in the sandbox, as all SQL from users does.

A label is a column in them: ``label['action'] = 'pour'``, `any_label('action', 'pour')`, and `tag('odd')` (`store.questions.condition`).
"""

from functools import cache
from itertools import pairwise

import duckdb
from duckdb import token_type

from tubelet.store.errors import NoVideos, QueryError
from tubelet.store.questions.condition import Condition, read_condition, split_tokens
from tubelet.store.questions.corpus import VideoSelection
from tubelet.store.sandbox.untrusted import Limits, ask
from tubelet.store.schema import TABLES
from tubelet.store.store import Store

LISTED = 20  # names that an error lists
COMMENT = token_type.comment
CLOSES = {")": "(", "]": "[", "}": "{"}


def videos(store: Store, where: str) -> VideoSelection:
    """The videos that meet a condition on the columns of `videos`. Raises NoVideos, and QueryError for a mistake in it."""
    found = keys(store, "videos", "video_id", where)
    if not found:
        raise NoVideos(
            f"the condition {where!r} matches no video: write one on the columns of `videos`, on labels or tags, such as "
            "label = 'cooking', label['split'] = 'test' or tag('odd')"
        )
    return VideoSelection(found, where)


def lasting_keys(store: Store, table: str, column: str, where: str) -> list[str]:
    """The same for what is listed first and done later: raises QueryError also for a condition that each evaluation answers differently."""
    if chance := _find_chance(where):
        raise QueryError(
            f"the condition {where!r} has {chance}, so each run would choose other {table}: those listed would not be those removed. "
            f"Choose by the id, such as hash({column}) % 2 = 0"
        )
    return keys(store, table, column, where)


def keys(store: Store, table: str, column: str, where: str) -> list[str]:
    """The values of a table's column in the rows that meet a condition. Raises QueryError for a mistake in it."""
    condition = _read(store, table, where)
    sql = f"SELECT {column} FROM {table} WHERE CAST(\n{condition.sql}\nAS BOOLEAN)"  # in which a query has no place
    return ask(store, sql, Limits(rows=None)).table[column].to_pylist()


def _read(store: Store, table: str, where: str) -> Condition:
    """Raises QueryError for labels and tags that the store does not hold: `IS NULL` or NOT would match every video."""
    try:
        _refuse_pieces(where)
        condition = read_condition(where)
    except (duckdb.Error, UnicodeError):
        return Condition(where)  # the sandbox says what is wrong with it
    names = {column.name for column in TABLES[table].columns}
    if (condition.labels or condition.tags) and "video_id" not in names:
        raise QueryError(f"{table} have no labels and no tags: write a condition on their columns")
    _refuse_unknown(store, "label", "name", condition.labels)
    _refuse_unknown(store, "tag", "tag", condition.tags)
    return condition


def _find_chance(where: str) -> str | None:
    """What in a condition depends on chance: a function that DuckDB calls volatile, or a sample without a seed."""
    try:
        pieces = [(text.strip().lower().strip('"'), kind) for text, kind in split_tokens(where)]
    except (duckdb.Error, UnicodeError):
        return None  # the sandbox says what is wrong with it
    words = [word for word, kind in pieces if kind not in (None, COMMENT, token_type.string_const)]
    called = {word for word, following in pairwise(words) if following == "("}
    if found := sorted(called & _volatile_functions()):
        return f"{found[0]}()"
    sampled = "tablesample" in words or ("using", "sample") in pairwise(words)
    return "a sample" if sampled and "repeatable" not in words else None


@cache
def _volatile_functions() -> frozenset[str]:
    sql = "SELECT function_name FROM duckdb_functions() WHERE stability = 'VOLATILE'"
    with duckdb.connect() as connection:
        return frozenset(name for (name,) in connection.execute(sql).fetchall())


def _refuse_pieces(where: str) -> None:
    """Raises QueryError for what is not one expression: `1=1) OR (1=1` would close the bracket that it is put into."""
    words = [text.strip() for text, kind in split_tokens(where) if kind not in (None, COMMENT)]
    if not any(words):
        raise QueryError("the condition is empty: write one such as label = 'cooking'")
    open_ = []
    for word in words:
        if word in CLOSES.values():
            open_.append(word)
        elif word in CLOSES and (open_.pop() if open_ else "") != CLOSES[word]:
            raise QueryError(
                f"the condition {where!r} has a {word} that nothing in it opens: write one expression, such as label = 'cooking' OR duration_s > 10"
            )


def _refuse_unknown(store: Store, noun: str, column: str, names: list[str]) -> None:
    if not names:
        return
    held = store.query(f"SELECT DISTINCT {column} AS name FROM {noun}s ORDER BY name")["name"]
    known = held.to_pylist()
    if unknown := [name for name in names if name not in known]:
        listed = ", ".join(known[:LISTED]) + (", ..." if len(known) > LISTED else "")
        raise QueryError(
            f"no video has the {noun} {unknown[0]!r}; the store has: {listed or 'none'}"
        )
