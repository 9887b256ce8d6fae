"""What a user can set: the fields of a dataclass, each with its default, its bounds and its help, defined once.

    @dataclass(frozen=True)
    class WindowOptions:
        frames: int = option(16, help="Frames per window.", least=1, most=65_536)

        def __post_init__(self) -> None:
            check_options(self, UsageError)

The command makes its options from such fields, so that a default stands in one place, and a value is checked by whoever fills
the dataclass: the command, a page, or Python.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

from tubelet.store.errors import TubeletError

KEY = "option"
SEED_MOST = 2**32 - 1
PAINTED_PATCHES = 200  # that a painted mask may name


@dataclass(frozen=True, kw_only=True)
class Option:
    """How a field is set: `flag` where it is not ``--name``, `renamed` its old flags, `unset` the meaning of leaving it out, `words` what a form calls a choice."""

    help: str
    flag: str = ""
    renamed: tuple[str, ...] = ()
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    least: float | None = None
    most: float | None = None
    unset: str = ""


def option(default: Any, **described: Any) -> Any:
    """A field of a dataclass that a user can set."""
    return field(default=default, metadata={KEY: Option(**described)})


def options_of(class_: type) -> Iterator[tuple[Field, Option]]:
    """The fields of a dataclass that a user can set, in order."""
    return ((f, f.metadata[KEY]) for f in fields(class_) if KEY in f.metadata)


def flag_of(name: str, described: Option) -> str:
    return described.flag or "--" + name.replace("_", "-")


def check_options(filled: Any, error: type[TubeletError]) -> None:
    """Raise `error` with one sentence where a field of a filled dataclass is out of bounds or not one of its choices."""
    for f, described in options_of(type(filled)):
        value = getattr(filled, f.name)
        if value is not None and (wrong := _wrong(value, described)):
            raise error(f"{flag_of(f.name, described)} is {value}: {wrong}")


def _wrong(value: Any, described: Option) -> str:
    if described.choices and value not in described.choices:
        *others, last = described.choices
        return f"choose {', '.join(others) + ' or ' if others else ''}{last}"
    if described.least is None and described.most is None:
        return ""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return "it must be a number"
    if described.least is not None and value < described.least:
        return f"it must be {described.least:,} or more"
    return (
        f"it must be {described.most:,} or less"
        if described.most is not None and value > described.most
        else ""
    )
