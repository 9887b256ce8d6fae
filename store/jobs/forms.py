"""What can be started as a job: each command with its options as fields of a form, and the words of a command from what was filled in.

The command describes itself (`tubelet jobs --commands`), and `commands.json` keeps what it says, so that whoever shows a form imports none of what the command needs.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tubelet.store.errors import StoreError

TEXT, NUMBER, DECIMAL, SWITCH, CHOICE, LINES = (
    "text",
    "number",
    "decimal",
    "switch",
    "choice",
    "lines",
)  # kinds of fields
Values = Mapping[
    str, Any
]  # what was filled in, by the names of the fields; None and "" for nothing


@dataclass(frozen=True, kw_only=True)
class FormField:
    """One option or argument. `flag` is "" for an argument; `off` unsets a switch that is set by default."""

    name: str
    label: str
    kind: str = TEXT
    help: str = ""
    flag: str = ""
    off: str = ""
    unset: str = ""  # what leaving it out means, in words
    default: bool | str | None = None
    required: bool = False
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None

    def write(self, value: Any) -> list[str]:
        """The arguments for a value; none for a default."""
        if self.kind == SWITCH:
            flag = self.flag if value else self.off
            return [flag] if bool(value) != bool(self.default) and flag else []
        given = _split(value) if self.kind == LINES else [_say(value)]
        said = [text for text in given if text and text != self.default]
        return [f"{self.flag}={text}" for text in said] if self.flag else said


@dataclass(frozen=True, kw_only=True)
class CommandForm:
    """A command, as in `basis fit`, with its fields: arguments and required options first."""

    name: str
    title: str
    help: str
    fields: tuple[FormField, ...]

    def words(self, values: Values, store: str) -> tuple[str, ...]:
        """The words after `tubelet`. No value can be read as another option: an argument that looks like one stands after `--`."""
        options = [word for f in self.fields if f.flag for word in f.write(values.get(f.name))]
        arguments = [
            word for f in self.fields if not f.flag for word in f.write(values.get(f.name))
        ]
        end = ["--"] if any(word.startswith("-") for word in arguments) else []
        return (*self.name.split(), f"--store={store}", *options, *end, *arguments)

    def find_missing(self, values: Values) -> list[str]:
        """The labels of required fields that are empty."""
        return [f.label for f in self.fields if f.required and not f.write(values.get(f.name))]


def write_forms(forms: list[CommandForm]) -> str:
    """Write the forms as JSON."""
    return json.dumps([asdict(form) for form in forms], indent=1)


def read_forms(text: str) -> list[CommandForm]:
    """Raises StoreError for anything but what `write_forms` wrote."""
    try:
        return [_read_form(form) for form in json.loads(text)]
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(f"the commands could not be read: {error}") from error


def _read_form(found: Mapping[str, Any]) -> CommandForm:
    fields = tuple(FormField(**{**one, "choices": tuple(one["choices"])}) for one in found["fields"])  # fmt: skip
    return CommandForm(**{**found, "fields": fields})


def _say(value: Any) -> str:
    """A value as typed in a terminal: 4.0 is 4."""
    if value is None:
        return ""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value).strip()


def _split(value: Any) -> list[str]:
    return [line.strip() for line in str(value or "").splitlines()]
