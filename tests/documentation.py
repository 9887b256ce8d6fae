"""The parts of the documentation that the code itself knows: `python -m tests.documentation` writes them, a test compares them."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from tubelet.cli import main
from tubelet.cli.forms import describe_commands
from tubelet.store.jobs.forms import write_forms
from tubelet.store.jobs.starting import FORMS
from tubelet.store.schema import markdown

ROOT = Path(__file__).parents[1]
ROOMS = (
    "tubelet",
    "store",
    "media",
    "ingest",
    "training",
    "latent",
    "reports",
    "dashboard",
    "tests",
)


HELP = ("glossary.md", "keys.md")  # pages of docs/ that the dashboard carries a copy of


def pages() -> list[Path]:
    """Every page of the documentation."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def tree() -> str:
    """Every file with the first sentence of its docstring; a room's subpackages follow it."""
    lines = []
    for folder in (
        folder for room in ROOMS for folder in (ROOT / room, *_subpackages(ROOT / room))
    ):
        lines.append(f"{folder.relative_to(ROOT)}/")
        lines += [
            _describe_file(path) for path in sorted(folder.glob("*.py")) if path.stem != "__init__"
        ]
    return "```\n" + "\n".join(lines) + "\n```"


def _subpackages(room: Path) -> list[Path]:
    return sorted(
        path.parent
        for path in room.rglob("__init__.py")
        if path.parent != room and not any(parent.is_symlink() for parent in path.parents)
    )


def _describe_file(path: Path) -> str:
    sentence = (
        ast.get_docstring(ast.parse(path.read_text())).partition("\n\n")[0].replace("\n", " ")
    )
    return f"  {path.name:24} {sentence.rstrip('.')}"


def walk_commands(
    group: click.Group = main, name: str = "tubelet"
) -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, as in `tubelet basis fit`; a group comes before its commands."""
    for word in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), word)
        yield f"{name} {word}", command
        if isinstance(command, click.Group):
            yield from walk_commands(command, f"{name} {word}")


def commands() -> str:
    """Every command with its usage, its help, and a table of its options."""
    return "\n\n".join(_describe_command(name, command) for name, command in walk_commands())


def _describe_command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    parts = [
        f"## {name}",
        f"```\n{usage}\n```",
        re.sub(
            r"[ \n]*\n *", lambda found: "\n\n" if found[0].count("\n") > 1 else " ", command.help
        ),
    ]
    records = [parameter.get_help_record(context) for parameter in command.params]
    rows = [f"| `{_escape(names)}` | {_escape(text)} |" for names, text in filter(None, records)]
    return "\n\n".join(
        [*parts, *(["| option | meaning |\n|---|---|\n" + "\n".join(rows)] if rows else [])]
    )


def _escape(text: str) -> str:
    """Text as a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


# page -> its generated parts, each between `<!-- NAME -->` and `<!-- /NAME -->`
PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "docs/schema.md": {"schema": markdown},
    "docs/commands.md": {"commands": commands},
    "docs/architecture.md": {"tree": tree},
}


def update(page: str) -> str:
    """The text of a page with every generated part as the code has it now."""
    text = (ROOT / page).read_text()
    for name, part in PARTS[page].items():
        pattern = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
        assert re.search(pattern, text, re.DOTALL), f"{page} has no place for {name}"
        text = re.sub(
            pattern, lambda found, part=part: found[1] + part() + found[2], text, flags=re.DOTALL
        )
    return text


if __name__ == "__main__":
    for page in PARTS:
        (ROOT / page).write_text(update(page))
    for name in HELP:  # after the pages, some of which are copied
        (ROOT / "dashboard" / "help" / name).write_text((ROOT / "docs" / name).read_text())
    FORMS.write_text(write_forms(describe_commands(main)) + "\n", encoding="utf-8")
