"""Commands over a store whose work is split into batches: how far they are, and the way to a cluster."""

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tubelet.cli.interrupts import stop_on_signals
from tubelet.cli.printing import note
from tubelet.cli.recording import report_to
from tubelet.store.wording import count

if TYPE_CHECKING:
    from tubelet.ingest.batches import SplitCommand
    from tubelet.store import Store

Tell = Callable[[int, int], None]


def run_on_cluster(
    command: "SplitCommand",
    store: "Store",
    reached: tuple[str, Mapping[str, str]],
    cluster: tuple[str, str],
    tell: Tell,
) -> Any:
    """Do the work of a command on the actors of a cluster, whose address and devices are given; its outcome. `reached` is the store as the command was told it, with the options of its bucket."""
    from tubelet.ingest.batches import BatchCrew, StoreAddress
    from tubelet.ingest.ray_place import RayPlace, find_everywhere

    address, options = reached
    place = RayPlace(*cluster)
    crew = BatchCrew(command, store, StoreAddress(find_everywhere(address), options), place, tell)
    stop_on_signals("stopping after the current clips", crew.stop)
    with store.ingesting():
        return crew.execute()


def tell(noun: str) -> Tell:
    """Says how many of how many are done, to whoever watches the job and on the terminal."""
    from tubelet.store.jobs.state import JobProgress

    report = report_to()

    def both(done: int, of: int) -> None:
        report(JobProgress(done=done, total=of, unit=noun))
        show_progress(done, of, noun)

    return both


def show_progress(done: int, of: int, noun: str) -> None:
    """A line that a terminal overwrites; the last one alone where there is none."""
    terminal = sys.stderr.isatty()
    if terminal or done == of:
        note(
            f"{chr(13) if terminal else ''}{done:,} of {count(of, noun)}",
            end="" if terminal and done < of else "\n",
        )
