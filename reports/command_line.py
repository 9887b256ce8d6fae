"""The command that makes a report again, as a person types it."""

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tubelet.store import Store
from tubelet.store.options import flag_of, options_of


def report_command(name: str, store: Store, options: Any, **chosen: Any) -> str:
    """`tubelet report NAME` with every option that differs from its default.

    `chosen` are options that were left open, with the values that the report took: later the newest run, or the encoder with the most videos, may be another.
    """
    told = _flags(replace(options, **chosen))
    return " ".join([f"tubelet report {name} --store {store.shell_name}", *told, f"-o {name}.html"])


def _flags(options: Any) -> Iterator[str]:
    for field, described in options_of(type(options)):
        value, flag = getattr(options, field.name), flag_of(field.name, described)
        if value == field.default:
            continue
        if isinstance(value, bool):
            yield flag if value else f"--no-{flag[2:]}"
        else:
            yield f"{flag} {shlex.quote(_text(value))}"


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
