"""`tubelet jobs`: what runs on a store, what ran, and how to stop it."""

import shlex
import time
from typing import cast

import click

from tubelet.cli.failures import Refused
from tubelet.cli.options import command, json_option, store_option
from tubelet.store.wording import count


def _print_commands(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from tubelet.cli.forms import describe_commands
        from tubelet.store.jobs.forms import write_forms

        click.echo(write_forms(describe_commands(cast(click.Group, context.find_root().command))))
        context.exit()


@command()
@store_option
@click.option("--stop", metavar="ID", help="Stop a job as Ctrl-C does; a second --stop kills it.")
@click.option(
    "--commands",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_commands,
    help="Print as JSON the commands that can be jobs, each with its options; needs no --store.",
)
@json_option
def jobs(store: str, store_options: dict[str, str], stop: str | None, as_json: bool) -> None:
    """List the commands that write to a store now and those that did, the newest first; stop one.

    Commands are seen wherever they were started on this machine. The first stop lets a command commit what is done; the second kills it.
    """
    from tubelet.store import Store
    from tubelet.store.jobs import listing
    from tubelet.store.jobs.state import BEING_STOPPED, JobState
    from tubelet.store.sandbox.json_text import json_text

    def line(job: JobState) -> str:
        began = time.strftime("%Y-%m-%d %H:%M", time.gmtime(job.started_at))
        far = f", {job.progress.words}" if job.progress else ""
        said = f": {job.said}" if job.said else ""
        return f"{job.job_id}  {job.status}{far}{said}  ({began} UTC, {job.host})\n  tubelet {shlex.join(job.words)}"

    opened = Store(store, options=store_options)
    if opened.layout.is_partial:
        raise Refused(
            f"no machine knows what runs on {opened.name}: a command on a store in a bucket is watched and stopped where it was started"
        )
    if stop is not None:
        asked = listing.find_job(opened, stop)
        click.echo(listing.stop_job(opened, asked.job_id, kill=asked.status == BEING_STOPPED))
        return
    found = listing.list_jobs(opened)
    if as_json:
        click.echo(json_text([job.as_json() for job in found], indent=1))
        return
    click.echo("\n".join([count(len(found), "job"), *map(line, found)]))
