"""Results as lines, or as strict JSON, on stdout; notes on stderr."""

from contextlib import suppress
from typing import Any, Protocol

import click


class Refused(Exception):
    """Refused by the command before any room is imported; shown without a traceback."""


class Result(Protocol):
    """What a command prints."""

    def lines(self) -> list[str]: ...

    def as_json(self) -> Any: ...


def plain(words: str) -> str:
    """Words whose lines a terminal shows as they are: names from data may hold what it would act on, which is written out."""
    return "".join(
        c if c == "\n" or c.isprintable() else c.encode("unicode_escape").decode() for c in words
    )


def note(words: str, end: str = "\n") -> None:
    """Say something on stderr; a device that is full or gone ends no command."""
    with suppress(OSError):
        click.echo(words + end, err=True, nl=False)


def print_result(result: Result, as_json: bool) -> None:
    """Print a result on stdout."""
    from tubelet.store.sandbox.json_text import json_text

    click.echo(
        json_text(result.as_json(), indent=1) if as_json else plain("\n".join(result.lines()))
    )
