"""What ends with the process that asked: its queries, however it ended, and what they have spilled."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.commands import ROOT, environment
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.store.disk import scratch
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.untrusted import Limits, ask, count_rows
from tubelet.store.sandbox.worker_pool import LEAST_BYTES, PROCESSES

ENDLESS = "SELECT count(*) FROM range(1000000000) AS a, range(1000000000) AS b"
SPILLING = "SELECT i, repeat('x', 100) FROM range(100000000) AS n(i) ORDER BY hash(i)"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = synthetic_store(tmp_path_factory.mktemp("ends") / "store", videos=1)
    yield made
    made.close()


def asking(store, folder: Path, query: str) -> subprocess.Popen:
    """`tubelet sql` in a process of its own, with `folder` for temporary files."""
    arguments = [sys.executable, "-m", "tubelet", "sql", query, "--store", str(store.root)]
    return subprocess.Popen(
        arguments,
        env=environment() | {"TMPDIR": str(folder)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def worker_of(folder: Path, seconds: float = 60) -> int:
    """The process that answers in a scratch folder below `folder`, once it is there."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if (
                    str(folder) in (entry / "cmdline").read_text()
                    and "tubelet.store.sandbox.worker" in (entry / "cmdline").read_text()
                ):
                    return int(entry.name)
            except OSError:
                continue
        time.sleep(0.1)
    raise AssertionError("no process answers")


def is_gone(pid: int, seconds: float = 5) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if " Z " in Path(f"/proc/{pid}/stat").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
@pytest.mark.parametrize(
    "number, seconds",
    thin(
        [
            (signal.SIGKILL, 0.3),
            (signal.SIGTERM, 0.1),
            (signal.SIGTERM, 3),
            (signal.SIGHUP, 3),
            (signal.SIGKILL, 3),
            (signal.SIGINT, 3),
        ],
        spread=True,
    ),
)
def test_a_query_ends_with_the_command_and_its_folder_goes(number, seconds, store, tmp_path):
    process = asking(store, tmp_path, ENDLESS)
    worker = worker_of(tmp_path)
    time.sleep(seconds)
    process.send_signal(number)
    _, told = process.communicate(timeout=20)
    assert is_gone(worker), "the query goes on"
    assert process.returncode == {signal.SIGINT: 130, signal.SIGKILL: -signal.SIGKILL}.get(
        number, 128 + number
    )
    assert "Traceback" not in told
    if number == signal.SIGKILL:
        assert list(tmp_path.glob("tubelet-scratch-*"))
        next_one = asking(store, tmp_path, "SELECT 1")
        next_one.communicate(timeout=60)
        assert next_one.returncode == 0
    assert not list(tmp_path.glob("tubelet-scratch-*"))


def test_only_folders_of_the_dead_are_swept(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mine = scratch.make_scratch()
    program = f"import tempfile, time; tempfile.tempdir = {str(tmp_path)!r}; from tubelet.store.disk import scratch; print(scratch.make_scratch(), flush=True); time.sleep(60)"
    other = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    theirs = Path(other.stdout.readline().strip())
    (theirs / "spilled").write_text("x")
    assert scratch.sweep_scratch() == 0 and theirs.exists() and mine.exists()
    (tmp_path / "tubelet-scratch-link").symlink_to(theirs)
    other.kill()
    other.communicate()
    assert scratch.sweep_scratch() == 1 and not theirs.exists() and mine.exists()
    scratch.remove_scratch(mine)
    assert not mine.exists()


def test_a_query_that_nobody_waits_for_is_stopped(store):
    started = time.monotonic()
    with pytest.raises(QueryError, match="client has disconnected"):
        ask(store, ENDLESS, Limits(seconds=60), unwanted=lambda: time.monotonic() > started + 1)
    assert time.monotonic() - started < 20


def test_a_process_started_by_a_thread_outlives_that_thread(store):
    """On Linux the kernel ends a child with the thread that started it: it is started by one that lives as long as we do."""
    from threading import Thread

    PROCESSES.close()
    thread = Thread(target=ask, args=(store, "SELECT 1"))
    thread.start()
    thread.join()
    time.sleep(0.5)
    with PROCESSES.one() as process:
        assert process.ready
        first = process
    ask(store, "SELECT 1")
    with PROCESSES.one() as process:
        assert process is first


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="`ulimit -v` holds on Linux")
@pytest.mark.parametrize("kilobytes", [1_000_000, 1_300_000])
def test_too_little_address_space_is_said_at_once(kilobytes, store):
    base = (1 << 30) + (os.cpu_count() or 1) * (1 << 26)
    if kilobytes * 1024 >= base + LEAST_BYTES:
        pytest.skip("enough for this machine's cores")
    command = f"ulimit -v {kilobytes}; exec {sys.executable} -m tubelet sql 'SELECT 1' --store {store.root}"
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 2 and "ulimit -v" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="`ulimit -v` holds on Linux")
def test_enough_address_space_is_enough(store):
    kilobytes = ((1 << 30) + (os.cpu_count() or 1) * (1 << 26) + LEAST_BYTES) // 1024 + 1
    command = f"ulimit -v {kilobytes}; exec {sys.executable} -m tubelet sql 'SELECT count(*) AS n FROM clips' --store {store.root} --format csv"
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=ROOT,
        timeout=60,
    )
    assert done.stdout == '"n"\n1\n', done.stderr


def test_rows_are_counted_without_being_fetched(store):
    assert count_rows(store, "FROM range(3000000); -- done") == 3_000_000
    with pytest.raises(QueryError, match="only queries"):
        count_rows(store, "DROP VIEW clips")
