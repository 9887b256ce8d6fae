"""Reports as Markdown for an agent: its answer and what else is in it first, a section where one is asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING
from typing import Any, get_args, get_type_hints

from tubelet.reports.blocks import Block, Heading, Text
from tubelet.reports.catalogue import REPORTS, report
from tubelet.reports.errors import ReportError
from tubelet.reports.markdown_file import render_markdown
from tubelet.store import Store
from tubelet.store.options import options_of

ALL = "all"  # in place of a section


def describe_reports() -> dict[str, Any]:
    """Every report with the question that it answers and its options."""
    listed = [
        {"name": name, "question": one.title, "options": list(_describe_options(one.options))}
        for name, one in REPORTS.items()
    ]
    return {"reports": listed}


def write_report(
    store: Store, name: str, options: Mapping[str, Any] | None = None, section: str | None = None
) -> str:
    """The answer of a report and a list of its sections, one of them, or all. Raises TubeletError."""
    known = report(name)
    made = list(known.blocks(store, read_options(known.options, options or {})))
    return render_markdown(known.title, _choose(made, section)).decode()


def read_options(class_: type, given: Mapping[str, Any]) -> Any:
    """A report's options from JSON. Raises ReportError for one that it does not have, or of another type."""
    hints = get_type_hints(class_)
    known = [field.name for field, _ in options_of(class_)]
    for name, value in given.items():
        if name not in known:
            raise ReportError(f"the report has no option {name[:40]!r}: it has {', '.join(known)}")
        types = get_args(hints[name]) or (hints[name],)
        if not _is_of(value, types):
            words = " or ".join(one.__name__ for one in types if one is not type(None))
            raise ReportError(f"the option {name} is {str(value)[:40]!r}: pass a value of {words}")
    return class_(**given)


def _is_of(value: Any, types: tuple[type, ...]) -> bool:
    if isinstance(value, bool):
        return bool in types
    return isinstance(value, types) or (isinstance(value, int) and float in types)


def _describe_options(class_: type) -> Iterator[dict[str, Any]]:
    for field, described in options_of(class_):
        told: dict[str, Any] = {"name": field.name, "meaning": described.help}
        if described.choices:
            told["choices"] = list(described.choices)
        default = None if field.default is MISSING else field.default
        yield told | {"default": described.unset or default}


def _choose(made: list[Block], section: str | None) -> list[Block]:
    """The blocks of a section, those before the first one with a list of all, or every block."""
    if section == ALL:
        return made
    starts = [at for at, block in enumerate(made) if isinstance(block, Heading)]
    headings = {block.anchor: block for block in made if isinstance(block, Heading)}
    if section is None:
        listed = [_list(heading) for heading in headings.values()]
        contents = [Text("Sections of this report:"), *listed] if listed else []
        return [*made[: starts[0] if starts else None], *contents]
    if section not in headings:
        raise ReportError(
            f"the report has no section {section[:40]!r}: it has {', '.join(headings)} and {ALL}"
        )
    first = made.index(headings[section])
    return made[first : next((at for at in starts if at > first), None)]


def _list(heading: Heading) -> Text:
    return Text(f"- `{heading.anchor}`: {heading.text}")
