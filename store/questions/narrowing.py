"""Which owners of rows a query is about: it then reads the files alone that may hold them, however many a table has.

    find_keys("SELECT avg(norm) FROM token_stats WHERE clip_id = ?", [clip_id])      # {"token_stats": {clip_id}}

DuckDB looks at every row group of every file for each query. Its optimizer is asked instead, over empty tables: a table is named here where each
scan of it has a condition that only some keys meet. Whatever cannot be planned is not narrowed.
"""

import atexit
import json
import re
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import duckdb

from tubelet.store.schema import RELATIONS
from tubelet.store.schema.functions import FUNCTIONS, create_macro

LITERAL = r"'[0-9A-Za-z_-]+'"
EXPLAINED = re.compile(r"^\s*EXPLAIN\s+(ANALYZE\s+)?(\([^)]*\)\s*)?", re.IGNORECASE)
NEEDED = {"expression_rewriter", "filter_pullup", "filter_pushdown", "in_clause", "cte_inlining"}
SETTINGS = {
    "explain_output": "'optimized_only'",
    "memory_limit": "'128MB'",
    "temp_directory": "''",
    "python_enable_replacements": "false",
    "enable_external_access": "false",
}
Keys = dict[str, set[str]]  # table name to keys
PLANNING = threading.Lock()


def find_keys(sql: str, parameters: Any = None) -> Keys:
    """The keys that a query's conditions leave of tables whose rows have owners; a table of which it needs more is not named."""
    named = [table for table in RELATIONS.values() if table.owner and table.name in sql.lower()]
    if not any(table.key[0] in sql.lower() for table in named):
        return {}
    try:
        with PLANNING:
            plan = _plan(sql, parameters)
    except (duckdb.Error, ValueError):  # the query itself says what is wrong
        return {}
    found: dict[str, list[set[str]]] = {}
    for name, conditions in _scans(plan):
        if (table := RELATIONS.get(name)) and table.owner:
            found.setdefault(name, []).append(_keys_of(conditions, table.key[0]))
    return {name: set().union(*scans) for name, scans in found.items() if all(scans)}


def _plan(sql: str, parameters: Any) -> list[dict]:
    """The plan of a query, or of the one that a text asks to explain. Raises ValueError for more than one statement: nothing but a plan is made."""
    (statement,) = _planner().extract_statements(
        f"EXPLAIN (FORMAT json) {EXPLAINED.sub('', sql, count=1)}"
    )
    if isinstance(parameters, Mapping):
        parameters = {name: parameters.get(name) for name in statement.named_parameters}
    ((_, plan),) = _planner().execute(statement, parameters or None).fetchall()
    return json.loads(plan)


@cache
def _planner() -> duckdb.DuckDBPyConnection:
    """The relations of the schema, empty, and an optimizer that goes by the query alone, never by what the tables hold."""
    planner = duckdb.connect(":memory:")
    atexit.register(planner.close)  # an open connection prints leak notes
    for table in RELATIONS.values():
        columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
        planner.execute(f"CREATE TABLE {table.name} ({columns})")
    for function in FUNCTIONS.values():
        if function.macro:
            planner.execute(create_macro(function))
    names = [name for (name,) in planner.execute("FROM duckdb_optimizers()").fetchall()]
    unwanted = ",".join(name for name in names if name not in NEEDED)
    for name, value in {**SETTINGS, "disabled_optimizers": f"'{unwanted}'"}.items():
        planner.execute(f"SET {name} = {value}")
    planner.execute("SET lock_configuration = true")
    return planner


def _scans(nodes: list[dict]) -> Iterator[tuple[str, list[str]]]:
    """Every scan of a table in a plan, with its conditions."""
    for node in nodes:
        told = node.get("extra_info", {})
        if "Table" in told:
            conditions = told.get("Filters", [])
            yield (
                told["Table"].rpartition(".")[2],
                [conditions] if isinstance(conditions, str) else conditions,
            )
        yield from _scans(node.get("children", []))


def _keys_of(conditions: list[str], column: str) -> set[str]:
    """The keys that one of the conditions allows; none where no condition bounds them."""
    one = rf"\({column} = {LITERAL}\)"
    some = rf"(?:optional: )?(?:{one}|\({column} IN \({LITERAL}(?:, {LITERAL})*\)\)|\({one}(?: OR {one})*\))"
    for condition in conditions:
        if re.fullmatch(some, condition):
            return {literal.strip("'") for literal in re.findall(LITERAL, condition)}
    return set()
