"""The command as a user runs it: a process of its own."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.forks import ROOT, environment, fork

COMMITS_AT_ONCE = "import tubelet.ingest.pipeline.writer, tubelet.cli; tubelet.ingest.pipeline.writer.COMMIT_SECONDS = 0; tubelet.cli.main()"  # a commit an item, to be hit by kills


def tubelet(*arguments: object, check: bool = False, **devices: str) -> subprocess.CompletedProcess:
    """Run `tubelet ARGUMENTS` and return what it printed and its exit code; `stdout` or `stderr` may be a device, which is not read."""
    with tempfile.TemporaryDirectory() as folder:
        printed = [
            Path(devices.get(name, os.path.join(folder, name))) for name in ("stdout", "stderr")
        ]
        process = fork(_run, [str(argument) for argument in arguments], printed)
        process.join()
        done = subprocess.CompletedProcess(
            arguments,
            process.exitcode,
            *(file.read_text() if file.is_file() else "" for file in printed),
        )
    if check:
        assert done.returncode == 0, done.stderr
    return done


def started(*arguments: object, commits_at_once: bool = False) -> subprocess.Popen:
    """Start `tubelet ARGUMENTS` and return the running process, its output piped."""
    program = ["-c", COMMITS_AT_ONCE] if commits_at_once else ["-m", "tubelet"]
    return subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=ROOT,
    )


def _run(arguments: list[str], printed: list[Path]) -> None:
    for number, file in enumerate(printed, 1):
        os.dup2(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND), number)
    sys.argv = ["tubelet", *arguments]
    import tubelet.cli

    tubelet.cli.main(arguments, prog_name="tubelet")
