"""The editor of the SQL page: CodeMirror over the page's text area, with the schema to complete from."""

import re
from dataclasses import asdict, dataclass

from tubelet.dashboard.components import modules
from tubelet.store.schema import RELATIONS
from tubelet.store.schema.functions import FUNCTIONS

KEY = "editor"
MOUNT = modules.mount("editor")
PLACE = re.compile(r"^LINE (\d+): (.*)\n( *)\^", re.MULTILINE)


@dataclass(frozen=True)
class CompletionName:
    """A column or a function, its type or its arguments, and what it means."""

    name: str
    type: str
    about: str


@dataclass(frozen=True)
class QueryFailure:
    """Where a query failed: the line, from 1, what of it stands before, and why."""

    line: int
    before: str
    message: str


@dataclass(frozen=True, kw_only=True)
class EditorText:
    """What stands in the page's text area, where it failed, and whether it has just been run."""

    query: str
    tables: dict[str, list[CompletionName]]
    functions: list[CompletionName]
    failure: QueryFailure | None
    ran: bool


def show(query: str, error: str, ran: bool) -> None:
    """Draw the editor over the text area that holds the query; `error` is what was said of it, "" where it did not fail."""
    MOUNT(key=KEY, data=asdict(describe(query, error, ran)))


def describe(query: str, error: str = "", ran: bool = False) -> EditorText:
    """What the browser receives."""
    tables = {
        table.name: [CompletionName(c.name, c.type, " · ".join(filter(None, (c.meaning, c.unit)))) for c in table.columns]
        for table in RELATIONS.values()
    }  # fmt: skip
    functions = [CompletionName(f.name, f"({f.arguments})", f.meaning) for f in FUNCTIONS.values()]
    return EditorText(
        query=query, tables=tables, functions=functions, failure=locate(error), ran=ran
    )


def locate(error: str) -> QueryFailure | None:
    """The place that an error names, None where it names none."""
    found = PLACE.search(error)
    if not found:
        return None
    number, line, blanks = found.groups()
    before = line[: max(0, len(blanks) - len(f"LINE {number}: "))]
    return QueryFailure(int(number), before, error.splitlines()[0])
