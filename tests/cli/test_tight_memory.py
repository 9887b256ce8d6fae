"""`ulimit -v`: what cannot be loaded is refused at once, and where memory runs out there is enough left for the sentence."""

import subprocess
import sys

import pytest

from tests.commands import ROOT, environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="`ulimit -v` holds on Linux")

EXHAUSTED = """
from tubelet.cli import failures, memory

def exhaust():
    memory.require_address_space("sql")
    held = []
    for size in (1 << 24, 1 << 20, 1 << 14, 1 << 9):
        try:
            while True:
                held.append(bytearray(size))
        except MemoryError:
            pass
    held.append(bytearray(1 << 24))

failures.run_and_exit(exhaust)
"""


def limited(kilobytes: int, *arguments: str) -> subprocess.CompletedProcess:
    """Python with these arguments, under a limit on its address space."""
    return subprocess.run(
        ["bash", "-c", f'ulimit -v {kilobytes}; exec "$0" "$@"', sys.executable, *arguments],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=ROOT,
        timeout=60,
    )


@pytest.mark.parametrize(
    "command",
    [("report", "sensitivity", "-o", "a.md"), ("check",), ("ingest", "a.mp4")],
    ids=lambda command: command[0],
)
def test_a_command_that_could_not_load_is_refused_at_once(command):
    """Of such commands some waited for ever, and others ended by signal 6 or 11."""
    done = limited(700_000, "-m", "tubelet", *command, "--store", "absent")
    assert done.returncode == 2 and done.stdout == "", done
    assert f"too little for `tubelet {command[0]}`: allow " in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_command_that_fits_runs_under_a_limit():
    done = limited(1_000_000, "-m", "tubelet", "schema")
    assert done.returncode == 0 and done.stdout.startswith("**videos**"), done.stderr


def test_where_memory_runs_out_there_is_enough_left_to_say_so():
    done = limited(300_000, "-c", EXHAUSTED)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done
    assert done.stderr.startswith("tubelet: memory ran out: `ulimit -v` allows 0.3 GB: raise it")
    assert len(done.stderr.splitlines()) == 1 and "details: " in done.stderr
