"""What an agent can do with a store: ask, look, and read what is saved. Nothing here writes; the SQL runs in the sandbox."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tubelet.dashboard.agents.report_texts import describe_reports, write_report
from tubelet.media.patch_pictures import PictureAddress, draw_patch
from tubelet.store import Store
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.described import describe_answer, describe_schema
from tubelet.store.sandbox.limits import Limits
from tubelet.store.sandbox.untrusted import Query, ask, estimate_reads
from tubelet.store.saved_queries import find_query, list_queries

MOST_CHARACTERS = 200_000  # of an answer: an agent pays for each


@dataclass(frozen=True)
class Tools:
    """The tools over one store. Each raises TubeletError with a sentence for the agent."""

    store: Store
    limits: Limits

    def describe_tables(self, table: str | None = None) -> dict[str, Any]:
        """Every table with what a row of it is, and the functions; the columns of one table where it is named."""
        schema = describe_schema()
        tables: list[dict[str, Any]] = schema["tables"]
        if table is None:
            listed = [{"name": one["name"], "row": one["row"]} for one in tables]
            return {"tables": listed, "functions": schema["functions"]}
        found = next((one for one in tables if one["name"] == table), None)
        if found is None:
            names = ", ".join(one["name"] for one in tables)
            raise QueryError(f"there is no table {table[:80]!r}: choose one of {names}")
        return found

    def run_query(
        self, sql: str, values: Mapping[str, Any] | None = None, max_rows: int | None = None
    ) -> str:
        """The answer as JSON: columns, rows, whether there are more, seconds, bytes read."""
        return self._answer(Query(sql, _check_values(values)), max_rows)

    def estimate_query(self, sql: str, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What the query would read, without running it."""
        found = estimate_reads(self.store, Query(sql, _check_values(values)), self.limits)
        return {**asdict(found), "sentence": found.describe()}

    def list_saved_queries(self) -> dict[str, Any]:
        """The queries that people saved in the store."""
        saved = [
            {"name": one.name, "description": one.description, "sql": one.sql, "parameters": list(one.parameters), "defaults": dict(one.defaults)}
            for one in list_queries(self.store)
        ]  # fmt: skip
        return {"queries": saved}

    def run_saved_query(
        self, name: str, values: Mapping[str, Any] | None = None, max_rows: int | None = None
    ) -> str:
        """The answer of a saved query as JSON, its defaults replaced by the given values."""
        given = {key: _as_text(value) for key, value in _check_values(values).items()}
        return self._answer(find_query(self.store, name).fill(given), max_rows)

    def draw_picture(
        self, clip_id: str, slice: int, y: int | None = None, x: int | None = None
    ) -> bytes:
        """A token's patch among its neighbors, or a whole slice, as PNG."""
        return draw_patch(self.store, PictureAddress(clip_id, slice, y, x))

    def list_reports(self) -> dict[str, Any]:
        """The reports over the videos of the store: the question that each answers, and its options."""
        return describe_reports()

    def read_report(
        self, name: str, options: Mapping[str, Any] | None = None, section: str | None = None
    ) -> str:
        """A report as Markdown: its answer and a list of its sections; with `section` that one, or all of it for "all"."""
        return _refuse_long(write_report(self.store, name, options, section), "ask for one section")

    def _answer(self, query: Query, max_rows: int | None) -> str:
        text = describe_answer(ask(self.store, query, self.limits.lower(rows=max_rows))).decode()
        return _refuse_long(text, "select fewer rows or columns, or aggregate")


def _refuse_long(text: str, way_out: str) -> str:
    """The text. Raises QueryError where it is too long for an agent."""
    if len(text) > MOST_CHARACTERS:
        raise QueryError(
            f"the answer takes {len(text):,} characters, and an agent gets at most {MOST_CHARACTERS:,}: {way_out}"
        )
    return text


def _check_values(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Values of a query's parameters by name. Raises QueryError for what is not a text, a number or a truth value."""
    given = {name.removeprefix("$"): value for name, value in (values or {}).items()}
    if wrong := [name for name, value in given.items() if not isinstance(value, str | int | float)]:
        raise QueryError(f"the value of ${wrong[0][:40]} must be text, a number, true or false")
    return given


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
