"""Ctrl-C at the command that serves the dashboard: it ends with code 0 and no word, also while its server is still being imported."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands import ROOT, environment
from tests.stores import synthetic_store
from tests.tiers import thin


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "store"
    synthetic_store(path, videos=1, clips=1).close()
    return path


def start_dashboard(root: Path, port: int) -> subprocess.Popen[str]:
    """The command as a process; its first line, by which it has the store open, is read."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tubelet", "dashboard", "--store", str(root), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=ROOT,
    )
    assert process.stderr and f"http://127.0.0.1:{port}" in process.stderr.readline()
    return process


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0 and not told.strip(), told


def test_ctrl_c_ends_the_dashboard_without_an_error(root: Path) -> None:
    port = free_port()
    process = start_dashboard(root, port)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.2)
    interrupt(process)


@pytest.mark.parametrize("seconds", thin([0.05, 0, 0.6]))
def test_ctrl_c_ends_a_dashboard_that_is_still_imported(root: Path, seconds: float) -> None:
    process = start_dashboard(root, free_port())
    time.sleep(seconds)
    interrupt(process)


def test_ctrl_c_that_an_import_drops_ends_the_dashboard() -> None:
    dropping = """
import signal, sys, weakref, time
from tubelet.dashboard import __main__ as program

class Module: ...

def serve():
    module = Module()
    held = weakref.ref(module, lambda _: signal.raise_signal(signal.SIGINT))
    del module
    time.sleep(60)

program._serve = serve
program.run()
"""
    ended = subprocess.run(
        [sys.executable, "-c", dropping],
        capture_output=True,
        text=True,
        timeout=30,
        env=environment(),
        cwd=ROOT,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
