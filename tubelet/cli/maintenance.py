"""`tubelet check`, `tubelet compact` and `tubelet remove`: verify a store, merge its files, and remove what is not wanted."""

import sys
from typing import Any

import click

from tubelet.cli.options import (
    command,
    json_option,
    store_option,
)
from tubelet.cli.printing import plain, print_result
from tubelet.cli.recording import record_job
from tubelet.store.wording import agree, count


@command()
@store_option
@click.option(
    "--repair",
    is_flag=True,
    help="Delete files that no clip refers to, and un-commit damaged clips so that a rerun restores them.",
)
def check(store: str, store_options: dict[str, str], repair: bool) -> None:
    """Read everything and compare it with what was committed. Exit code 1 if something is wrong."""
    from tubelet.store import Store
    from tubelet.store.disk import integrity, verification

    if repair and (done := Store.recover(store)):
        click.echo(done)
    opened = Store(store, fresh=True, options=store_options)
    problems = list(integrity.check(opened))
    for problem in problems:
        click.echo(plain(str(problem)))
    if problems and repair:
        integrity.repair(opened, problems)
        click.echo(
            f"repaired {count(len(problems), 'problem')}; ingest again to restore the clips and pairs that were damaged"
        )
    elif problems and integrity.ingesting(opened):
        click.echo("an ingest is running: files that it has not committed yet are named here too")
    elif not problems:
        click.echo(f"{store} is whole")
    if repair:
        opened.compact()
        verification.add_seals(opened)
    elif unchecked := verification.count_unchecked(opened):
        click.echo(
            f"{count(unchecked, 'file has', 'files have')} no checksum yet: `tubelet compact --store {opened.shell_name}` adds {agree(unchecked, 'it', 'them')}"
        )
    sys.exit(1 if problems and not repair else 0)


@command()
@store_option
@record_job
def compact(store: str, store_options: dict[str, str]) -> None:
    """Merge the small files of the tables, so that queries over many commits stay fast."""
    from tubelet.store import Store
    from tubelet.store.disk import verification

    opened = Store(store, options=store_options)
    click.echo(f"{count(opened.compact(whole=True), 'file')} merged")
    verification.add_seals(opened)


@command()
@click.argument(
    "kind",
    type=click.Choice(["videos", "encoders", "clips", "transitions", "decoders", "maskings"]),
)
@click.argument("names", nargs=-1, metavar="[ID...]")
@store_option
@click.option(
    "--where",
    metavar="SQL",
    help="Only rows that meet a condition on the table's columns, such as \"label = 'cooking'\", on labels (\"label['split'] = 'test'\") or tags (\"tag('odd')\").",
)
@click.option(
    "--yes",
    "really",
    is_flag=True,
    help="Remove them. Without it, only list what would be removed.",
)
@json_option
def remove(
    kind: str,
    names: tuple[str, ...],
    store: str,
    store_options: dict[str, str],
    where: str | None,
    really: bool,
    as_json: bool,
) -> None:
    """Remove videos, encoders, clips, fitted models or maskings, and everything computed from them: list them first, then remove them with --yes.

    Select them by ID (a video also by its file name, an encoder by its name), by --where, or by both. All or nothing; nothing outside the
    store is touched.
    """
    from tubelet.store import Store
    from tubelet.store.disk import removal

    opened = Store(store, options=store_options)
    chosen = removal.choose(opened, kind, names, where)
    result: Any = removal.remove(opened, chosen) if really else removal.preview(opened, chosen)
    print_result(result, as_json)
