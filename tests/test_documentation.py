"""The documentation: generated parts are as the code has them, nothing that exists is left out, links resolve, examples run."""

import re

import click
import pytest

from tests.documentation import PARTS, ROOT, pages, update, walk_commands
from tests.stores import synthetic_store
from tubelet.ingest.encoders import ENCODERS
from tubelet.reports.catalogue import REPORTS
from tubelet.store.schema import RELATIONS
from tubelet.store.statistics import TOKEN_STATISTICS

LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
README_BYTES = 12_000


@pytest.mark.parametrize("page", PARTS)
def test_generated_parts_are_as_the_code_has_them(page):
    assert update(page) == (ROOT / page).read_text(), "run `python -m tests.documentation`"


@pytest.mark.parametrize(
    "name, command",
    list(walk_commands()),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_command_reference_names_every_command_with_its_options(name, command):
    _, found, section = (ROOT / "docs/commands.md").read_text().partition(f"\n## {name}\n")
    section = section.partition("\n## ")[0]
    assert found, name
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert all(flag in section for flag in (*parameter.opts, *parameter.secondary_opts)), (
                parameter.opts
            )


@pytest.mark.parametrize(
    "page, names",
    [
        ("docs/encoders.md", ENCODERS),
        ("docs/glossary.md", TOKEN_STATISTICS),
        ("docs/schema.md", TOKEN_STATISTICS),
    ],
)
def test_a_page_names_everything_that_is_registered(page, names):
    text = (ROOT / page).read_text()
    missing = [name for name in names if f"`{name}`" not in text]
    assert names and not missing, f"{page} does not name {missing}"


def test_the_pages_name_every_table_and_report():
    schema = (ROOT / "docs/schema.md").read_text()
    assert all(f"**{name}**" in schema for name in RELATIONS)
    assert all(
        f"{table}/" in schema for table in RELATIONS if table not in ("tokens", "directions")
    ), "the picture of the store's folders lacks a table"
    assert all(
        f"tubelet report {name}" in "".join(page.read_text() for page in pages())
        for name in REPORTS
    )


def test_the_readme_is_short_and_leads_to_every_page():
    text = (ROOT / "README.md").read_text()
    assert len(text.encode()) <= README_BYTES
    assert all(
        f"]({page.relative_to(ROOT)})" in text for page in pages() if page.name != "README.md"
    )


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_local_links_resolve(page):
    for link in (a or b for a, b in LINK.findall(page.read_text())):
        target, _, anchor = link.partition("#")
        if not target.startswith(("https:", "http:")):
            file = (page.parent / target).resolve() if target else page
            assert file.exists(), f"{page.name}: {link}"
            assert not anchor or anchor in _anchors(file.read_text()), f"{page.name}: {link}"


def _anchors(text: str) -> set[str]:
    """The anchors that Markdown's readers make of headings: lower case, hyphens for spaces, no other punctuation."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("page", ["README.md", "docs/latent.md"])
def test_examples_in_python_run(page, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    synthetic_store(tmp_path / "store", videos=3, slices=6, side=15, dim=16).close()
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    names: dict = {}
    exec(compile(example, page, "exec"), names)
    held = [
        value
        for name, value in names.items()
        if name in ("grid", "table", "basis", "mask", "found", "track")
    ]
    assert len(held) > 1 and all(value is not None for value in held)
    names["store"].close()
