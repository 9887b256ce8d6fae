"""Processes forked from one that has imported everything: a command or a dashboard starts in a fraction of the seconds its imports take."""

import multiprocessing
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
    process = forks.Process(target=_run, args=(variables, folder or Path.cwd(), run, arguments))
    with _clean(variables):
        process.start()
    return process


def _run(variables: dict[str, str], folder: Path, run: Callable, arguments: tuple) -> None:
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
