"""The command lines of version 0.1.0: each works today under its old name, or says what to write instead."""

import click
import pytest
from click.testing import CliRunner

import tubelet.cli as front_door
from tubelet.cli.options import Command

WINDOWS = "--encoder --weights --layer --frames --step --hop --tail --size --fit --shift --pairs --keep --pictures --no-pictures --device --precision --batch --readers --limit --json"
OPTIONS = {  # of every command of 0.1.0
    "basis fit": "--store --encoder --corpus --video --clip --kind --components --clusters --dimensions --slices --seed --unit --positions --foreground",
    "basis list": "--store --encoder",
    "check": "--store --repair",
    "compact": "--store",
    "dashboard": "--store --host --port",
    "demo": "--store --videos --encoder --host --port",
    "encoders": "--json",
    "evaluate": "--encoder --weights --videos --photographs --scenes --device --precision --json",
    "ingest": f"--store {WINDOWS}",
    "pairs": "--store --encoder --shift --pairs --json",
    "plan": WINDOWS,
    "pretrain": "-o --output --steps --photographs --frames --size --tokens --masks --masked-from --masked-every --rate --cooldown --repeats --seed --teacher --device",
    "report sensitivity": "--store -o --output --encoder --frames --shift --setting --where --compare --mix --top",
    "sketch": "--store --encoder --anew",
    "sql": "--store --format -o --output",
}  # fmt: skip
OLD = [(line, flag) for line, flags in OPTIONS.items() for flag in flags.split()]


def find_command(line: str) -> click.Command:
    """The command of a line of 0.1.0, by the name that it had."""
    found: click.Command = front_door.main
    for name in line.split():
        assert isinstance(found, click.Group)
        inner = found.get_command(click.Context(found), name)
        assert inner, f"`tubelet {line}` is gone: name its successor in `tubelet.cli.RENAMED`"
        found = inner
    return found


def flags_of(found: click.Command) -> set[str]:
    """Every flag that a command takes."""
    options = (one for one in found.params if isinstance(one, click.Option))
    return {flag for one in options for flag in (*one.opts, *one.secondary_opts)}


@pytest.mark.parametrize("line, flag", OLD, ids=str)
def test_a_flag_of_the_first_release_works_or_says_what_to_write_instead(
    line: str, flag: str
) -> None:
    found = find_command(line)
    if flag in flags_of(found):
        return
    assert isinstance(found, Command)
    assert found.renamed.get(flag) in flags_of(found) or found.gone.get(flag), (
        "neither an option, nor renamed, nor gone with a sentence"
    )


def test_a_flag_that_is_gone_says_what_to_write_instead() -> None:
    for given in (["--repeats", "3"], ["--repeats=3"]):
        answer = CliRunner().invoke(
            front_door.main,
            ["pretrain", "a.mp4", "-o", "w.safetensors", *given],
            standalone_mode=False,
        )
        assert isinstance(answer.exception, click.UsageError)
        assert "--bank sets how many" in answer.exception.message
    with pytest.raises(AssertionError, match="successor"):
        find_command("sketching")
