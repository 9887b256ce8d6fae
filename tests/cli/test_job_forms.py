"""The forms of commands that can be jobs: every option is there, and what is filled in comes out of the parser as it was filled in."""

import json
import shlex
from typing import Any

import click
import pytest

from tests.commands import tubelet
from tests.documentation import walk_commands
from tubelet.cli import main
from tubelet.cli.forms import LEFT_OUT, describe_commands
from tubelet.cli.recording import is_recorded
from tubelet.store import StoreError
from tubelet.store.jobs import starting
from tubelet.store.jobs.forms import (
    CHOICE,
    DECIMAL,
    LINES,
    NUMBER,
    SWITCH,
    TEXT,
    CommandForm,
    FormField,
    read_forms,
    write_forms,
)
from tubelet.store.jobs.rereading import find_form, read_values

COMMANDS = {name.removeprefix("tubelet "): command for name, command in walk_commands()}
FORMS = {form.name: form for form in describe_commands(main)}
HOSTILE = ["--store=elsewhere", "-o", "a b", "a'b\"c", "$(touch made)", "=", "--", "größe"]


def parse(form: CommandForm, **values: Any) -> dict[str, Any]:
    """What the command's own parser makes of the form's words, by name."""
    command, words = COMMANDS[form.name], form.words(values, "a store")
    assert words[: len(form.name.split())] == tuple(form.name.split())
    parser = command.make_parser(click.Context(command))
    found, rest, _ = parser.parse_args(list(words[len(form.name.split()) :]))
    assert not rest
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items() if value}  # fmt: skip


def test_every_command_that_is_seen_as_a_job_has_a_form_with_all_its_options() -> None:
    assert list(FORMS) == [name for name, command in COMMANDS.items() if is_recorded(command)]
    assert {
        "ingest",
        "annotate",
        "pairs",
        "basis fit",
        "index",
        "report sensitivity",
        "backfill",
        "compact",
    } <= set(FORMS)
    for name, form in FORMS.items():
        expected = {parameter.name for parameter in COMMANDS[name].params} - LEFT_OUT
        assert {field.name for field in form.fields} == expected


@pytest.mark.parametrize("name", FORMS)
def test_a_form_as_it_opens_says_no_more_than_the_store(name: str) -> None:
    form = FORMS[name]
    assert form.words({field.name: field.default for field in form.fields}, "S") == (*name.split(), "--store=S")  # fmt: skip
    required = [field.label for field in form.fields if field.required]
    assert form.find_missing({}) == required and not form.find_missing({field.name: "x" for field in form.fields})  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_becomes_another_option(name: str, value: str) -> None:
    form = FORMS[name]
    values = {field.name: value for field in form.fields if field.kind in (TEXT, LINES)}
    expected = {field.name: [value] if field.kind == LINES else value for field in form.fields if field.name in values}  # fmt: skip
    assert parse(form, **values) == {"store": "a store", **expected}


def test_every_kind_of_value_is_written() -> None:
    ingest = FORMS["ingest"]
    kinds = {field.name: field.kind for field in ingest.fields}
    assert (kinds["paths"], kinds["frames"], kinds["fps"], kinds["tail"], kinds["size"]) == (LINES, NUMBER, DECIMAL, SWITCH, TEXT)  # fmt: skip
    (key,) = (field for field in FORMS["annotate"].fields if field.name == "key")
    assert key.kind == CHOICE and key.write("stem") == ["--key=stem"] and "stem" in key.choices
    words = ingest.words(
        {"paths": "a.mp4\n\n b c.mp4 ", "frames": 8, "fps": 4.0, "tail": True, "keep": "statistics", "pictures": False, "stride": None, "size": ""},
        "S",
    )  # fmt: skip
    said = (
        "ingest --store=S --frames=8 --fps=4 --tail --keep=statistics --no-pictures a.mp4 'b c.mp4'"
    )
    assert sorted(words) == sorted(shlex.split(said)) and words[-2:] == ("a.mp4", "b c.mp4")
    frames = next(field for field in ingest.fields if field.name == "frames")
    assert (frames.least, frames.most, frames.default) == (1, 65_536, "16")


@pytest.mark.parametrize("name", FORMS)
def test_the_words_of_a_job_fill_its_form_in_again(name: str) -> None:
    form = FORMS[name]
    samples = {TEXT: "a b=c", LINES: "-x\na b", NUMBER: 7, DECIMAL: 0.5}
    values = {field.name: samples[field.kind] for field in form.fields if field.kind in samples}
    values |= {field.name: not field.default for field in form.fields if field.kind == SWITCH}
    values |= {field.name: field.choices[-1] for field in form.fields if field.kind == CHOICE}
    words = form.words(values, "S")
    assert find_form(list(FORMS.values()), words) is form and read_values(form, words) == values


def test_words_as_they_are_typed_in_a_terminal_fill_a_form_in() -> None:
    words = shlex.split("ingest films --store S b.mp4 --frames 8 --no-pictures --json --pairs=0")
    assert read_values(FORMS["ingest"], words) == {"paths": "films\nb.mp4", "frames": 8, "pictures": False, "pairs": "0"}  # fmt: skip


@pytest.mark.parametrize(
    "said",
    ["ingest a --unknown 3", "ingest a --frames many", "annotate a --key nothing", "ingest https://***@host/a", "ingest a --tail=yes", f"ingest {'x' * 1000}", "pairs a"],
)  # fmt: skip
def test_words_that_no_form_says_fill_none_in(said: str) -> None:
    form = find_form(list(FORMS.values()), said.split())
    assert form and read_values(form, said.split()) is None
    assert find_form(list(FORMS.values()), ["dashboard"]) is None


def test_the_kept_forms_are_those_of_the_commands_now() -> None:
    kept = starting.read_commands()
    assert kept == list(FORMS.values()), "run `python -m tests.documentation`"


def test_the_command_prints_its_forms_and_they_are_read_back() -> None:
    printed = tubelet("jobs", "--commands", check=True).stdout
    assert read_forms(printed) == list(FORMS.values()) == read_forms(write_forms(list(FORMS.values())))  # fmt: skip


@pytest.mark.parametrize("text", ["", "[1]", '[{"name": "x"}]', "{}x", json.dumps([{"fields": 3}])])
def test_what_describes_no_commands_is_refused(text: str) -> None:
    with pytest.raises(StoreError, match="could not be read"):
        read_forms(text)


def test_a_decimal_keeps_its_digits() -> None:
    assert FormField(name="fps", label="--fps", kind=DECIMAL, flag="--fps").write(0.1) == ["--fps=0.1"]  # fmt: skip
