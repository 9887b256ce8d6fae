"""`tubelet report` and `tubelet pairs`: the effect of shifting a window, over many videos."""

import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

import click

from tubelet.cli.batches import run_on_cluster, tell
from tubelet.cli.interrupts import stop_on_signals
from tubelet.cli.options import (
    OutputFile,
    command,
    fill,
    json_option,
    store_option,
)
from tubelet.cli.printing import print_result
from tubelet.cli.recording import record_job
from tubelet.ingest.cluster_options import CpuClusterOptions
from tubelet.store.pairs.stored import StoredPairs


class Reports(click.Group):
    """A command per report of the catalogue, with the options of the report. Options may stand before the name, too."""

    def list_commands(self, context: click.Context) -> list[str]:
        from tubelet.reports.catalogue import REPORTS

        return list(REPORTS)

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(context, self._name_first(context, args))

    def _name_first(self, context: click.Context, args: Sequence[str]) -> list[str]:
        if not args or not args[0].startswith("-") or set(args) & set(context.help_option_names):
            return list(args)
        name = next(
            (argument for argument in args if argument in self.list_commands(context)), None
        )
        if name is None:
            context.fail(
                f"no report was named: pass one of {', '.join(self.list_commands(context))}"
            )
        return [name, *args[: args.index(name)], *args[args.index(name) + 1 :]]

    def get_command(self, context: click.Context, name: str) -> click.Command:
        """The command of a report. Raises ReportError for a name that is not in the catalogue."""
        from tubelet.reports.catalogue import report as known

        return _make_command(name, known(name))


def _make_command(name: str, known: Any) -> click.Command:
    @command(known.options, name=name)
    @store_option
    @click.option(
        "-o",
        "--output",
        type=OutputFile(),
        required=True,
        help="FILE.html, FILE.md or FILE.parquet.",
    )
    @record_job
    def write(store: str, store_options: dict[str, str], output: Path, **asked: Any) -> None:
        from tubelet.store import Store

        opened = Store(store, options=store_options)
        known.write(opened, fill(known.options, asked), output)
        click.echo(f"{output}: {output.stat().st_size / 1e6:.2f} MB")

    write.help, write.short_help = (
        f"Write a report over the videos of a store: {known.title}",
        known.title,
    )
    return write


@click.group(cls=Reports)
def report() -> None:
    """Write a report over the videos of a store to one HTML, Markdown or Parquet file."""


@command(StoredPairs, CpuClusterOptions)
@store_option
@json_option
@record_job
def pairs(
    store: str, store_options: dict[str, str], as_json: bool, ray: str | None, **asked: Any
) -> None:
    """Measure pairs of clips that are already stored, from their half-precision files.

    Exit code 0: all measured; 1: the files of some are damaged, listed; 2: wrong use; 130: stopped by Ctrl-C.
    """
    from tubelet.store import Store
    from tubelet.store.pairs.stored import measure_stored

    stopping = Event()
    opened, options = Store(store, options=store_options), fill(StoredPairs, asked)
    if ray:
        from tubelet.ingest.stored_batches import PairsBatches

        reached = store, store_options
        outcome = run_on_cluster(PairsBatches(options), opened, reached, (ray, "cpu"), tell("pair"))
    else:
        stop_on_signals("stopping after the current pair", stopping.set)
        outcome = measure_stored(opened, options, stopping, tell("pair"))
    print_result(outcome, as_json)
    sys.exit(outcome.exit_code)
