"""`tubelet sql` and `tubelet schema`: SQL queries, and the tables they can use."""

from pathlib import Path

import click

from tubelet.cli.options import OutputFile, command, store_option

FORMATS = click.Choice(["table", "csv", "json", "parquet"])


@command()
def schema() -> None:
    """Print every table and column with its meaning and unit, as Markdown."""
    from tubelet.store.schema import markdown

    click.echo(markdown())


@command()
@store_option
@click.argument("query")
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
    help="Write all rows to FILE.csv, FILE.json, FILE.parquet or FILE.txt.",
)
@click.option("--all", "whole", is_flag=True, help="Show every row and column in full.")
def sql(store: str, query: str, format_: str | None, output: Path | None, whole: bool) -> None:
    """Answer a SQL query over the store, read-only.

    A terminal shows what fits and the number of rows; a file, csv and json always contain all of them.
    """
    from tubelet.store import Store
    from tubelet.store.sandbox import printed_answers
    from tubelet.store.sandbox.formats import format_of

    asked = printed_answers.Printing(format_of(format_, output), output, whole)
    printed_answers.answer(Store(store), query, asked)
