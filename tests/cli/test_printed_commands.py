"""Every command that the product tells people to type is run as it is printed, its placeholders filled in."""

import ast
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.commands import run_here
from tests.stores import synthetic_store
from tests.videos import make_video
from tubelet import cli
from tubelet.store import Store

ROOT = Path(__file__).parents[2]
ROOMS = ("store", "media", "ingest", "training", "latent", "reports", "dashboard", "tubelet")
PARSED = (
    "dashboard",
    "demo",
    "download",
    "pretrain",
    "evaluate",
    "probe",
    "score",
    "surprise",
    "jobs",
    "transition",
    "decoder",
    "search",
)  # they serve, fetch, take minutes, or need labels of many videos, masks, pictures, texts, or a job that runs: their arguments alone are looked at
GROUPS = ("basis", "queries", "transition", "decoder")
COMMAND = re.compile(r"`(tubelet [^`\n]+)`|(?:^|\n)(tubelet [^`\n]+)")


def printed() -> list[str]:
    """Commands in the strings of the product, expressions in braces; without docstrings, which nobody is shown."""
    files = (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))
    found = [
        command
        for path in files
        for source in [path.read_text()]
        if "tubelet " in source
        for text in _strings(ast.parse(source))
        for command in _commands(text)
    ]
    return sorted(set(found))


def _strings(tree: ast.AST) -> list[str]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = list(ast.walk(tree))
    skipped = {
        id(node.body[0].value)
        for node in nodes
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    strings = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    inside = {id(part) for node in strings for part in ast.walk(node) if part is not node}
    strings += [
        node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return [_text(node) for node in strings if id(node) not in skipped | inside]


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else f"<{ast.unparse(part.value)}>"
        for part in node.values
    )


def _commands(text: str) -> list[str]:
    return [(first or second).strip().rstrip(".") for first, second in COMMAND.findall(text)]


PRINTED = printed()
MENTIONED = [
    command
    for command in PRINTED
    if len(command.split()) == 2 or (command.split()[1] in GROUPS and len(command.split()) == 3)
]
TYPED = [
    c
    for c in PRINTED
    if c not in MENTIONED
    and c.split()[1] in cli.COMMANDS
    and not c.startswith("tubelet pretrain on")
]  # which says where weights are from


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A store, its name one that a shell has to be told about, a video, and a copy of the store for what must not meet what other commands left in it."""
    folder = tmp_path_factory.mktemp("with a space")
    store = synthetic_store(folder / "store", videos=8, clips=3, shift=1)
    untouched = Store(shutil.copytree(store.root, folder / "untouched"))
    yield store, make_video(folder / "a.mp4", frames=40), untouched
    store.close()
    untouched.close()


def filled(command: str, store: Store, video: Path) -> list[str]:
    """The words of a command with real things in place of what stands for them."""
    encoder_id = store.query("SELECT encoder_id FROM encoders")["encoder_id"].to_pylist()[0]
    # what our own code puts in has to be quoted by it: `shell_name`; placeholders are the reader's to quote
    command = re.sub(
        r"<[^<>]*(shell_name|shlex\.quote\(str\((layout\.root|path\.parent|self\._bucket\.address)\)\))[^<>]*>",
        lambda _: store.shell_name,
        command,
    )
    command = re.sub(r"<[^<>]*encoder_id[^<>]*>", encoder_id, command)
    command = (
        command.replace("report <name>", "report sensitivity")
        .replace("<kind>", "videos")
        .replace("<table.name>", "videos")
    )
    command = re.sub(r"<[^<>]*(name|release)[^<>]*>", "toy", command)
    command = command.replace("<job.job_id>", "20260101-000000-abcdef")
    command = re.sub(r"<output>", shlex.quote(str(video)), command)
    words = {
        "FOLDER": str(video.parent),
        "VIDEO": str(video),
        "VIDEOS...": str(video),
        "PATH...": str(video),
        "STORE": str(store.root),
        "NAME": "toy",
        "FILE": str(video),
    }
    assert "<" not in command, f"say in this test what stands for the rest of: {command}"
    return [words.get(word, word) for word in shlex.split(command)][1:]


def test_there_are_such_commands_and_each_that_is_mentioned_exists():
    assert len(TYPED) > 12
    for command in MENTIONED:
        assert command.split()[1] in cli.COMMANDS or command.split()[1].startswith(("-", "<")), (
            command
        )


@pytest.mark.parametrize("command", TYPED)
def test_a_command_that_is_printed_can_be_typed(command, here, tmp_path):
    store, made, untouched = here
    if command.startswith("tubelet report"):
        store = untouched
    if command.startswith("tubelet basis fit"):  # a store keeps no basis under two names
        store = Store(shutil.copytree(store.root, tmp_path / "store"))
    name, *arguments = filled(command, store, made)
    if name in PARSED:
        cli.main.load(name).make_context(name, arguments)
        return
    output = ["-o", str(made.parent / "out.html")] if name == "report" else []
    small = ["--size", "32", "--frames", "4"] if name in ("ingest", "plan") else []
    process = run_here(name, *arguments, *small, *output)
    assert process.returncode in (0, 1), f"{command}: {process.stderr}"
    assert "Usage:" not in process.stderr and "is now called" not in process.stderr
