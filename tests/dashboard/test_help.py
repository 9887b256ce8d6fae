"""The Help page: its texts are the files of docs/, whole, and a search narrows the words."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from tests.commands import ROOT
from tests.dashboard.test_dashboard import open_page, text
from tests.stores import synthetic_store
from tubelet.dashboard.help import page
from tubelet.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("help") / "store", videos=1)
    yield made
    made.close()


@pytest.mark.parametrize("name", [page.GLOSSARY, page.KEYS])
def test_the_page_carries_a_copy_of_its_one_source(name: str) -> None:
    assert (page.HERE / name).read_text() == (ROOT / "docs" / name).read_text(), (
        "run `python -m tests.documentation`"
    )
    rows = [line for line in (ROOT / "docs" / name).read_text().splitlines() if line.startswith("| ")]  # fmt: skip
    found = page.read_table(name)
    assert [f"| {word} | {meaning} |" for word, meaning in found] == rows[1:] and len(found) > 3


def test_a_search_finds_words_before_meanings() -> None:
    found = [page.WORDS[number] for number in page.find_words("Slice")]
    assert found[0][0] == "slice" and len(found) < len(page.WORDS)
    assert all("slice" in f"{word} {meaning}".lower() for word, meaning in found)
    assert page.find_words("") == list(range(len(page.WORDS))) and page.find_words("xyzzy") == []


def test_the_page_shows_words_statistics_and_keys(store: Store) -> None:
    test = open_page("help", store)
    assert not test.exception and [header.value for header in test.header] == ["Words", "Statistics of a token", "Keys"]  # fmt: skip
    words, statistics, keys = _list_tables(test)
    assert len(words) == len(page.read_table(page.GLOSSARY)) and len(keys) == len(page.read_table(page.KEYS))  # fmt: skip
    assert any(row.startswith("| previous_cosine | ") for row in statistics)
    assert "A tap selects a patch" in text(test)
    statistic = open_page("help", store, **{"find-word": "kurtosis"})
    assert "see below" in text(statistic) and [row.split()[1] for row in _list_tables(statistic)[0]] == ["kurtosis"]  # fmt: skip
    nothing = open_page("help", store, **{"find-word": "xyzzy"})
    assert "see below" not in text(nothing)
    assert "None of the" in text(nothing) and len(_list_tables(nothing)) == 2


def _list_tables(test: AppTest) -> list[list[str]]:
    """The rows below the heading of every table that a page draws as Markdown."""
    texts = [markdown.value.splitlines() for markdown in test.markdown]
    return [lines[2:] for lines in texts if len(lines) > 1 and lines[1] == "| --- | --- |"]
