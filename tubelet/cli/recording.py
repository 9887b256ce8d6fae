"""Commands that others can watch and stop while they run: those that this decorator stands above (`tubelet jobs` lists them)."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from tubelet.cli import failures


def recorded(function: Callable) -> Callable:
    """Have a command on a `store` say of itself that it runs, how far it is, and how it ended."""

    @wraps(function)
    def run(*arguments: Any, store: str, **named: Any) -> Any:
        from tubelet.store.jobs.recording import Recording

        context = click.get_current_context()
        recording = Recording(Path(store).expanduser().absolute(), context.find_root().obj or ())
        recording.begin()
        failures.ENDINGS.append(recording.end)
        context.meta[__name__] = recording.report
        return function(*arguments, store=store, **named)

    return run


def report_to() -> Callable:
    """Where a recorded command says how far it is."""
    return click.get_current_context().meta[__name__]
