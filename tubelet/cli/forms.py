"""The commands that can be started as jobs, each as a form: read from the commands themselves."""

import re
from collections.abc import Iterator
from typing import Any

import click

from tubelet.cli.options import DescribedOption
from tubelet.cli.recording import is_recorded
from tubelet.store.jobs.forms import (
    CHOICE,
    DECIMAL,
    LINES,
    NUMBER,
    SWITCH,
    TEXT,
    CommandForm,
    FormField,
)

LEFT_OUT = {
    "store",
    "store_options",
    "as_json",
    "listing",
    "help",
}  # said by whoever starts it, or of no use in a job
UNSET = re.compile(r" *\[default: (.*)\]$")


def describe_commands(main: click.Group) -> list[CommandForm]:
    """Every command that others can watch and stop, in the order of `tubelet --help`."""
    return [
        _describe(name, command) for name, command in walk_commands(main) if is_recorded(command)
    ]


def walk_commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        if isinstance(command, click.Group):
            yield from walk_commands(command, f"{before}{word} ")
        elif command:
            yield f"{before}{word}", command


def _describe(name: str, command: click.Command) -> CommandForm:
    fields = [_make_field(one) for one in command.params if one.name not in LEFT_OUT]
    return CommandForm(
        name=name,
        title=command.get_short_help_str(200),
        help=" ".join((command.help or "").partition("\n\n")[0].split()),
        fields=tuple(sorted(fields, key=lambda field: (bool(field.flag), not field.required))),
    )


def _make_field(parameter: click.Parameter) -> FormField:
    words, unset = _explain(parameter)
    described = getattr(parameter, "described", None)
    return FormField(
        name=parameter.name or "",
        label=_name(parameter),
        kind=_kind(parameter),
        help=words,
        flag=_flag(parameter, parameter.opts),
        off=_flag(parameter, parameter.secondary_opts),
        unset=unset,
        default=_default(parameter),
        required=parameter.required,
        choices=_choices(parameter),
        least=getattr(described, "least", None),
        most=getattr(described, "most", None),
    )


def _name(parameter: click.Parameter) -> str:
    """In words: Weights key. What may be given several times takes one value per line."""
    name = _flag(parameter, parameter.opts) or parameter.name or ""
    words = name.lstrip("-").replace("-", " ").capitalize()
    return f"{words}, one per line" if _kind(parameter) == LINES else words


def _flag(parameter: click.Parameter, flags: list[str]) -> str:
    """The longest, which reads best; "" for an argument."""
    return max(flags, key=len) if flags and isinstance(parameter, click.Option) else ""


def _explain(parameter: click.Parameter) -> tuple[str, str]:
    """The help of an option, and what leaving it out means."""
    text = getattr(parameter, "help", None) or ""
    found = UNSET.search(text)
    return (text[: found.start()], found[1]) if found else (text, "")


def _kind(parameter: click.Parameter) -> str:
    if parameter.nargs == -1 or parameter.multiple:
        return LINES
    if getattr(parameter, "is_flag", False):
        return SWITCH
    if _choices(parameter):
        return CHOICE
    kinds: list[tuple[type, str]] = [
        (click.types.IntParamType, NUMBER),
        (click.types.FloatParamType, DECIMAL),
    ]
    return next((kind for type_, kind in kinds if isinstance(parameter.type, type_)), TEXT)


def _choices(parameter: click.Parameter) -> tuple[str, ...]:
    if isinstance(parameter, DescribedOption):
        return parameter.described.choices
    return tuple(parameter.type.choices) if isinstance(parameter.type, click.Choice) else ()


def _default(parameter: click.Parameter) -> bool | str | None:
    """As it is typed."""
    default: Any = parameter.to_info_dict()["default"]
    if isinstance(default, bool):
        return default
    if isinstance(default, (tuple, list)):
        return ",".join(map(str, default))
    return None if default is None else str(default)
