"""The command as a user runs it: a process of its own."""

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from click.testing import CliRunner

from tests.forks import ROOT, environment, fork, fork_again

__all__ = ["ROOT", "Running", "environment", "run_here", "started", "tubelet"]
PRINTED = ("stdout", "stderr")


class Running:
    """A command that runs, with what tests use of `subprocess.Popen`. It ends once nobody holds it."""

    def __init__(self, run: Callable, arguments: Sequence[object]) -> None:
        self.arguments = [str(argument) for argument in arguments]
        folder = Path(tempfile.mkdtemp())
        self._printed = [folder / name for name in PRINTED]
        self._process = fork(run, self.arguments, self._printed)
        weakref.finalize(self, _end, self._process, folder)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.arguments, timeout)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it has printed to stdout and stderr, once it has ended."""
        self.wait(timeout)
        output, errors = (file.read_text() if file.exists() else "" for file in self._printed)
        return output, errors


def _end(process: BaseProcess, folder: Path) -> None:
    if process.is_alive():
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)


def tubelet(
    *arguments: object, check: bool = False, spawning: bool = False, **devices: str
) -> subprocess.CompletedProcess:
    """Run `tubelet ARGUMENTS` and return what it printed and its exit code; `stdout` or `stderr` may be a device, which is not read.

    Processes that it starts are forked, as it is, unless `spawning`.
    """
    with tempfile.TemporaryDirectory() as folder:
        printed = [Path(devices.get(name, os.path.join(folder, name))) for name in PRINTED]
        run = _run if spawning else _run_forking
        process = fork(run, [str(argument) for argument in arguments], printed)
        process.join()
        done = subprocess.CompletedProcess(
            arguments,
            process.exitcode,
            *(file.read_text() if file.is_file() else "" for file in printed),
        )
    if check:
        assert done.returncode == 0, done.stderr
    return done


def run_here(*arguments: object, check: bool = False) -> subprocess.CompletedProcess:
    """The same within this process, for tests of what a command answers: the processes that answer its queries stay for the next one."""
    from tubelet.cli import main

    answer = CliRunner().invoke(main, [str(argument) for argument in arguments])
    done = subprocess.CompletedProcess(arguments, answer.exit_code, answer.stdout, answer.stderr)
    if check:
        assert done.returncode == 0, done.stderr
    return done


def started(*arguments: object, commits_at_once: bool = False) -> Running:
    """Start `tubelet ARGUMENTS` and return the running process; with a commit per item, to be hit by kills, where wanted."""
    return Running(_run_with_commits if commits_at_once else _run_forking, arguments)


def _run_forking(arguments: list[str], printed: list[Path]) -> None:
    fork_again()
    _run(arguments, printed)


def _run(arguments: list[str], printed: list[Path]) -> None:
    for number, file in enumerate(printed, 1):
        os.dup2(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND), number)
    sys.stdout, sys.stderr = map(_open_stream, (1, 2))  # those of the fork belong to other files
    sys.argv = ["tubelet", *arguments]
    from tubelet.__main__ import run

    run()


def _open_stream(number: int) -> io.TextIOWrapper:
    """Messages keep nothing back: what a full device does not take would be tried again as the process ends."""
    raw = io.FileIO(number, "w", closefd=False)
    if number == 2:
        return io.TextIOWrapper(raw, errors="backslashreplace", write_through=True)  # type: ignore[arg-type]
    return io.TextIOWrapper(
        io.BufferedWriter(raw), errors="backslashreplace", line_buffering=os.isatty(number)
    )


def _run_with_commits(arguments: list[str], printed: list[Path]) -> None:
    import tubelet.ingest.pipeline.writer

    tubelet.ingest.pipeline.writer.COMMIT_SECONDS = 0
    _run(arguments, printed)
