"""`tubelet check`, `tubelet compact` and `tubelet remove`: verify a store, merge its files, and remove what is not wanted."""

import sys
from typing import TYPE_CHECKING, Any

import click

from tubelet.cli.options import (
    command,
    json_option,
    store_option,
)
from tubelet.cli.printing import plain, print_result
from tubelet.cli.recording import record_job
from tubelet.store.wording import agree, count

if TYPE_CHECKING:
    from tubelet.store import Store
    from tubelet.store.disk.integrity import Problem


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
    found = _tell_problems(opened)
    left = found and not (repair and _repair(opened, found))
    if left and not repair and integrity.ingesting(opened):
        click.echo("an ingest is running: files that it has not committed yet are named here too")
    elif not found:
        click.echo(f"{store} is whole")
    if repair and not left:
        opened.compact()
        verification.add_seals(opened)
    elif unchecked := verification.count_unchecked(opened):
        click.echo(
            f"{count(unchecked, 'file has', 'files have')} no checksum yet: `tubelet compact --store {opened.shell_name}` adds {agree(unchecked, 'it', 'them')}"
        )
    sys.exit(1 if left else 0)


def _tell_problems(opened: "Store") -> "list[Problem]":
    from tubelet.store.disk import integrity

    problems = list(integrity.check(opened))
    for problem in problems:
        click.echo(plain(str(problem)))
    return problems


def _repair(opened: "Store", problems: "list[Problem]") -> bool:
    """Repair what can be, and what is seen only then; whether nothing is left."""
    from tubelet.store.disk import integrity

    while problems:
        mendable = [problem for problem in problems if problem.is_mendable]
        if not mendable:
            click.echo(
                f"{count(len(problems), 'problem needs', 'problems need')} a backup, as said above; once it is restored, run the same command again"
            )
            return False
        integrity.repair(opened, mendable)
        click.echo(
            f"repaired {count(len(mendable), 'problem')}; ingest again to restore the clips and pairs that were damaged"
        )
        problems = [] if len(mendable) == len(problems) else _tell_problems(opened)
    return True


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
