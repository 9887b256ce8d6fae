"""The Help page: every word of the dashboard in one sentence, and its keys. The texts are copies of those of docs/, which `tests.documentation` makes."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from tubelet.dashboard import units
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.selection import Selection
from tubelet.reports.literal import Markdown
from tubelet.store import Store
from tubelet.store.statistics import TOKEN_STATISTICS

TITLE, ICON = "Help", ":material/help:"
HERE = Path(__file__).parent
GLOSSARY, KEYS = "glossary.md", "keys.md"
ROW, RULE = "| ", "|---"
Row = tuple[Markdown, Markdown]  # of our own: a word and its meaning


def read_table(name: str) -> list[Row]:
    """The rows of the one table of a text, without its heading."""
    lines = [line for line in _read(name).splitlines() if line.startswith(ROW)]
    cells = [line.strip("| ").split(" | ", 1) for line in lines]
    return [(word.strip(), meaning.strip()) for word, meaning in cells[1:]]


def read_paragraphs(name: str) -> str:
    """What a text says outside its table and its heading."""
    lines = _read(name).splitlines()
    return "\n".join(line for line in lines if not line.startswith(("#", ROW, RULE))).strip()


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


WORDS, KEY_ROWS, KEY_NOTES = read_table(GLOSSARY), read_table(KEYS), read_paragraphs(KEYS)
STATISTICS: list[Row] = [(name, one.meaning) for name, one in TOKEN_STATISTICS.items()]


def show(store: Store, selection: Selection) -> None:
    """The same for every store and encoder."""
    st.title("What do the words mean, and which keys are there?", anchor=False)
    asked = st.text_input(
        "Find word",
        placeholder="part of a word or of its meaning",
        icon=":material/search:",
        live=True,
        width=320,
        **bind("find-word"),
    ).strip()
    st.header("Words", anchor="words")
    found = [WORDS[number] for number in find_words(asked)]
    measured = [STATISTICS[number] for number in find_words(asked, STATISTICS)]
    if not found:
        elsewhere = (
            " It is the name of a statistic, or in its meaning: see below." if measured else ""
        )
        st.markdown(
            f"None of the {units.count(len(WORDS), 'word')} or their meanings contains this.{elsewhere}"
        )
    else:
        _show_table(("word", "meaning"), found)
    st.header("Statistics of a token", anchor="statistics")
    _show_table(("statistic", "meaning"), measured or STATISTICS)
    st.header("Keys", anchor="keys")
    _show_table(("where", "keys"), KEY_ROWS)
    st.markdown(KEY_NOTES)


def _show_table(heading: Row, rows: list[Row]) -> None:
    """As Markdown, which is drawn at once: Streamlit's own table arrives later than the page, which moves."""
    st.markdown(format_help_table([heading, ("---", "---"), *rows]))


def format_help_table(lines: list[Row]) -> Markdown:
    """A table of texts of ours, the heading and the rule below it as its first two lines."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def find_words(asked: str, rows: Sequence[Row] = WORDS) -> list[int]:
    """The numbers of the rows that contain a text in word or meaning, those whose word contains it first."""
    wanted = asked.casefold()
    texts = [(word.casefold(), meaning.casefold()) for word, meaning in rows]
    found = [number for number, text in enumerate(texts) if wanted in " ".join(text)]
    return sorted(found, key=lambda number: wanted not in texts[number][0])
