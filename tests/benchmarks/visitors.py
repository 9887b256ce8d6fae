"""Twenty visitors of one server, five of whom ask what never ends: what the other fifteen wait for a small answer, against the same without the five.

A run with them and one without alternate. `TUBELET_BENCH_TURNS=1 make bench ARGS=visitors` measures one pair.
"""

import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.measure import Row, milliseconds
from tests.stores import synthetic_store
from tubelet.store import Store
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.fair_queue import ASKER
from tubelet.store.sandbox.untrusted import Limits, ask
from tubelet.store.sandbox.worker_pool import PROCESSES

TURNS = int(os.environ.get("TUBELET_BENCH_TURNS", "3"))
QUICK, ENDLESS, QUESTIONS = 15, 5, 4
THINKING_S = (4.0, 20.0)  # between two questions of a visitor
LIMIT_S = 20.0  # of an endless query
SMALL = "SELECT name, frames, fps FROM videos ORDER BY name LIMIT 20"
NEVER = "SELECT count(*) FROM range(100000000000) AS r(i) WHERE hash(i) % 7 = i % 7"


@dataclass
class Visit:
    """What visitors have waited for: seconds per small answer, and per endless query until it was stopped."""

    small: list[float] = field(default_factory=list)
    stopped: list[float] = field(default_factory=list)


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        store = synthetic_store(Path(folder) / "store", videos=100)
        _visit(store, 0)  # imports, processes
        turns = [(_visit(store, ENDLESS), _visit(store, 0)) for _ in range(TURNS)]
        store.close()
    beside, alone = ([one for turn in turns for one in turn[part].small] for part in (0, 1))
    ratios = [statistics.median(a.small) / statistics.median(b.small) for a, b in turns]
    what = f"a small answer for one of {QUICK} visitors beside {ENDLESS} whose queries never end, median ({milliseconds(_high(beside))} for 1 in 20)"
    without = (
        f"without them {milliseconds(statistics.median(alone))} ({milliseconds(_high(alone))})"
    )
    yield Row(
        what, milliseconds(statistics.median(beside)), without, statistics.median(ratios), "2"
    )
    longest = max(one for a, _ in turns for one in a.stopped)
    what = f"the longest that one of {ENDLESS} endless queries waited and ran, at most {LIMIT_S:g} s each"
    yield Row(
        what, milliseconds(longest), "a place in turn, then its time", longest / LIMIT_S, "ends"
    )


def _high(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def _visit(store: Store, endless: int) -> Visit:
    """Every visitor once; those with endless queries are there before the others."""
    visit, over = Visit(), threading.Event()

    def linger(number: int) -> None:
        ASKER.set(f"endless {number}")
        while not over.is_set():
            started = time.monotonic()
            try:
                ask(store, NEVER, Limits(seconds=LIMIT_S))
            except QueryError:
                visit.stopped.append(time.monotonic() - started)

    def work(number: int) -> None:
        ASKER.set(f"visitor {number}")
        chance = random.Random(number)
        for _ in range(QUESTIONS):
            time.sleep(chance.uniform(*THINKING_S))
            started = time.monotonic()
            assert len(ask(store, SMALL).table) == 20
            visit.small.append(time.monotonic() - started)
            PROCESSES.keep_ready()  # as every page does

    slow = [_start(linger, number) for number in range(endless)]
    time.sleep(3 * bool(endless))
    for thread in [_start(work, number) for number in range(QUICK)]:
        thread.join()
    over.set()
    for thread in slow:
        thread.join()
    assert len(visit.small) == QUICK * QUESTIONS
    return visit


def _start(work: Callable[[int], None], number: int) -> threading.Thread:
    thread = threading.Thread(target=work, args=(number,))
    thread.start()
    return thread
