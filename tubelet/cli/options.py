"""Options of commands, most of them made from the dataclasses that they fill (`tubelet.store.options`)."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import click

from tubelet.cli.printing import note

if TYPE_CHECKING:
    from tubelet.store.options import Option as Described

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
PORT = click.IntRange(1, 65_535)
ENCODER_HELP = "Name or id of an encoder of the store."


class Numbers(click.ParamType):
    """Whole numbers separated by commas."""

    name = "I,J,..."

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[int, ...]:
        try:
            return (
                value if isinstance(value, tuple) else tuple(int(part) for part in value.split(","))
            )
        except ValueError:
            self.fail(f"{value} is not a list of numbers: write one like 0,1,2", parameter, context)


class OutputFile(click.ParamType):
    """A file to write to: refused before any work where it cannot be written."""

    name = "FILE"

    def __init__(self, regular: bool = False, ending: str = "") -> None:
        self.regular = regular  # no device and no pipe: the file is replaced
        self.ending = ending  # the only one that says what is written

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> Path:
        path = Path(value)
        folder = path.absolute().parent
        if "\0" in str(value) or not str(value):
            self.fail(f"{str(value)!r} is not a file name", parameter, context)
        if path.is_dir():
            self.fail(f"{path} is a folder: pass a file in it", parameter, context)
        if not path.name.lower().endswith(self.ending):
            self.fail(
                f"{path} does not end in {self.ending}: pass another file", parameter, context
            )
        if self.regular and path.exists() and not path.is_file():
            self.fail(f"{path} is not a regular file: pass another one", parameter, context)
        if not folder.is_dir():
            self.fail(
                f"{folder} is not a folder: create it, or pass another file", parameter, context
            )
        if not os.access(path if path.exists() else folder, os.W_OK):
            self.fail(f"{path} is not writable: pass another file", parameter, context)
        return path


COMMENT = re.compile(
    r"--[^=\s]*\s"
)  # what a query may begin with: no option has a blank in its name


class DescribedOption(click.Option):
    """An option made from a field, with what the field says of its choices and bounds."""

    def __init__(self, *arguments: Any, described: "Described", **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.described = described


class Command(click.Command):
    """A command whose renamed flags still work and say the new name; those that are `gone` say what to write instead."""

    renamed: Mapping[str, str] = {}
    gone: Mapping[str, str] = {}

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        current = list(self._current(args))
        self._require_values(context, current)
        return super().parse_args(context, current)

    def _current(self, args: Sequence[str]) -> Iterator[str]:
        ended = False
        for argument in args:
            ended = ended or argument == "--"
            if not ended and COMMENT.match(argument):
                argument = f"\n{argument}"  # else it would be read as an option
            flag, equals, value = argument.partition("=")
            if not ended and flag in self.gone:
                raise click.UsageError(f"{flag} is gone: {self.gone[flag]}")
            if not ended and (new := self.renamed.get(flag)):
                note(f"{flag} is now called {new}")
                argument = new + equals + value
            yield argument

    def _require_values(self, context: click.Context, args: Sequence[str]) -> None:
        """Click takes what follows an option for its value, also the name of another option."""
        options = [one for one in self.get_params(context) if isinstance(one, click.Option)]
        names = {name for one in options for name in (*one.opts, *one.secondary_opts)}
        taking = {name: one for one in options if not one.is_flag and not one.count for name in one.opts}  # fmt: skip
        before = ""
        for argument in args:
            if argument == "--":
                return
            if before and argument.partition("=")[0] in names:
                wanted = taking[before].make_metavar(context)
                raise click.UsageError(
                    f"{before} needs a value, and {argument} follows it: write {before} {wanted}"
                )
            before = "" if before or argument not in taking else argument


def command(*classes: type, name: str | None = None) -> Callable[[Callable], Command]:
    """A command with an option for each field that a user can set in these dataclasses; its own decorators add the others."""

    def decorate(function: Callable) -> Command:
        for class_ in reversed(classes):
            for option in reversed(list(_options(class_))):
                function = option(function)
        made = click.command(name, cls=Command)(function)
        made.renamed = {old: new for class_ in classes for old, new in _rename(class_)}
        return made

    return decorate


def _options(class_: type) -> Iterator[Callable]:
    from tubelet.store.options import options_of

    hints = get_type_hints(class_)
    return (_option(field, hints[field.name], described) for field, described in options_of(class_))


def _option(field: Field, hint: Any, described: Any) -> Callable:
    from tubelet.store.options import flag_of

    type_ = _bare(hint)
    flag = flag_of(field.name, described)
    settings: dict[str, Any] = {
        "cls": DescribedOption,
        "described": described,
        "help": described.help,
        "default": None if field.default is MISSING else field.default,
        "required": field.default is MISSING,
    }
    if described.unset:
        settings["help"] += f"  [default: {described.unset}]"
    elif isinstance(field.default, tuple):
        settings["help"] += f"  [default: {','.join(map(str, field.default))}]"
    elif not any(field.default is none for none in (None, MISSING, False)):
        settings["show_default"] = True
    if type_ is bool:
        both = f"{flag}/--no-{flag[2:]}" if field.default else flag
        return click.option(both, field.name, is_flag=True, **settings)
    return click.option(
        flag,
        field.name,
        type=_click_type(type_),
        metavar=described.metavar or "|".join(described.choices) or None,
        **settings,
    )


def _bare(hint: Any) -> Any:
    """A type without None."""
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return kinds[0] if type(None) in get_args(hint) else hint


def _click_type(type_: Any) -> Any:
    if type_ is Path:
        return click.Path(path_type=Path)
    return type_ if type_ in (int, float, str) else Numbers()


def _rename(class_: type) -> Iterator[tuple[str, str]]:
    from tubelet.store.options import flag_of, options_of

    return (
        (old, flag_of(field.name, described))
        for field, described in options_of(class_)
        for old in described.renamed
    )


def fill(class_: type, arguments: Mapping[str, Any]) -> Any:
    """A dataclass filled with those of a command's arguments that are its fields."""
    from tubelet.store.options import options_of

    return class_(
        **{
            field.name: arguments[field.name]
            for field, _ in options_of(class_)
            if field.name in arguments
        }
    )


def split_options(given: Sequence[str]) -> dict[str, str]:
    """Options of a bucket by name; a value is not repeated, because it may be a secret."""
    pairs = [one.partition("=") for one in given]
    if any(not name or not equals for name, equals, _ in pairs):
        raise click.BadParameter("write it as NAME=VALUE, such as region=eu-central-1")
    return {name: value for name, _, value in pairs}


bucket_option = click.option(
    "--store-option",
    "store_options",
    multiple=True,
    metavar="NAME=VALUE",
    callback=lambda context, parameter, given: split_options(given),
    help="For a store in a bucket, once per option: endpoint, region, cache, cache_gb and others, which a wrong name lists. Credentials are safer in the environment.",
)


def store_option(function: Callable) -> Callable:
    """Which store, `store`, and how to reach one in a bucket, `store_options`."""
    place = click.option(
        "--store",
        required=True,
        metavar="STORE",
        help="Folder of the store, or s3://, gs:// or az://BUCKET/PREFIX.",
    )
    return place(bucket_option(function))


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON on stdout."
)
encoder_option = partial(click.option, "--encoder", metavar="NAME|ID")
