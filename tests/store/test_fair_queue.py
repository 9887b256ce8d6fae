"""Whose query runs next: slow ones give their place to quick ones, nobody has more than a share, and nobody waits for ever."""

import threading
import time
from contextlib import ExitStack

import pytest

from tubelet.store.errors import QueryError
from tubelet.store.sandbox import fair_queue
from tubelet.store.sandbox.fair_queue import ASKER, FairQueue, QuerySlots
from tubelet.store.sandbox.limits import VisitorLimits
from tubelet.store.sandbox.worker_pool import EXPORTING, EXPORTS, PROCESSES, set_places


def test_a_slow_query_moves_stays_or_gives_its_place_up(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FairQueue(QuerySlots(quick=1, lasting=1, per_asker=9))
    with ExitStack() as stack:
        first = stack.enter_context(queue.wait())
        assert queue.may_stay(first) and not first.lasting
        monkeypatch.setattr(fair_queue, "QUICK_S", 0.0)
        assert queue.may_stay(first) and first.lasting, "a place for slow queries is free"
        second = stack.enter_context(queue.wait())
        assert queue.may_stay(second) and not second.lasting, "nobody waits for its place"
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


def test_one_asker_has_its_share_and_a_wait_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FairQueue(QuerySlots(quick=3, lasting=0, per_asker=1))
    monkeypatch.setattr(fair_queue, "LONGEST_WAIT_S", 0.3)
    with queue.wait():
        with pytest.raises(QueryError, match="3 at once, 1 of one visitor"), queue.wait():
            pass
        with pytest.raises(QueryError, match="disconnected"), queue.wait(unwanted=lambda: True):
            pass


def _until(holds) -> None:
    until = time.monotonic() + 10
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
