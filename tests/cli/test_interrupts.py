"""Ctrl-C inside a command: it ends with code 130 and one sentence, and the store is as before or as after, never between."""

import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.commands import environment
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet import cli
from tubelet.cli import failures
from tubelet.store import Store
from tubelet.store.disk import inside, tables, verification


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with a damaged embedding file and an orphan."""
    store = synthetic_store(tmp_path / "store", videos=2, clips=3, shift=1)
    files = sorted(store.root.joinpath("embeddings").rglob("*.parquet"))
    files[0].write_bytes(files[0].read_bytes()[:-1] + b"x")
    (files[1].parent / f"{'0' * 16}.parquet").write_bytes(b"orphan")
    store.close()
    return store.root


def interrupting(function: Callable, after: bool) -> Callable:
    """The function, with Ctrl-C pressed as it first begins or ends: a second one would end the process at once."""
    times = iter([signal.SIGINT])

    def press() -> None:
        for number in times:
            signal.raise_signal(number)

    def pressed(*arguments: Any, **named: Any) -> Any:
        if not after:
            press()
        done = function(*arguments, **named)
        press()
        return done

    return pressed


PLACES = [
    (Store, "commit"),
    (Store, "compact"),
    (tables, "delete"),
    (inside, "remove_file"),
    (verification, "add_seals"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("owner", "name"), thin(PLACES, spread=True), ids=lambda value: str(value)[:30]
)
def test_inside_a_repair_it_leaves_a_store_that_a_repair_makes_whole(
    owner: Any, name: str, after: bool, root: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, interrupting(getattr(owner, name), after))
        answer = CliRunner().invoke(cli.main, ["check", "--repair", "--store", str(root)])
    assert answer.exit_code == 130 and "stopped; everything committed" in answer.stderr, answer
    CliRunner().invoke(cli.main, ["check", "--repair", "--store", str(root)])
    answer = CliRunner().invoke(cli.main, ["check", "--store", str(root)])
    assert answer.exit_code == 0 and "is whole" in answer.stdout, answer.output
    with closing(Store(root)) as store:
        assert len(store.rows("FROM clips")) == 5, "only the damaged clip is gone"


@pytest.mark.parametrize("command", ["pairs", "backfill"])
def test_inside_a_command_that_stops_itself_it_commits_what_is_done(
    command: str, tmp_path: Path
) -> None:
    root = synthetic_store(tmp_path / "store", videos=1, clips=4, shift=1).root
    options = ["--pairs", "all"] if command == "pairs" else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "grid", interrupting(Store.grid, after=True))
        answer = CliRunner().invoke(cli.main, [command, *options, "--store", str(root)])
    assert answer.exit_code in ((130,) if command == "pairs" else (0, 130)), answer.output
    assert "Traceback" not in answer.output
    again = CliRunner().invoke(cli.main, [command, *options, "--store", str(root)])
    assert again.exit_code == 0, again.output
    assert CliRunner().invoke(cli.main, ["check", "--store", str(root)]).exit_code == 0


class Finalized:
    """Sends this process a signal, and lets it arrive, as it is deleted: Python drops what a finalizer raises."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        send(self.number)


def send(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0.001)


def delete_finalized(number: int) -> None:
    Finalized(number)


def delete_watched(number: int) -> None:
    reference = weakref.ref(Watched(), lambda _: send(number))
    assert reference() is None


class Watched:
    """Something that a weak reference can watch."""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("delete", [delete_finalized, delete_watched])
def test_what_python_drops_in_a_finalizer_ends_the_command_a_moment_later(
    delete: Callable, number: int, code: int, capfd: pytest.CaptureFixture
) -> None:
    ended_late = []

    def command() -> None:
        delete(number)
        time.sleep(5)
        ended_late.append(True)

    with pytest.raises(SystemExit) as left:
        failures.run_and_exit(command)
    assert left.value.code == code and not ended_late
    told = capfd.readouterr().err
    assert (
        "ignored" not in told and "Traceback" not in told and ("stopped" in told) == (code == 130)
    )


def test_a_signal_while_an_error_is_explained_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    """It arrives as the handlers are set for the end of the process."""
    monkeypatch.setattr(
        failures, "end_at_once_on_signals", interrupting(failures.end_at_once_on_signals, False)
    )
    with pytest.raises(SystemExit) as left:
        failures.run_and_exit(lambda: 1)
    assert left.value.code == 130 and "stopped; everything committed" in capfd.readouterr().err


def test_what_passes_through_exec_keeps_the_exit_code(tmp_path: Path) -> None:
    """As at the import of a dataclass: `python -m` then ended itself by the signal, after the sentence."""
    code = "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(5)"
    (tmp_path / "program.py").write_text(
        f"from tubelet.cli import failures; failures.run_and_exit(lambda: exec({code!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-m", "program"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
    )
    assert done.returncode == 130 and "stopped; everything committed" in done.stderr, done
