"""`tubelet backfill`: statistics that were added after clips were stored."""

import sys
from threading import Event
from typing import Any

from tubelet.cli.interrupts import stop_on_signals
from tubelet.cli.options import command, fill, json_option, store_option
from tubelet.cli.printing import note, print_result
from tubelet.store.backfill import BackfillOptions
from tubelet.store.wording import count


@command(BackfillOptions)
@store_option
@json_option
def backfill(store: str, as_json: bool, **asked: Any) -> None:
    """Compute statistics that were added after clips were stored, from their embeddings; a rerun does what is missing.

    Exit code 0: all computed; 1: the files of some clips are damaged, listed; 2: wrong use; 130: stopped by Ctrl-C.
    """
    from tubelet.store import Store
    from tubelet.store.backfill import compute_missing

    stopping = Event()
    opened, options = Store(store), fill(BackfillOptions, asked)
    stop_on_signals("stopping after the current clip", stopping.set)
    outcome = compute_missing(opened, options, stopping, _show)
    print_result(outcome, as_json)
    sys.exit(outcome.exit_code)


def _show(done: int, of: int) -> None:
    """A line that a terminal overwrites; lines where there is none."""
    if of:
        terminal = sys.stderr.isatty()
        note(
            f"{chr(13) if terminal else ''}{done:,} of {count(of, 'clip')}",
            end="" if terminal and done < of else "\n",
        )
