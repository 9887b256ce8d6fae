"""Many machines write into one bucket: a slow one is not outrun for ever, and a turn whose writer died is over by itself."""

import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests import buckets
from tests.buckets import URL
from tests.stores import Recipe, add_videos, fill_store
from tubelet.store import Store
from tubelet.store.disk import integrity
from tubelet.store.remote import turn
from tubelet.store.remote.address import read_address
from tubelet.store.remote.bucket import Bucket
from tubelet.store.remote.turn import NAME, CommitTurn

ONE = Recipe(videos=1, clips=1, slices=2, side=2, dim=8)
SLOW_S = 0.5  # that the slow machine takes longer


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with buckets.serve_faulty():
        yield


@pytest.fixture
def turns() -> Iterator[list[CommitTurn]]:
    buckets.clear()
    yield [CommitTurn(Bucket(read_address(URL), {})) for _ in range(2)]


def test_a_writer_that_is_outrun_has_a_turn_until_its_commit_is_made(
    turns: list[CommitTurn],
) -> None:
    slow, fast = turns
    fast.wait()
    slow.wait()
    slow.lose()
    assert NAME not in buckets.held()
    slow.wait()
    assert NAME in buckets.held()
    passed = threading.Event()
    waiting = threading.Thread(target=lambda: (fast.wait(), passed.set()))
    waiting.start()
    slow.wait()  # it is its own
    assert not passed.wait(1)
    slow.end()
    assert passed.wait(10) and NAME not in buckets.held()
    waiting.join()


def test_a_turn_that_nobody_ends_is_over(
    turns: list[CommitTurn], monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, living = turns
    dead.lose()
    dead.wait()
    monkeypatch.setattr(turn, "LASTS_S", 0.5)
    before = time.monotonic()
    living.wait()
    assert 0.5 < time.monotonic() - before < 20 and NAME not in buckets.held()
    dead.wait()  # and one that was only slow goes on


@pytest.mark.long
def test_a_slow_machine_is_not_outrun_for_ever(tmp_path: Path, caplog) -> None:
    buckets.clear()
    fill_store(first := Store.create(URL, {"cache": str(tmp_path / "first")}), ONE)
    stores = [Store(URL, options={"cache": str(tmp_path / name)}) for name in ("second", "slow")]
    slow, numbers, enough, wrong = stores.pop(), count(2), threading.Event(), []
    home = slow.layout.home
    publish = home.publish
    home.publish = lambda new: (time.sleep(SLOW_S), publish(new))

    def hurry(store: Store) -> None:
        try:
            while not enough.is_set():
                add_videos(store, ONE, first=next(numbers))
        except BaseException as error:
            wrong.append(error)

    hurrying = [threading.Thread(target=hurry, args=[store]) for store in (first, *stores)]
    with caplog.at_level("DEBUG", "tubelet"):
        for thread in hurrying:
            thread.start()
        add_videos(slow, ONE, first=1)
        enough.set()
        for thread in hurrying:
            thread.join()
    assert not wrong
    outrun = sum("made again" in record.message for record in caplog.records)
    assert outrun and NAME not in buckets.held()
    for store in (first, *stores, slow):
        store.close()
    found = Store(URL, fresh=True)
    videos = [row["video_id"] for row in found.rows("SELECT video_id FROM videos")]
    assert list(integrity.check(found)) == [] and len(set(videos)) == len(videos)
    found.close()
