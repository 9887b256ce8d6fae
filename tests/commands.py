"""The command as a user runs it: a process of its own."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
COMMITS_AT_ONCE = "import tubelet.ingest.pipeline.writer, tubelet.cli; tubelet.ingest.pipeline.writer.COMMIT_SECONDS = 0; tubelet.cli.main()"  # a commit an item, to be hit by kills
IMPORTED = [
    "tubelet.cli",
    "tubelet.ingest.job",
    "tubelet.ingest.encoders",
    "store",
]  # once, by the process that `tubelet` forks: seconds a command


def tubelet(*arguments: object, check: bool = False, **devices: str) -> subprocess.CompletedProcess:
    """Run `tubelet ARGUMENTS` and return what it printed and its exit code; `stdout` or `stderr` may be a device, which is not read."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(IMPORTED)
    with tempfile.TemporaryDirectory() as folder:
        printed = [
            Path(devices.get(name, os.path.join(folder, name))) for name in ("stdout", "stderr")
        ]
        process = forks.Process(
            target=_run, args=([str(argument) for argument in arguments], printed)
        )
        with _clean(environment()):
            process.start()
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


def environment() -> dict[str, str]:
    """Of a process that uses one thread, this project, no network, and no weights that this machine may hold."""
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(ROOT / "absent"),
    }


def _run(arguments: list[str], printed: list[Path]) -> None:
    for number, file in enumerate(printed, 1):
        os.dup2(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND), number)
    sys.argv = ["tubelet", *arguments]
    import tubelet.cli

    tubelet.cli.main(arguments, prog_name="tubelet")


@contextmanager
def _clean(variables: dict[str, str]) -> Iterator[None]:
    """With these variables, and without a main module, which the fork would run again: a Streamlit test leaves its page there."""
    kept, main = dict(os.environ), sys.modules["__main__"]
    os.environ.update(variables)
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        os.environ.clear()
        os.environ.update(kept)
