"""`tubelet ingest` and `tubelet plan`: the same arguments, once to do it and once to estimate its cost."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tubelet.cli.interrupts import stop_on_signals
from tubelet.cli.options import command, json_option, store_option
from tubelet.cli.printing import print_result
from tubelet.cli.recording import record_job, report_to
from tubelet.ingest.arguments import (
    DEFAULT_ENCODER,
    EncoderOptions,
    RunOptions,
    SourceOptions,
    StorageOptions,
    WindowOptions,
)

if TYPE_CHECKING:
    from tubelet.ingest.team import Team

paths_argument = click.argument("paths", nargs=-1, required=True, metavar="PATH...")
ingest_command: Callable = command(
    EncoderOptions, WindowOptions, StorageOptions, RunOptions, SourceOptions
)


@ingest_command
@paths_argument
@store_option
@json_option
@record_job
def ingest(store: str, store_options: dict[str, str], as_json: bool, **arguments: Any) -> None:
    """Encode videos into a store; a rerun adds only what is missing.

    Exit code 0: all done; 1: some videos failed, listed; 2: wrong use; 130: stopped by Ctrl-C.
    """
    from tubelet.ingest.job import Job
    from tubelet.ingest.team import split_devices

    if not arguments["quiet"]:
        _note_default()
    if arguments["ray"] or len(split_devices(arguments["device"])) > 1:
        team = _choose_team(arguments)(arguments, store, report_to(), store_options)
        stop_on_signals("stopping after the current clips", team.stop)
        summary = team.execute()
    else:
        job = Job.of(**arguments)
        run = job.run(store, report_to(), store_options)
        stop_on_signals("stopping after the current clip", run.stop)
        summary = run.execute(job.sources)
    print_result(summary, as_json)
    sys.exit(summary.exit_code)


@ingest_command
@paths_argument
@json_option
def plan(as_json: bool, **arguments: Any) -> None:
    """Estimate what an ingest makes and costs: clips, tokens, disk, memory, time. Stores nothing."""
    from tubelet.ingest.job import Job

    _note_default()
    print_result(Job.of(**arguments).plan(), as_json)


def _choose_team(arguments: dict[str, Any]) -> "type[Team]":
    if arguments["ray"]:
        from tubelet.ingest.ray_team import RayTeam

        return RayTeam
    from tubelet.ingest.team import Team

    return Team


def _note_default() -> None:
    """One line on standard error where nobody chose an encoder."""
    if click.get_current_context().get_parameter_source("encoder") is ParameterSource.DEFAULT:
        click.echo(
            f"No --encoder: using {DEFAULT_ENCODER}, the small network that comes with Tubelet. "
            "For real work name a released one, such as vjepa2.1-vitl (`tubelet encoders` lists them).",
            err=True,
        )
