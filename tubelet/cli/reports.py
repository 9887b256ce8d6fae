"""`tubelet report` and `tubelet pairs`: the effect of shifting a window, over many videos."""

import sys
from pathlib import Path
from threading import Event
from typing import Any

import click

from tubelet.reports.sensitivity.request import Request
from tubelet.store.pairs.stored import StoredPairs
from tubelet.cli.interrupts import stop_on_signals
from tubelet.cli.options import OutputFile, command, filled, json_option, store_option
from tubelet.cli.printing import print_result


@command(Request)
@store_option
@click.argument("name", metavar="NAME")
@click.option("-o", "--output", type=OutputFile(), required=True, help="FILE.html, FILE.md or FILE.parquet.")
@click.option("--compare", metavar="KEY=VALUE", help="Compare with another encoder, frames, shift, setting or where, as in shift=2.")
def report(name: str, store: str, output: Path, compare: str | None, **asked: Any) -> None:
    """Write a report over the videos of a store; `sensitivity`: which dimensions react when the window shifts."""
    from tubelet.reports.catalogue import report as known
    from tubelet.store import Store

    known(name).write(Store(store), filled(Request, asked), output, compare)
    click.echo(f"{output}: {output.stat().st_size / 1e6:.2f} MB")


@command(StoredPairs)
@store_option
@json_option
def pairs(store: str, as_json: bool, **asked: Any) -> None:
    """Measure pairs of clips that are already stored, from their half-precision files.

    Exit code 0: all measured; 1: the files of some are damaged, listed; 2: wrong use; 130: stopped by Ctrl-C.
    """
    from tubelet.store import Store
    from tubelet.store.pairs.stored import measure_stored

    stopping = Event()
    stop_on_signals("stopping after the current pair", stopping.set)
    outcome = measure_stored(Store(store), filled(StoredPairs, asked), stopping)
    print_result(outcome, as_json)
    sys.exit(outcome.exit_code)
