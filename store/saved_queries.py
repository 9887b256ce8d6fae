"""Queries saved in a store: a name, the SQL with its ``$name`` parameters, their defaults, and the picture that its answer is shown as.

save_query(store, SavedQuery(name="largest", sql="FROM token_stats ORDER BY norm DESC LIMIT $k", defaults={"k": 20}))
find_query(store, "largest").fill({"k": "5"})         a Query to ask, the text of a value read as its default's type
read_toml(write_toml(list_queries(store)))            the file that they are exchanged as
"""

import difflib
import json
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa

from tubelet.store import ids
from tubelet.store.clock import now
from tubelet.store.errors import StoreError
from tubelet.store.sandbox.statements import find_parameters
from tubelet.store.sandbox.untrusted import Query
from tubelet.store.schema import TABLES
from tubelet.store.store import Store

Value = str | int | float | bool
LONGEST_NAME, LONGEST_SQL = 80, 100_000  # characters
MOST_DOTS = 200  # in a line before its =: a key of 20,000 parts takes tomllib half a minute
LONGEST_LINK = 48_000  # characters of an address, which a server and a browser still take
KEPT_PREFIX = "kept:"  # of queries that a short link leads to; lists leave them out
TABLE = "saved_queries"
ASK = f"SELECT query_name, sql, description, defaults, picture FROM {TABLE}"
WORDS = {"true": True, "false": False}
MOST = 1 << 127  # one above the largest number of the widest integer type
WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]{0,38})")  # 007 is text, as an id or a label may be
FRACTION = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(frozen=True, kw_only=True)
class SavedQuery:
    """A query as it is saved. Raises StoreError for what could not be saved or found again."""

    name: str
    sql: str
    description: str = ""
    defaults: Mapping[str, Value] = field(default_factory=dict)
    picture: str = "table"

    def __post_init__(self) -> None:
        if not self.name.strip() or self.name != self.name.strip() or not self.name.isprintable():
            raise StoreError(f"{self.name!r} is not a name for a query: write a few words")
        if len(self.name) > LONGEST_NAME or len(self.sql) > LONGEST_SQL or not self.sql.strip():
            raise StoreError(
                f"a saved query has a name of at most {LONGEST_NAME} characters and up to {LONGEST_SQL:,} characters of SQL"
            )
        if wrong := [name for name, value in self.defaults.items() if not _can_be_kept(value)]:
            raise StoreError(
                f"the default of ${wrong[0]} must be text, a finite number, true or false"
            )

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of its parameters, in the order of the text."""
        return find_parameters(self.sql)

    def fill(self, given: Mapping[str, str]) -> Query:
        """The query with values: those given, as text, else the defaults. Raises StoreError for a value without a parameter, or of another type."""
        if unknown := [name for name in given if name not in self.parameters]:
            known = ", ".join(f"${name}" for name in self.parameters) or "none"
            raise StoreError(f"the query has no parameter ${unknown[0]}; it has {known}")
        read = {name: read_value(text, name, self.defaults.get(name)) for name, text in given.items()}  # fmt: skip
        return Query(self.sql, {**self.defaults, **read})


def _can_be_kept(value: object) -> bool:
    """Whether JSON and TOML have a way to write it."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str) or (isinstance(value, int) and -MOST <= value < MOST)


def read_value(text: str, name: str, default: Value | None = None) -> Value:
    """A parameter's value from text: of its default's type; without one a number or a truth value where it is written as such, else text."""
    if isinstance(default, str):
        return text
    if (text.lower() in WORDS and not isinstance(default, int | float)) or isinstance(
        default, bool
    ):
        if text.lower() not in WORDS:
            raise StoreError(f"${name} is true or false, not {text!r}")
        return WORDS[text.lower()]
    number = _read_number(text, strict=default is None)
    if number is None and default is not None:
        raise StoreError(f"${name} is a number, not {text[:80]!r}")
    return text if number is None else number


def _read_number(text: str, strict: bool) -> int | float | None:
    """The number that a text writes; None for any other text. `strict`: what may be an id, such as 007, is none."""
    if WHOLE.fullmatch(text) and -MOST <= int(text) < MOST:
        return int(text)
    if strict and not re.search(r"[.eE]", text):
        return None
    number = float(text) if FRACTION.fullmatch(text) else math.nan
    return number if math.isfinite(number) else None


def save_query(store: Store, query: SavedQuery) -> None:
    """Save a query; it replaces one of the same name."""
    save_queries(store, [query])


def save_queries(store: Store, queries: Iterable[SavedQuery]) -> None:
    """Save several at once, each in place of one of its name. Raises StoreError for a name that is reserved for short links."""
    by_name = {query.name: query for query in queries}
    if reserved := [name for name in by_name if name.startswith(KEPT_PREFIX)]:
        raise StoreError(
            f"{reserved[0]!r} begins with {KEPT_PREFIX}, which is reserved for short links of the dashboard: choose another name"
        )
    _commit(store, by_name)


def keep_query(store: Store, query: Query, picture: str) -> str:
    """Keep a query with its values and picture for a short link; its id, which is the same for the same query. Nothing is written
    where the store keeps it already. Raises StoreError for what cannot be saved."""
    values = json.dumps(dict(query.values), sort_keys=True)
    if len(quote_plus(query.sql + values)) > LONGEST_LINK:
        raise StoreError(
            f"an address carries about {LONGEST_LINK:,} characters, fewer than this query has: save it under a name instead"
        )
    kept_id = ids.hash_parts("query", query.sql, values, picture)
    name = f"{KEPT_PREFIX}{kept_id}"
    kept = SavedQuery(name=name, sql=query.sql, defaults=dict(query.values), picture=picture)
    if not store.rows(f"{ASK} WHERE query_name = $name", {"name": name}):
        _commit(store, {name: kept})
    return kept_id


def find_kept(store: Store, kept_id: str) -> SavedQuery | None:
    """The query that a short link leads to; None where the store keeps none under this id."""
    found = store.rows(f"{ASK} WHERE query_name = $name", {"name": f"{KEPT_PREFIX}{kept_id}"})
    return next(iter(_readable(found)), None)


def _commit(store: Store, by_name: Mapping[str, SavedQuery]) -> None:
    rows = [
        {
            "query_name": query.name,
            "sql": query.sql,
            "description": query.description,
            "defaults": json.dumps(dict(query.defaults)),
            "picture": query.picture,
            "saved_at": now(),
        }
        for query in by_name.values()
    ]
    table = pa.Table.from_pylist(rows, schema=TABLES[TABLE].arrow)
    store.commit({TABLE: table}, gone={TABLE: list(by_name)})


def list_queries(store: Store) -> list[SavedQuery]:
    """All saved queries, by name."""
    asked = f"{ASK} WHERE NOT starts_with(query_name, $kept) ORDER BY query_name"
    return list(_readable(store.rows(asked, {"kept": KEPT_PREFIX})))


def _readable(rows: Iterable[Mapping[str, Any]]) -> Iterator[SavedQuery]:
    """Those that can be used: a store from somebody else may hold any row."""
    for row in rows:
        with suppress(StoreError):
            yield _of(row)


def find_query(store: Store, name: str) -> SavedQuery:
    """The query of a name. Raises StoreError where there is none, with the nearest names."""
    found = store.rows(f"{ASK} WHERE query_name = $name", {"name": name})
    if found:
        return _of(found[0])
    names = [query.name for query in list_queries(store)]
    near = difflib.get_close_matches(name, names, cutoff=0.4) or names[:3]
    hint = f"did you mean {', '.join(near)}?" if near else "no query is saved in it yet"
    raise StoreError(f"{store.name} has no saved query {name!r}: {hint}")


def remove_query(store: Store, name: str) -> None:
    """Take a saved query out. Raises StoreError where there is none."""
    if not store.rows(f"{ASK} WHERE query_name = $name", {"name": name}):
        find_query(store, name)
    store.commit({}, gone={TABLE: [name]})


def write_toml(queries: Iterable[SavedQuery]) -> str:
    """Queries as TOML, each a ``[[query]]``."""
    return "\n".join(map(_toml, queries))


def read_toml(text: str) -> list[SavedQuery]:
    """Queries from TOML. Raises StoreError where it is not what `write_toml` writes."""
    if any(line.partition("=")[0].count(".") > MOST_DOTS for line in text.splitlines()):
        raise StoreError(f"this file has a key of more than {MOST_DOTS} parts, which no query has")
    try:
        found = tomllib.loads(text).get("query", [])
        queries = [_of_toml(entry) for entry in found]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(
            f"this is not a file of saved queries ({error}): each begins with [[query]] and has a name and sql"
        ) from error
    if not queries:
        raise StoreError(
            "this file has no [[query]] in it: `tubelet queries export` writes such files"
        )
    return queries


def _of(row: Mapping[str, Any]) -> SavedQuery:
    """Raises StoreError for a row that no query can be made of."""
    try:
        defaults = dict(json.loads(row["defaults"] or "{}").items())
    except (ValueError, AttributeError, RecursionError) as error:
        raise StoreError(
            f"the saved query {row['query_name']!r} has defaults that cannot be read: remove it with `tubelet queries remove`, or save it again"
        ) from error
    return SavedQuery(
        name=row["query_name"] or "",
        sql=row["sql"] or "",
        description=row["description"] or "",
        defaults=defaults,
        picture=row["picture"] or "table",
    )


def _of_toml(entry: Mapping[str, Any]) -> SavedQuery:
    texts = {name: entry.get(name, "") for name in ("name", "sql", "description")}
    if not all(isinstance(value, str) for value in texts.values()):
        raise TypeError("name, sql and description must be text")
    defaults = entry.get("defaults", {})
    return SavedQuery(**texts, defaults=dict(defaults.items()), picture=str(entry.get("picture", "table")))  # fmt: skip


def _toml(query: SavedQuery) -> str:
    defaults = "".join(f"{json.dumps(k)} = {_toml_value(v)}\n" for k, v in query.defaults.items())
    return (
        f"[[query]]\nname = {_toml_text(query.name)}\ndescription = {_toml_text(query.description)}\n"
        f"picture = {_toml_text(query.picture)}\nsql = {_toml_lines(query.sql)}\n"
        + (f"[query.defaults]\n{defaults}" if defaults else "")
    )


def _toml_value(value: Value) -> str:
    return _toml_text(value) if isinstance(value, str) else json.dumps(value)


def _toml_text(text: str) -> str:
    return '"' + "".join(map(_escape, text)) + '"'


def _toml_lines(text: str) -> str:
    """A text over several lines; the line break after the opening quotes is not part of it."""
    return '"""\n' + "".join(c if c in "\n\t" else _escape(c) for c in text) + '"""'


def _escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    code = ord(character)
    return character if code >= 32 and code != 127 else f"\\u{code:04x}"
