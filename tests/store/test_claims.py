"""Claims: one holder at a time, taken over from the dead alone, whatever clocks say and whatever strangers write."""

import json
import os
import subprocess
import sys
import threading

import pytest

from tests.commands import ROOT, environment
from tubelet.store.disk.layout import Layout
from tubelet.store.jobs import claims, holder
from tubelet.store.jobs.claims import Claims

HOLD = """
import sys, time
from pathlib import Path
from tubelet.store.disk.layout import Layout
from tubelet.store.jobs.claims import Claims
assert Claims(Layout(Path(sys.argv[1]))).take("k", "g")
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)


@pytest.fixture
def other_process(tmp_path):
    """A process that holds the claim to `k`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=ROOT,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_of_many_threads_one_gets_a_key(layout):
    holders, start = [Claims(layout) for _ in range(8)], threading.Barrier(8)
    got = []

    def attempt(mine):
        start.wait()
        got.extend((mine, key) for key in map(str, range(50)) if mine.take(key, key))

    threads = [threading.Thread(target=attempt, args=(mine,)) for mine in holders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(key for _, key in got) == sorted(map(str, range(50)))
    for mine in holders:
        mine.__exit__(None, None, None)
    assert not list((layout.root / "claims" / "owners").iterdir())


def test_what_was_left_is_taken_by_one_and_only_after_a_look(layout):
    with Claims(layout) as first, Claims(layout) as second, Claims(layout) as third:
        assert first.take("k", "video") and first.take("k", "video")
        assert not second.take("k", "video") and second.look(["k"]) == set()
        first.leave("video")
        assert not second.take("k", "video"), "it does not know the store as it was left"
        assert second.look(iter(["k", "never claimed"])) == {"k"} == third.look(["k"])
        assert second.take("k", "video") and not third.take("k", "video")
        assert not first.has_lost("video") and not second.has_lost("video")


def test_a_process_that_ends_leaves_what_it_held(layout):
    with Claims(layout) as first:
        assert first.take("k", "a")
    with Claims(layout) as second:
        assert not second.take("k", "a") and second.look(["k"]) == {"k"} and second.take("k", "a")


def test_a_live_process_keeps_its_claim_and_a_killed_one_loses_it_at_once(layout, other_process):
    with Claims(layout) as mine:
        assert not mine.take("k", "g") and mine.look(["k"]) == set()
        other_process.kill()
        other_process.wait()
        assert mine.look(["k"]) == {"k"} and mine.take("k", "g")


@pytest.fixture
def machines_apart(monkeypatch):
    """As if every other process ran on another machine, whose locks nobody sees."""
    monkeypatch.setattr(holder, "machine", lambda: "elsewhere")


def test_on_another_machine_only_silence_by_the_own_clock_counts(
    layout, other_process, machines_apart, monkeypatch
):
    clock = [1000.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: clock[0])
    (owner,) = (layout.root / "claims" / "owners").iterdir()
    other_process.kill()
    other_process.wait()
    os.utime(owner, (0, 0))  # a clock that is years behind says nothing
    with Claims(layout) as mine:
        assert mine.look(["k"]) == set()
        clock[0] += 0.9 * claims.EXPIRY_S
        assert mine.look(["k"]) == set()
        with open(owner, "r+b") as file:
            file.write(b"7")  # a heartbeat
        assert mine.look(["k"]) == set()
        clock[0] += 0.9 * claims.EXPIRY_S
        assert mine.look(["k"]) == set()
        clock[0] += 0.2 * claims.EXPIRY_S
        assert mine.look(["k"]) == {"k"} and mine.take("k", "g")


def test_hearts_beat_and_one_that_was_silent_learns_that_it_lost(layout, monkeypatch):
    monkeypatch.setattr(claims, "BEAT_S", 0.02)
    with Claims(layout) as slept, Claims(layout) as awake:
        assert slept.take("k", "g")
        (owner,) = (layout.root / "claims" / "owners").iterdir()
        first = owner.read_bytes()
        deadline = threading.Event()
        assert any(owner.read_bytes() != first or deadline.wait(0.05) for _ in range(100))
        monkeypatch.setattr(awake._others, "is_dead", lambda owner, claim: True)
        assert awake.look(["k"]) == {"k"} and awake.take("k", "g")
        assert slept.has_lost("g") and not awake.has_lost("g")


@pytest.mark.parametrize("written", [b"", b"../../etc/passwd", b"\xff" * 16, b"a" * 5000])
def test_a_claim_that_says_nothing_holds_until_it_is_silent(written, layout, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: clock[0])
    (layout.root / "claims").mkdir()
    layout.claim("k", 0).write_bytes(written)
    with Claims(layout) as mine:
        assert not mine.take("k", "g") and mine.look(["k"]) == set()
        clock[0] += claims.EXPIRY_S + 1
        assert mine.look(["k"]) == {"k"} and mine.take("k", "g")


def test_neither_a_fifo_nor_a_link_nor_nonsense_in_an_owner_s_place_stops_anybody(layout):
    owners = layout.root / "claims" / "owners"
    owners.mkdir(parents=True)
    os.mkfifo(owners / ("a" * 16))
    (owners / ("b" * 16)).symlink_to("/dev/zero")
    (owners / ("c" * 16)).write_bytes(b"0" * 16 + json.dumps(["not", "a", "place"]).encode())
    for letter in "abc":
        layout.claim(letter, 0).write_bytes(letter.encode() * 16)
    with Claims(layout) as mine:
        assert "c" not in mine.look("c")
        assert not mine.take("c", "g")
