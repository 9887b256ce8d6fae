"""`tubelet queries`: queries kept in a store, exchanged as TOML."""

from pathlib import Path

import click

from tubelet.cli.failures import Refused
from tubelet.cli.options import OutputFile, command, store_option


@click.group(no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def queries(context: click.Context) -> None:
    """List, save, exchange and remove the queries that a store keeps; `tubelet sql --saved NAME` runs one."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command(name="list")
@store_option
def list_saved(store: str, store_options: dict[str, str]) -> None:
    """List the saved queries: name, parameters with their defaults, and description."""
    from tubelet.store import Store
    from tubelet.store.saved_queries import list_queries
    from tubelet.store.wording import escape_controls

    opened = Store(store, options=store_options)
    lines = []
    for query in list_queries(opened):
        values = [f"${name}={query.defaults.get(name, '?')}" for name in query.parameters]
        words = "  ".join(filter(None, [query.name, " ".join(values), query.description]))
        lines.append(escape_controls(words))
    click.echo("\n".join(lines) or "no query is saved yet: run `tubelet queries save`")


@command()
@store_option
@click.argument("name")
@click.argument("query")
@click.option("--description", default="", help="What the query answers, in words.")
@click.option(
    "--picture", default="table", show_default=True, help="How the SQL page shows the result."
)
@click.option(
    "-p",
    "--parameter",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="Default of the query's parameter $NAME; repeatable.",
)
def save(
    store: str,
    store_options: dict[str, str],
    name: str,
    query: str,
    description: str,
    picture: str,
    given: tuple[str, ...],
) -> None:
    """Save a query; it replaces one of the same name."""
    from tubelet.cli.query import split_values
    from tubelet.store import Store
    from tubelet.store.saved_queries import SavedQuery, save_query

    values = SavedQuery(name=name, sql=query).fill(split_values(given)).values
    save_query(
        Store(store, options=store_options),
        SavedQuery(name=name, sql=query, description=description, defaults=values, picture=picture),
    )


@command()
@store_option
@click.argument("name")
def remove(store: str, store_options: dict[str, str], name: str) -> None:
    """Remove a saved query."""
    from tubelet.store import Store
    from tubelet.store.saved_queries import remove_query

    remove_query(Store(store, options=store_options), name)


@command()
@store_option
@click.argument("names", nargs=-1)
@click.option("-o", "--output", type=OutputFile(), help="Write to FILE.toml.  [default: print]")
def export(
    store: str, store_options: dict[str, str], names: tuple[str, ...], output: Path | None
) -> None:
    """Write saved queries as TOML: those named, or all."""
    from tubelet.store import Store
    from tubelet.store.disk.outputs import write_file
    from tubelet.store.saved_queries import find_query, list_queries, write_toml

    opened = Store(store, options=store_options)
    kept = [find_query(opened, name) for name in names] if names else list_queries(opened)
    if output:
        data = write_toml(kept).encode()
        write_file(output, lambda file: file.write(data))
    else:
        click.echo(write_toml(kept), nl=False)


@command(name="import")
@store_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(store: str, store_options: dict[str, str], file: Path) -> None:
    """Save the queries of a TOML file; each replaces one of the same name."""
    from tubelet.store import Store
    from tubelet.store.disk.files import read_regular
    from tubelet.store.saved_queries import read_toml, save_queries

    try:
        text = read_regular(file).decode()
    except UnicodeDecodeError as error:
        raise Refused(f"{file} is not UTF-8: save it as UTF-8, then import it again") from error
    except OSError as error:
        raise Refused(
            f"{file} cannot be read ({error.strerror}): pass a file of `tubelet queries export`"
        ) from error
    found = read_toml(text)
    save_queries(Store(store, options=store_options), found)
    click.echo(f"saved {', '.join(query.name for query in found)}")


list_saved.short_help = "List the saved queries."
for one in (list_saved, save, remove, export, import_):
    queries.add_command(one)
