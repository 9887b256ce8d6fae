"""`tubelet annotate`: labels, masks and points from files."""

from pathlib import Path
from typing import Any

import click

from tubelet.cli.options import command, fill, json_option, store_option
from tubelet.cli.printing import print_result
from tubelet.cli.recording import record_job
from tubelet.store.annotations.importing import ImportOptions


@command(ImportOptions)
@click.argument("files", nargs=-1, metavar="[FILE...]", type=click.Path(path_type=Path))
@store_option
@click.option(
    "--forget", multiple=True, metavar="SOURCE", help="Remove what a source imported; repeatable."
)
@click.option("--list", "listing", is_flag=True, help="List the sources that were imported.")
@json_option
@record_job
def annotate(
    files: tuple[Path, ...],
    store: str,
    store_options: dict[str, str],
    forget: tuple[str, ...],
    listing: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Import labels, masks and points for the videos of a store, all files or none.

    FILE is CSV, TSV, Parquet, JSON lines, a list of paths and class numbers, or a folder of masks (indexed PNGs, a folder per video). A
    file of the same name replaces what it brought before. Rows of videos that the store does not hold are counted and listed.
    """
    from tubelet.media.mask_folder import MaskFolder
    from tubelet.store import Store
    from tubelet.store.annotations import importing

    if bool(files) + bool(forget) + listing != 1:
        raise click.UsageError("pass exactly one of: FILES to import, --forget SOURCE, --list")
    opened = Store(store, options=store_options)
    if forget:
        click.echo("\n".join(importing.forget(opened, forget)))
    elif listing:
        _print_sources(importing.list_sources(opened), as_json)
    else:
        sources = [
            MaskFolder(path) if path.is_dir() else importing.TableFile(path) for path in files
        ]
        print_result(importing.import_sources(opened, sources, fill(ImportOptions, asked)), as_json)


def _print_sources(sources: list[dict], as_json: bool) -> None:
    from tubelet.store.sandbox.json_text import json_text
    from tubelet.store.wording import count, escape_controls

    if as_json:
        click.echo(json_text(sources, indent=1))
    for row in [] if as_json else sources:
        unmatched = f", {count(row['unmatched'], 'row')} unmatched" if row["unmatched"] else ""
        rows = count(row["rows"], row["kind"].removesuffix("s"))
        added = f"{row['added_at']:%Y-%m-%d %H:%M} UTC"
        click.echo(escape_controls(f"{row['source']}: {rows}{unmatched}, {added}, {row['path']}"))
