"""`tubelet backfill`: statistics that were added after clips were stored."""

import sys
from threading import Event
from typing import Any

from tubelet.cli.batches import run_on_cluster
from tubelet.cli.interrupts import stop_on_signals
from tubelet.cli.options import command, fill, json_option, store_option
from tubelet.cli.printing import note, print_result
from tubelet.cli.recording import record_job, report_to
from tubelet.ingest.cluster_options import CpuClusterOptions
from tubelet.store.backfill import BackfillOptions
from tubelet.store.wording import count


@command(BackfillOptions, CpuClusterOptions)
@store_option
@json_option
@record_job
def backfill(
    store: str, store_options: dict[str, str], as_json: bool, ray: str | None, **asked: Any
) -> None:
    """Compute statistics that were added after clips were stored, from their embeddings; a rerun completes what is missing.

    Exit code 0: all computed; 1: the files of some clips are damaged, listed; 2: wrong use; 130: stopped by Ctrl-C.
    """
    from tubelet.store import Store
    from tubelet.store.backfill import compute_missing
    from tubelet.store.jobs.state import JobProgress

    report = report_to()

    def show(done: int, of: int) -> None:
        report(JobProgress(done=done, total=of))
        _show(done, of)

    stopping = Event()
    opened, options = Store(store, options=store_options), fill(BackfillOptions, asked)
    if ray:
        from tubelet.ingest.stored_batches import BackfillBatches

        reached = store, store_options
        outcome = run_on_cluster(BackfillBatches(options), opened, reached, (ray, "cpu"), show)
    else:
        stop_on_signals("stopping after the current clip", stopping.set)
        outcome = compute_missing(opened, options, stopping, show)
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
