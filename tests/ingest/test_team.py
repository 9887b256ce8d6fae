"""Several devices: one process each, and together one progress, one summary, one store; whatever dies, the others finish."""

import json
import os
import signal
import time

import pytest

from tests.commands import started, tubelet
from tests.contents import contents
from tests.forks import find_server
from tests.tiers import thin
from tests.videos import make_folder, make_video

ARGUMENTS = ("--encoder", "toy", "--size", "64", "--frames", "4")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = make_folder(tmp_path_factory.mktemp("videos"), 6, frames=60)
    (folder / "broken.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def whole(videos, tmp_path_factory):
    """What one process makes of them, and its summary."""
    root = tmp_path_factory.mktemp("whole") / "store"
    process = tubelet("ingest", videos, "--store", root, *ARGUMENTS, "--json")
    return contents(root), json.loads(process.stdout)


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """Two videos that keep a team busy for longer than it takes to end it."""
    folder = tmp_path_factory.mktemp("long")
    return [make_video(folder / f"{n}.mp4", frames=2000, seed=n) for n in range(2)]


COUNTED = "videos videos_decoded videos_failed clips tokens pairless dropped_windows partner_clips embedding_bytes"


@pytest.mark.long
def test_two_devices_make_the_store_and_the_summary_of_one(videos, whole, tmp_path):
    root, log = tmp_path / "store", tmp_path / "log"
    command = ("ingest", videos, "--store", root, *ARGUMENTS, "--device", "cpu,cpu", "--json")
    process = tubelet(*command, "--log", log, spawning=True)
    assert process.returncode == 1 and "Traceback" not in process.stderr, process.stderr
    found = json.loads(process.stdout)
    assert {name: found[name] for name in COUNTED.split()} == {
        name: whole[1][name] for name in COUNTED.split()
    }
    assert (found["processes"], found["lost_processes"]) == (2, [])
    assert contents(root) == whole[0]
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert events.count("video") == 7 and events.count("error") == 1 and "commit" in events
    again = json.loads(tubelet(*command).stdout)
    assert (again["clips"], again["videos"], again["videos_unchanged"]) == (0, 7, 6)


@pytest.mark.long
def test_what_a_killed_process_was_given_is_done_by_the_others(videos, whole, tmp_path):
    root = tmp_path / "store"
    process = started("ingest", videos, "--store", root, *ARGUMENTS, "--device", "cpu,cpu")
    killed = wait_for_work(process, root)[0]
    os.kill(killed, signal.SIGKILL)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    assert "a process was lost (cpu: ended by SIGKILL); the others took over" in output
    assert contents(root) == whole[0]


def test_where_every_process_is_killed_the_command_says_so(videos, tmp_path):
    root = tmp_path / "store"
    process = started("ingest", videos, "--store", root, *ARGUMENTS, "--device", "cpu,cpu")
    for pid in wait_for_work(process, root):
        os.kill(pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2 and "every process ended before all was done" in errors


@pytest.mark.parametrize("number", thin([signal.SIGKILL, signal.SIGINT]))
def test_all_processes_end_with_the_first_and_what_is_encoded_is_committed(number, long, tmp_path):
    root = tmp_path / "store"
    process = started("ingest", *long, "--store", root, *ARGUMENTS, "--device", "cpu,cpu")
    members = wait_for_work(process, root)
    process.send_signal(number)
    output, errors = process.communicate(timeout=120)
    if number == signal.SIGINT:
        assert process.returncode == 130 and "run the same command again to continue" in output
        assert "Traceback" not in errors
    deadline = time.monotonic() + 60
    while any(map(is_running, members)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(is_running, members))
    assert tubelet("check", "--store", root).returncode == 0
    assert contents(root)["clips"]


@pytest.mark.parametrize("device", ["cpu,", "cpu,gpu", "cpu,cuda:0"])
def test_a_device_that_does_not_exist_is_refused_before_anything_starts(device, videos, tmp_path):
    command = ("ingest", videos, "--store", tmp_path / "store", *ARGUMENTS, "--device", device)
    process = tubelet(*command)
    assert process.returncode == 2 and "--device" in process.stderr
    assert not (tmp_path / "store").exists()


def test_a_plan_is_for_one_device(videos):
    process = tubelet("plan", videos, *ARGUMENTS, "--device", "cpu,cpu")
    assert process.returncode == 2 and "pass one of them" in process.stderr


def test_what_a_process_cannot_do_is_said_once(videos, tmp_path):
    command = ("ingest", videos, "--store", tmp_path / "store", *ARGUMENTS, "--device", "cpu,cpu")
    process = tubelet(*command, "--layer", "99")
    assert process.returncode == 2 and "Traceback" not in process.stderr
    assert len(process.stderr.splitlines()) == 1, process.stderr


def wait_for_work(process, root):
    """The processes of a team once embeddings are written."""
    deadline = time.monotonic() + 60
    while not list(root.glob("embeddings/**/*.parquet")) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    found = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and is_member(pid, process)]
    assert len(found) == 2
    return found


def is_member(pid, process):
    """Whether a process was forked for the one that a test has started: after it, by the server that forks, which has dashboards as children, too."""
    found, began = read_stat(pid), read_stat(process.pid)
    return (
        found is not None
        and began is not None
        and found["parent"] == find_server()[1]
        and found["started"] > began["started"]
        and found["state"] != "Z"
    )


def read_stat(pid):
    """State, parent and time of start of a process; None where there is none."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            values = stat.read().rpartition(")")[2].split()
    except OSError:
        return None
    return {"state": values[0], "parent": int(values[1]), "started": int(values[19])}


def is_running(pid):
    found = read_stat(pid)
    return found is not None and found["state"] != "Z"
