"""The command that makes a report again, as a person types it."""

import shlex
from collections.abc import Iterator
from typing import Any

from tubelet.store import Store
from tubelet.store.options import flag_of, options_of


def report_command(name: str, store: Store, options: Any) -> str:
    """`tubelet report NAME` with every option that differs from its default."""
    return " ".join(
        [f"tubelet report {name} --store {store.shell_name}", *_flags(options), f"-o {name}.html"]
    )


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
