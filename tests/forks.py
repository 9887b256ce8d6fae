"""Processes forked from one that has imported everything: a command or a dashboard starts in a fraction of the seconds its imports take."""

import multiprocessing
import multiprocessing.forkserver
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
IMPORTED = [
    "tubelet.cli",
    "tubelet.ingest.job",
    "tubelet.ingest.encoders",
    "streamlit.web.cli",
    "streamlit.web.server.starlette.starlette_server",
    "altair",
    "pandas",
    "tubelet.reports.catalogue",
    "tests.scanned",
    "tests.frozen",  # last: all of the above stays as it is
]


def environment() -> dict[str, str]:
    """Of a process that uses one thread, this project, no network, and no weights that this machine may hold."""
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(ROOT / "absent"),
    }


def fork(run: Callable, *arguments: object, folder: Path | None = None) -> BaseProcess:
    """Start `run(*arguments)` in a process of its own, with `environment()`, in a folder."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(IMPORTED)
    variables = environment()
    with _clean(variables):
        multiprocessing.forkserver.ensure_running()
        here = folder or Path.cwd(), find_server()
        process = forks.Process(target=_run, args=(variables, *here, run, arguments))
        process.start()
    return process


def find_server() -> tuple[str, int]:
    """Address and process id of the process that forks."""
    server = multiprocessing.forkserver._forkserver
    return server._forkserver_address, server._forkserver_pid


def fork_again() -> None:
    """Have what this process would spawn forked, too: from the server that forked this process, which has imported everything already."""
    multiprocessing.forkserver._forkserver.ensure_running = lambda: None  # it runs
    contexts = multiprocessing.context._concrete_contexts
    contexts["spawn"] = contexts["forkserver"]


def _run(
    variables: dict[str, str],
    folder: Path,
    server: tuple[str, int],
    run: Callable,
    arguments: tuple,
) -> None:
    multiprocessing.forkserver._forkserver._forkserver_address = server[0]
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    run(*arguments)


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
