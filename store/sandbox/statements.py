"""Which texts from people are one query, and how such a text is run: inside parentheses, where only a query is valid.

EXPLAIN is removed first, and what it explains has to be a query as well: `EXPLAIN ANALYZE COPY ...` would write the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import duckdb
from duckdb import token_type

from tubelet.store.errors import QueryError
from tubelet.store.questions.condition import Token, split_tokens
from tubelet.store.sandbox.error_messages import explain_error, is_memory

QUERIES = (
    duckdb.StatementType.SELECT,
    duckdb.StatementType.MULTI,
)  # MULTI: PIVOT without a list of values
ALLOWED = "SELECT, FROM, WITH, DESCRIBE, SUMMARIZE, PIVOT, SHOW, EXPLAIN"
RUN_STRINGS = ("query", "json_execute_serialized_sql")
PREFIX = "SELECT * FROM (\n"
ROWS, COUNT, ESTIMATE = "rows", "count", "estimate"  # what is asked of a query
BEFORE = {ROWS: PREFIX, COUNT: "SELECT count(*) AS rows FROM (\n"}
JSON_PLAN = "EXPLAIN (FORMAT json) "
EXPLAINED_AS = ("text", "json", "html", "graphviz", "yaml", "mermaid")


@dataclass(frozen=True)
class Statement:
    """One query of a user: `explain` is the prefix, in our own words; `skipped` its length in bytes in the user's text."""

    body: str
    explain: str = ""
    skipped: int = 0
    parameters: frozenset[str] = frozenset()

    def wrap(self, rows: int | None, answer: str = ROWS) -> str:
        """The text to run, the query on lines of its own, so that a comment at its end ends; one row over `rows` shows that there are more."""
        limited = rows is not None and self.explain in ("", JSON_PLAN)
        limit = f" LIMIT {rows + 1}" if rows is not None and limited else ""
        return f"{self.explain}{PREFIX if self.explain else BEFORE[answer]}{self.body}\n){limit}"

    def plan(self) -> "Statement":
        """What tells how the query would be run, as JSON; of an EXPLAIN, that of what it explains."""
        return replace(self, explain=JSON_PLAN)

    @property
    def reads(self) -> bool:
        """Whether its answer takes reading any rows: EXPLAIN alone does not."""
        return not self.explain or "ANALYZE" in self.explain

    def bind(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """The values of the query's ``$name`` parameters; None where it has none. Raises QueryError where one is missing."""
        if missing := sorted(self.parameters - values.keys()):
            raise QueryError(
                f"the query has no value for ${missing[0]}: pass one (`-p {missing[0]}=VALUE` in a terminal), or write the value in its place"
            )
        return {name: values[name] for name in self.parameters} or None

    @property
    def shift(self) -> int:
        """Offset in bytes of the user's text within the statement that runs."""
        return len(self.explain) + len(PREFIX) - self.skipped


def read_statement(duck: duckdb.DuckDBPyConnection, sql: str) -> Statement:
    """The single query in a text, with blanks for its semicolons. Raises QueryError for anything else."""
    if "\0" in sql or sql != sql.encode(errors="replace").decode():
        raise QueryError(
            "the query contains characters that are not text: a NUL, or half of a surrogate pair"
        )
    type_, parameters = _parse(duck, sql, sql)
    tokens = split_tokens(sql)
    explain, rest = (
        _without_explain(tokens) if type_ == duckdb.StatementType.EXPLAIN else ("", tokens)
    )
    body = "".join(text for text, _ in rest)
    if explain:
        type_, parameters = _parse(duck, body, sql)
    if type_ not in QUERIES:
        raise QueryError(f"only queries are allowed here ({ALLOWED}), not {type_.name}")
    _refuse_strings_that_run(rest)
    blank = "".join(
        text.replace(";", " ") if kind == token_type.operator else text for text, kind in rest
    )
    return Statement(blank, explain, len(sql.encode()) - len(body.encode()), parameters)


def find_parameters(sql: str) -> tuple[str, ...]:
    """The names of a text's ``$name`` parameters in the order in which they first stand there; none from strings and comments."""
    found = [
        text.strip()
        for (before, _), (text, _) in pairwise(split_tokens(sql))
        if before == "$" and text[:1].isidentifier()
    ]
    return tuple(dict.fromkeys(found))


def _parse(
    duck: duckdb.DuckDBPyConnection, text: str, sql: str
) -> tuple[duckdb.StatementType, frozenset[str]]:
    """The kind and the parameters of the one statement in a text, which is the end of `sql`."""
    try:
        statements = duck.extract_statements(text)
    except duckdb.Error as error:
        if is_memory(error):
            raise
        raise QueryError(
            explain_error(error, sql, len(text.encode()) - len(sql.encode()))
        ) from error
    if len(statements) != 1:
        raise QueryError(
            "run one query at a time" if statements else 'the query is empty: try "FROM clips"'
        )
    try:
        return statements[0].type, frozenset(statements[0].named_parameters)
    except ValueError as error:  # a kind without a name in Python, as UPDATE EXTENSIONS
        raise QueryError(
            f"only queries are allowed here ({ALLOWED}), not {_first_word(text).upper()}"
        ) from error


def _first_word(text: str) -> str:
    words = (token.strip(" \n\t\r;") for token, kind in split_tokens(text) if _is_word(token, kind))
    return next(filter(None, words), "")


def _without_explain(tokens: list[Token]) -> tuple[str, list[Token]]:
    """EXPLAIN and its settings in our own words, out of short lists, and the tokens after them."""
    words = [
        (place, text.strip().lower())
        for place, (text, kind) in enumerate(tokens)
        if _is_word(text, kind) and text.strip(" \n\t\r;")
    ]
    place, first = words.pop(0)
    if first != "explain":
        raise QueryError("write EXPLAIN before the query that it explains")
    settings = ["ANALYZE"] if words and words[0][1] == "analyze" else []
    if settings:
        place = words.pop(0)[0]
    elif len(words) > 1 and words[0][1] == "(" and words[1][1] in ("analyze", "format"):
        place, settings = _read_bracketed(words)
    written = f"({', '.join(settings)}) " if settings else ""
    return f"EXPLAIN {written}", tokens[place + 1 :]


def _read_bracketed(words: list[tuple[int, str]]) -> tuple[int, list[str]]:
    """The settings in ``(ANALYZE, FORMAT json)`` and the place of the closing parenthesis."""
    end = next((number for number, (_, word) in enumerate(words) if word == ")"), None)
    if end is None:
        raise QueryError(
            "EXPLAIN ( is not closed: write EXPLAIN (FORMAT json) and the query after it"
        )
    settings = []
    for setting in " ".join(word for _, word in words[1:end]).split(","):
        match setting.split():
            case ["analyze"] | ["analyze", "true"]:
                settings.append("ANALYZE")
            case ["format", name] if name in EXPLAINED_AS:
                settings.append(f"FORMAT {name}")
            case _:
                raise QueryError(
                    f"EXPLAIN takes ANALYZE and FORMAT {', '.join(EXPLAINED_AS)} here, not {setting.strip()}"
                )
    return words[end][0], settings


def _is_word(text: str, kind: token_type | None) -> bool:
    return kind not in (None, token_type.comment)


def _refuse_strings_that_run(tokens: list[Token]) -> None:
    words = [text.strip() for text, kind in tokens if _is_word(text, kind)]
    for name, following in pairwise(words):
        if name.strip('"').lower() in RUN_STRINGS and following.startswith("("):
            raise QueryError(f"{name}() is not allowed here: write the query that it would run")
