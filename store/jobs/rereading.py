"""What a form would have to say to make the words of a job again, so that it can be run once more, or changed before."""

from collections.abc import Sequence
from typing import Any

from tubelet.store.jobs.forms import DECIMAL, LINES, NUMBER, SWITCH, CommandForm, FormField
from tubelet.store.jobs.redaction import is_redacted
from tubelet.store.jobs.state import TEXT_LENGTH, WORDS_MOST

LENGTH_MOST = 10_000  # of all words: a job's file keeps no more than some
LOST = "\N{REPLACEMENT CHARACTER}"  # what stands for characters that are not shown
Given = dict[str, list[str]]  # by the names of fields


def find_form(forms: Sequence[CommandForm], words: Sequence[str]) -> CommandForm | None:
    """The form of the command that the words begin with."""
    fitting = [form for form in forms if list(words)[: len(form.name.split())] == form.name.split()]
    return max(fitting, key=lambda form: len(form.name), default=None)


def read_values(form: CommandForm, words: Sequence[str]) -> dict[str, Any] | None:
    """The values of the fields; None where the words are not all there, or say what the form has no field for."""
    if not _are_whole(words):
        return None
    fields = {field.name: field for field in form.fields}
    try:
        given = _sort(form, list(words)[len(form.name.split()) :])
        return {name: _convert(fields[name], texts) for name, texts in given.items()}
    except (ValueError, LookupError):
        return None


def _are_whole(words: Sequence[str]) -> bool:
    short = all(len(word) < TEXT_LENGTH and LOST not in word for word in words)
    return short and len(words) < WORDS_MOST and sum(map(len, words)) < LENGTH_MOST and not is_redacted(words)  # fmt: skip


def _sort(form: CommandForm, words: Sequence[str]) -> Given:
    """The words by the fields that they belong to, without the store, which is the page's own. Raises ValueError and LookupError."""
    flags = {flag: field for field in form.fields for flag in (field.flag, field.off) if flag}
    arguments = [field.name for field in form.fields if not field.flag]
    given: Given = {}
    rest = iter(words)
    for word in rest:
        flag, equals, value = word.partition("=")
        if word == "--":
            given.setdefault(arguments[0], []).extend(rest)
        elif not word.startswith("-"):
            given.setdefault(arguments[0], []).append(word)
        elif flag in flags and flags[flag].kind == SWITCH:
            given[flags[flag].name] = [word]
        elif word != "--json":
            text = value if equals else next(rest, "")
            if flag != "--store":
                given.setdefault(flags[flag].name, []).append(text)
    return given


def _convert(field: FormField, texts: Sequence[str]) -> Any:
    """The value of a widget. Raises ValueError for what its widget cannot hold."""
    last = texts[-1]
    if field.kind == SWITCH and last not in (field.flag, field.off):
        raise ValueError(last)
    if field.kind == SWITCH:
        return last == field.flag
    if any(text != text.strip() or "\n" in text for text in texts):
        raise ValueError(texts)
    if field.choices and last not in field.choices:
        raise ValueError(last)
    kinds = {NUMBER: int, DECIMAL: float}
    return "\n".join(texts) if field.kind == LINES else kinds.get(field.kind, str)(last)
