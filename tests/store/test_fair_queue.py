"""Whose query runs next: slow ones give their place to quick ones, nobody has more than a share, and nobody waits for ever."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.stores import synthetic_store
from tubelet.store.errors import QueryError
from tubelet.store.sandbox import fair_queue
from tubelet.store.sandbox.fair_queue import ASKER, FairQueue, QuerySlots
from tubelet.store.sandbox.limits import VisitorLimits
from tubelet.store.sandbox.untrusted import Limits, ask
from tubelet.store.sandbox.worker_pool import (
    EXPORTING,
    EXPORTS,
    PROCESSES,
    SLOW,
    Process,
    Processes,
    set_places,
)

ENDLESS = "SELECT count(*) FROM range(100000000000) AS r(i) WHERE hash(i) % 7 = i % 7"
LONG_S = 300  # for what a busy machine still does


@pytest.mark.long
def test_fifteen_sessions_are_answered_beside_five_that_never_end(tmp_path: Path) -> None:
    store, over = synthetic_store(tmp_path / "store", videos=1), threading.Event()
    answered: list[int] = []
    refused: list[str] = []

    def linger(name: str) -> None:
        ASKER.set(name)
        try:
            ask(store, ENDLESS, Limits(seconds=2 * LONG_S), over.is_set)
        except QueryError as error:
            refused.append(str(error))

    def work(name: str) -> None:
        ASKER.set(name)
        answered.extend(
            ask(store, f"SELECT {number} * count(*) AS n FROM videos").table["n"][0].as_py()
            for number in range(3)
        )

    slow = [_start(linger, f"slow {number}") for number in range(5)]
    _until(lambda: PROCESSES.queue.count() == (5, 0), LONG_S)
    quick = [_start(work, f"quick {number}") for number in range(15)]
    for thread in quick:
        thread.join(LONG_S)
    assert sorted(answered) == sorted([0, 1, 2] * 15) and not refused, "nobody waited for their end"
    over.set()
    for thread in slow:
        thread.join(LONG_S)
    assert refused == ["stopped: the client has disconnected"] * 5
    store.close()


def test_a_server_keeps_a_process_ready(tmp_path: Path) -> None:
    processes = Processes(QuerySlots())
    processes.keep_ready()
    processes.keep_ready()
    _until(lambda: not processes._starting, LONG_S)
    with processes.one() as process:
        assert process.ready and not processes._idle, "one was started, and it is taken"
    processes.keep_ready()
    with processes.one() as again:
        assert again is process, "where one waits, no other is started"
    processes.close()


def test_a_slow_query_gives_way_where_niceness_counts_by_session_too() -> None:
    process = Process()
    process.give_way()
    pid = process._process.pid
    session = Path(f"/proc/{pid}/autogroup")
    told = session.read_text() if session.exists() else f"nice {SLOW}"
    assert os.getpriority(os.PRIO_PROCESS, pid) == SLOW and told.strip().endswith(f"nice {SLOW}")
    assert not process.ready, "it is not kept for a quick query"
    process.close()


def test_a_slow_query_moves_stays_or_gives_its_place_up(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FairQueue(QuerySlots(quick=1, lasting=1, per_asker=9))
    with ExitStack() as stack:
        first = stack.enter_context(queue.wait())
        assert queue.may_stay(first) and not first.lasting
        monkeypatch.setattr(fair_queue, "QUICK_S", 0.0)
        assert queue.may_stay(first) and first.lasting, "a place for slow queries is free"
        second = stack.enter_context(queue.wait())
        assert queue.may_stay(second) and not second.lasting, "nobody waits for its place"
        assert second.slow, "it gives way all the same"
        waiting = threading.Thread(target=lambda: queue.wait().__enter__(), daemon=True)
        waiting.start()
        _until(lambda: not queue.may_stay(second))
        assert queue.may_stay(first)
    waiting.join(10)
    assert not waiting.is_alive(), "who waited had the place"


def test_of_those_who_wait_goes_first_who_has_used_least(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, order = FairQueue(QuerySlots(quick=1, lasting=0, per_asker=9)), []

    def work(asker: str) -> None:
        ASKER.set(asker)
        with queue.wait():
            order.append(asker)

    ASKER.set("greedy")
    with queue.wait():
        time.sleep(0.2)
    with queue.wait():
        threads = [threading.Thread(target=work, args=(name,)) for name in ("greedy", "modest")]
        for thread in threads:
            thread.start()
            time.sleep(0.1)
    for thread in threads:
        thread.join(10)
    ASKER.set("")
    assert order == ["modest", "greedy"]


def test_who_has_used_much_leaves_a_place_and_what_is_ready_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue = FairQueue(QuerySlots(quick=2, lasting=0, per_asker=9))
    monkeypatch.setattr(fair_queue, "MUCH_S", 0.1)
    ASKER.set("greedy")
    with queue.wait():
        time.sleep(0.3)
    with queue.wait() as first:
        assert not queue.has_used_much(first), "nobody else is there"
        monkeypatch.setattr(fair_queue, "LONGEST_WAIT_S", 0.3)
        with pytest.raises(QueryError), queue.wait():
            pytest.fail("it took the last place")
        ASKER.set("modest")
        with queue.wait() as other:
            assert queue.has_used_much(first) and not queue.has_used_much(other)
    ASKER.set("")


def test_one_asker_has_its_share_and_a_wait_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FairQueue(QuerySlots(quick=3, lasting=0, per_asker=1))
    monkeypatch.setattr(fair_queue, "LONGEST_WAIT_S", 0.3)
    with queue.wait():
        with pytest.raises(QueryError, match="3 at once, 1 of one visitor"), queue.wait():
            pass
        with pytest.raises(QueryError, match="disconnected"), queue.wait(unwanted=lambda: True):
            pass


def _start(work: Callable[[str], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=work, args=(name,), daemon=True)
    thread.start()
    return thread


def _until(holds: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_server_says_how_many_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PROCESSES.queue, "places", PROCESSES.queue.places)  # put back at the end
    monkeypatch.setattr(EXPORTS.queue, "places", EXPORTS.queue.places)
    assert VisitorLimits().places == QuerySlots() and VisitorLimits().download_places == EXPORTING
    limits = VisitorLimits(max_queries=3, max_visitor_queries=1, max_downloads=4)
    again = VisitorLimits.of_json(limits.to_json())
    set_places(again.places, again.download_places)
    assert PROCESSES.queue.places == QuerySlots(quick=2, lasting=1, per_asker=1)
    assert EXPORTS.queue.places.at_once == 4
    assert "3 queries run at once, 1 of one visitor" in again.describe()
    with (
        PROCESSES.queue.wait(),
        pytest.raises(QueryError, match="disconnected"),
        PROCESSES.queue.wait(unwanted=lambda: True),
    ):
        pytest.fail("a second query of one visitor ran")
