"""The parts of the README that the code itself knows: `python -m tests.readme` writes them, a test compares them."""

import ast
import re
from pathlib import Path

from tubelet.store.schema import markdown

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
ROOMS = ("tubelet", "store", "media", "ingest", "training", "latent", "reports", "dashboard", "tests")


def tree() -> str:
    """Every file with the first sentence of its docstring; a room's subpackages follow it."""
    lines = []
    for folder in (folder for room in ROOMS for folder in (ROOT / room, *_subpackages(ROOT / room))):
        lines.append(f"{folder.relative_to(ROOT)}/")
        lines += [_line("  ", path) for path in sorted(folder.glob("*.py")) if path.stem != "__init__"]
    return "```\n" + "\n".join(lines) + "\n```"


def _subpackages(room: Path) -> list[Path]:
    return sorted(path.parent for path in room.rglob("__init__.py") if path.parent != room and not any(parent.is_symlink() for parent in path.parents))


def _line(indent: str, path: Path) -> str:
    sentence = ast.get_docstring(ast.parse(path.read_text())).partition("\n\n")[0].replace("\n", " ")
    return f"{indent}{path.name:24} {sentence.rstrip('.')}"


PARTS = {"tree": tree, "schema": markdown}


def written(text: str) -> str:
    """The README's text with every part as the code has it now."""
    for name, part in PARTS.items():
        pattern = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
        assert re.search(pattern, text, re.DOTALL), f"README.md has no place for {name}"
        text = re.sub(pattern, lambda found, part=part: found[1] + part() + found[2], text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
