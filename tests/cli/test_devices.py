"""Where results and messages go, if a device is full or closed: one sentence and an exit code for results, and messages end no work."""

import os
from pathlib import Path

import pytest

from tests.cli.test_dashboard_interrupts import free_port
from tests.cli.test_failures import is_a_sentence, run
from tests.commands import tubelet
from tests.stores import synthetic_store
from tests.tiers import thin
from tests.videos import make_video
from tubelet.store.wording import tell


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "store"
    synthetic_store(path, videos=2, clips=3, shift=1).close()
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("videos") / "a.mp4", frames=34)


PRINTING = [
    (),
    ("--help",),
    ("schema",),
    ("encoders", "--json"),
    ("ingest", "{video}", "--encoder", "toy", "--size", "32", "--store", "{tmp}/store"),
    (
        "demo",
        "--videos",
        "{video}",
        "--encoder",
        "toy",
        "--store",
        "{tmp}/store",
        "--port",
        "{port}",
    ),
    ("plan", "{video}", "--encoder", "toy", "--size", "32", "--json"),
    ("sql", "FROM range(100000)", "--store", "{root}", "--format", "csv"),
    ("sql", "FROM clips", "--store", "{root}"),
    ("export", "track", "--video", "video-00000.mp4", "--patch", "0.0.0", "-o", "{tmp}/t.csv"),
    ("pairs", "--json"),
    ("backfill",),
    ("basis", "list"),
    ("check",),
    ("check", "--repair"),
    ("compact",),
    ("remove", "clips", "--where", "true"),
    ("report", "sensitivity", "-o", "{tmp}/r.md"),
    ("queries", "list"),
    ("jobs", "--json"),
    ("tag", "--json"),
]


@pytest.mark.parametrize("command", thin(PRINTING, 4), ids=lambda command: " ".join(command[:2]))
def test_a_full_device_is_a_sentence(command, root, video, tmp_path):
    arguments = [
        part.format(root=root, video=video, tmp=tmp_path, port=free_port()) for part in command
    ]
    without = ("ingest", "demo", "plan", "sql", "schema", "encoders", "--help")
    store = ["--store", root] if command and command[0] not in without else []
    done = tubelet(*arguments, *store, stdout="/dev/full")
    assert is_a_sentence(done, "the output could not be written: no space left on device")
    assert Path("/dev/full").is_char_device()


@pytest.mark.long
def test_a_full_device_for_messages_ends_no_command(root, video, tmp_path):
    for command in (
        ("backfill", "--store", root),
        ("sketch", "--store", root),
        ("ingest", video, "--encoder", "toy", "--size", "32", "--store", tmp_path / "store"),
    ):
        assert tubelet(*command, stderr="/dev/full").returncode == 0
    assert tubelet("check", "--store", tmp_path / "store", check=True)


CLOSED = {
    ">&-": "the output could not be written: bad file descriptor",
    ">&- 2>&-": "",
    "<&- 2>&-": "",
}


@pytest.mark.parametrize("closed", thin(CLOSED))
def test_a_closed_device_is_no_traceback_and_no_file_takes_its_place(closed, root):
    command = ("sql", "FROM range(3)", "--store", root, "--format", "csv", "--max-rows", "2")
    done = run(*command, shell=f"exec {{command}} {closed}")
    if closed.startswith("<"):
        assert (done.returncode, done.stdout) == (0, '"range"\n0\n1\n'), done
    else:
        assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
        assert CLOSED[closed] in done.stderr, done.stderr


def test_messages_that_nobody_can_read_end_no_measurement(monkeypatch, capsys):
    full = os.fdopen(os.open("/dev/full", os.O_WRONLY), "w", buffering=1)
    monkeypatch.setattr("sys.stderr", full)
    tell("measuring toy")
    monkeypatch.setattr("sys.stderr", None)
    tell("measuring toy")
    os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
    full.close()
    assert capsys.readouterr().out == "", "nor do they go where results go"
