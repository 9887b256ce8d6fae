"""Commands that are imported on first use: `tubelet --help` imports none of them."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from tubelet.cli import failures
from tubelet.cli.memory import require_address_space
from tubelet.cli.printing import note
from tubelet.cli.recording import begin_started


@dataclass(frozen=True)
class CommandSpec:
    """The module of `tubelet.cli` that defines a command under the command's name, and the line that the list of commands shows."""

    module: str
    summary: str


class Commands(click.Group):
    """The commands of a table, in its order; old names still work and say the new one."""

    def __init__(
        self,
        *arguments: Any,
        specs: Mapping[str, CommandSpec],
        renamed: Mapping[str, str],
        **settings: Any,
    ) -> None:
        super().__init__(*arguments, **settings)
        self.specs, self.renamed = specs, renamed

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and end the process with its exit code; with `standalone_mode` false, return and raise as click does."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        words = tuple(sys.argv[1:] if args is None else args)
        begin_started(words)
        return failures.run_and_exit(
            lambda: super(Commands, self).main(
                args, prog_name, complete_var, False, **{"obj": words, **extra}
            )
        )

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.specs)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name in self.renamed:
            note(f"`tubelet {name}` is now called `tubelet {self.renamed[name]}`")
            name = self.renamed[name]
        if name not in self.specs:
            return None
        require_address_space(name)
        return self.load(name)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(context, args)
        return self.renamed.get(name, name) if name else None, command, rest

    def load(self, name: str) -> click.Command:
        """The command of that name."""
        command = getattr(import_module(f"tubelet.cli.{self.specs[name].module}"), name)
        command.short_help = self.specs[name].summary
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, spec.summary) for name, spec in self.specs.items()])
