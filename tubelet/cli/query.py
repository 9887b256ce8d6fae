"""`tubelet sql` and `tubelet schema`: SQL queries, and the tables they can use."""

from typing import TYPE_CHECKING, Any

import click

from tubelet.cli.options import OutputFile, command, fill, store_option
from tubelet.store.sandbox.limits import OwnLimits

if TYPE_CHECKING:
    from tubelet.store import Store
    from tubelet.store.sandbox.untrusted import Query

FORMATS = click.Choice(["table", "csv", "json", "jsonl", "parquet", "arrow"])


@command()
def schema() -> None:
    """Print every table and column with its meaning and unit, as Markdown."""
    from tubelet.store.schema import markdown

    click.echo(markdown())


@command(OwnLimits)
@store_option
@click.argument("query", required=False)
@click.option(
    "--format",
    "format_",
    type=FORMATS,
    help="Output format.  [default: by the file's extension; on a terminal: table]",
)
@click.option(
    "-o",
    "--output",
    type=OutputFile(),
    help="Write all rows to FILE.csv, .json, .jsonl, .parquet, .arrow or .txt.",
)
@click.option("--all", "whole", is_flag=True, help="Show every row and column in full.")
@click.option(
    "--estimate", is_flag=True, help="Print what the query would read, without running it."
)
@click.option("--saved", metavar="NAME", help="Run a query that is saved in the store.")
@click.option(
    "-p",
    "--parameter",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="Value of the query's parameter $NAME; repeatable.",
)
def sql(
    store: str,
    store_options: dict[str, str],
    query: str | None,
    saved: str | None,
    given: tuple[str, ...],
    **printing: Any,
) -> None:
    """Run a SQL query on the store, read-only.

    A terminal shows what fits and the number of rows; a file, csv and json always contain all of them.
    """
    from tubelet.store import Store
    from tubelet.store.sandbox import printed_answers
    from tubelet.store.sandbox.formats import format_of
    from tubelet.store.sandbox.untrusted import estimate_reads

    if (query is None) == (saved is None):
        raise click.UsageError("pass a query, or the name of a saved one with --saved")
    output = printing["output"]
    asked = printed_answers.Printing(
        format_of(printing["format_"], output),
        output,
        printing["whole"],
        fill(OwnLimits, printing).limits,
    )
    opened = Store(store, options=store_options)
    filled_query = _fill(opened, query, saved, split_values(given))
    if printing["estimate"]:
        click.echo(estimate_reads(opened, filled_query, asked.limits).describe())
    else:
        printed_answers.answer(opened, filled_query, asked)


def _fill(opened: "Store", query: str | None, saved: str | None, given: dict[str, str]) -> "Query":
    """What is asked: a query as it was typed, or a saved one, with its values."""
    from tubelet.store.sandbox.untrusted import Query
    from tubelet.store.saved_queries import SavedQuery, find_query

    if saved is not None:
        return find_query(opened, saved).fill(given)
    return (
        SavedQuery(name="typed", sql=query).fill(given) if query and given else Query(query or "")
    )


def split_values(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if wrong := [name for name, equals, _ in pairs if not equals or not name]:
        raise click.BadParameter(f"write -p NAME=VALUE, not -p {wrong[0]}", param_hint="-p")
    return {name.removeprefix("$"): value for name, _, value in pairs}
