"""`tubelet tag`: named sets of videos."""

from typing import Any

import click

from tubelet.cli.options import command, json_option, store_option
from tubelet.cli.printing import print_result


@command()
@click.argument("name", required=False, metavar="[TAG]")
@click.argument("videos", nargs=-1, metavar="[VIDEO...]")
@store_option
@click.option(
    "--where",
    metavar="SQL",
    help="The videos that meet a condition, such as \"label['split'] = 'test' AND duration_s > 10\".",
)
@click.option("--note", metavar="TEXT", help="What the tag is for.")
@click.option("--remove", is_flag=True, help="Remove the tag from these videos, or from all.")
@json_option
def tag(
    name: str | None,
    videos: tuple[str, ...],
    store: str,
    store_options: dict[str, str],
    where: str | None,
    note: str | None,
    remove: bool,
    as_json: bool,
) -> None:
    """Give videos a tag, by file name, by ID or by --where; without arguments, list the tags.

    Every --where takes tags: --where "tag('odd')". Several commands and dashboards may tag at once.
    """
    from tubelet.store import Store
    from tubelet.store.annotations import tags

    opened = Store(store, options=store_options)
    if name is None:
        return _print_tags(tags.list_tags(opened), as_json)
    if not videos and where is None and not remove:
        raise click.UsageError(
            f"name the videos that get the tag {name}, or choose them with --where"
        )
    chosen = _choose(opened, videos, where)
    if remove:
        gone = tags.remove_tag(opened, name, chosen)
        return click.echo(f"{name}: taken from {gone:,}")
    members = [tags.TagMember(video_id=video_id) for video_id in chosen or ()]
    return print_result(tags.add_tag(opened, name, members, note), as_json)


def _choose(store: Any, videos: tuple[str, ...], where: str | None) -> list[str] | None:
    from tubelet.store.disk import removal

    if not videos and where is None:
        return None
    return list(removal.choose(store, "videos", videos, where)["videos"])


def _print_tags(rows: list[dict], as_json: bool) -> None:
    from tubelet.store.sandbox.json_text import json_text
    from tubelet.store.wording import count, escape_controls

    if as_json:
        click.echo(json_text(rows, indent=1))
    for row in [] if as_json else rows:
        tokens = f", {count(row['tokens'], 'token')}" if row["tokens"] else ""
        note = f": {row['note']}" if row["note"] else ""
        videos = count(row["videos"], "video")
        click.echo(escape_controls(f"{row['tag']} ({videos}{tokens}){note}"))
