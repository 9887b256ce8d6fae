"""Commands that others can watch and stop while they run: those that this decorator stands above (`tubelet jobs` lists them)."""

import os
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tubelet.cli import failures

if TYPE_CHECKING:
    from tubelet.store.jobs.recording import Recording

FOLDER_VARIABLE = "TUBELET_JOB"  # the same as `tubelet.store.jobs.state` says, which is not imported for a command that nobody watches
STARTED: list["Recording"] = []  # of this process, until its command has taken it over


def record_job(function: Callable) -> Callable:
    """Have a command on a `store` in a folder record that it runs, how far it is, and how it ended."""

    @wraps(function)
    def run(*arguments: Any, store: str, **named: Any) -> Any:
        from tubelet.store.jobs.recording import Recording
        from tubelet.store.remote.address import is_remote

        if is_remote(store):  # whose jobs no other machine could stop
            click.get_current_context().meta[__name__] = lambda progress: None
            return function(*arguments, store=store, **named)
        context, root = click.get_current_context(), Path(store).expanduser().absolute()
        recording = STARTED.pop() if STARTED else None
        if recording is None or recording.layout.root != root:
            recording = Recording(root, context.find_root().obj or ())
            recording.begin()
            failures.ENDINGS.append(recording.end)
        context.meta[__name__] = recording.report
        return function(*arguments, store=store, **named)

    run.is_recorded = True  # type: ignore[attr-defined]
    return run


def is_recorded(command: click.Command) -> bool:
    """Whether others can watch and stop a command."""
    return getattr(command.callback, "is_recorded", False)


def begin_started(words: Sequence[str]) -> None:
    """Where somebody made a folder for this process as a job, record at once that it runs, so that a wrong option is reported, too."""
    folder = Path(os.environ.pop(FOLDER_VARIABLE, ""))
    if len(folder.parts) < 3:
        return
    from tubelet.store.jobs.recording import Recording

    recording = Recording(folder.parents[1], words, folder.name)
    if recording.begin():
        failures.ENDINGS.append(recording.end)
        STARTED.append(recording)


def report_to() -> Callable:
    """Where a recorded command says how far it is."""
    return click.get_current_context().meta[__name__]
