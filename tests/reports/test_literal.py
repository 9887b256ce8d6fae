"""Data never becomes Markdown or HTML: by the source of every page and report, and by what a Markdown parser makes of hostile text."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.markdown import Known, Module, unsafe
from tubelet.reports.literal import (
    JOINER,
    html_text,
    literal,
    literal_block,
    literal_cell,
    literal_sentence,
)

ROOT = Path(__file__).parents[2]
PATHS = [path for room in ("dashboard", "reports") for path in sorted((ROOT / room).rglob("*.py"))]
HOSTILE = [
    "![x](http://evil.test/leak.png)", "[click](http://evil.test)", "<img src=http://evil.test/i.png onerror=alert(1)>", "https://evil.test/x", "www.evil.test",
    "mail@evil.test", ":material/warning:", ":red[text]", "$x^2$", "**bold** _it_ ~~no~~ `code`", "```\n![x](http://evil.test/fence)\n```", "````\nout", "a``b```c",
    "`", "`a", "a`", "# heading", "- item", "1. item", "| a | b |", "a\n\n![x](http://evil.test/line)", "a\r\n> quote", "\\", "\\`x", "&lt;b&gt;", ":smile:", "-> <- --",
    "<script>alert(1)</script>", "[x]: http://evil.test", "a  \nb*", "--- ", "{{x}}", "]( http://evil.test )", "a]b:green[c]",
]  # fmt: skip


@cache
def read_module(path: Path) -> Module:
    return Module(path)


@cache
def known() -> Known:
    """Read by the first test that asks, and not by every process that collects the tests."""
    return Known.of(list(map(read_module, PATHS)))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_page_or_report_lets_data_into_markdown(path: Path) -> None:
    """What Streamlit and the exporters draw as Markdown is a constant, a number in a number's format, or went through `literal`."""
    assert not list(unsafe(read_module(path), known()))


@pytest.mark.parametrize(
    "source",
    [
        "st.markdown(name)", "st.caption(f'{name}')", "st.error(str(error))", "st.warning(f'No: {error}')", "st.markdown(f'**{row[\"name\"]}**')",
        "st.selectbox(name, [1])", "st.button('Go', help=name)", "st.segmented_control('By', [name])", "head.title(name)", "st.subheader(video['name'])",
        "st.markdown('a' + name)", "st.markdown(', '.join(names))", "st.markdown(f'{name:>9}')", "st.markdown(name or 'none')", "st.table({'a': name})",
        "said = name\n    st.markdown(said)", "st.column_config.TextColumn('a', help=name)", "st.markdown(body=name)", "st.radio('By', [1], captions=[name])", "st.markdown('%s' % name)", "st.metric(name, 1)",
    ],
)  # fmt: skip
def test_the_check_sees_each_way_of_forgetting(source: str, tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    page.write_text(f"def show(name, names, row, video, error, head):\n    {source}\n")
    assert list(unsafe(Module(page), known())), source


@pytest.mark.parametrize(
    "source",
    [
        "st.markdown(literal(name))",
        "st.caption(f'{count:,} of {literal(name)}')",
        "st.error(literal_block(error))",
        "st.markdown('a')",
    ],
)
def test_the_check_lets_through_what_is_literal(source: str, tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    page.write_text(f"def show(name, count, error):\n    {source}\n")
    ast.parse(page.read_text())
    assert not list(unsafe(Module(page), known())), source


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_one_code_span(text: str) -> None:
    """In a sentence, in bold and in a link: the tree has the text in one span and nothing that it brought along."""
    parser = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(
        ["table", "strikethrough"]
    )
    for before, after in (("Found ", " here"), ("**", "**"), ("", "")):
        (_, inline, _) = parser.parse(f"{before}{literal(text)}{after}")
        spans = [child for child in inline.children if child.type == "code_inline"]
        kinds = {child.type for child in inline.children} - {"text", "strong_open", "strong_close"}
        assert kinds == {"code_inline"} and len(spans) == 1
        assert shown(spans[0].content) == shown(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_one_block(text: str) -> None:
    (fence,) = MarkdownIt("commonmark").parse(literal_block(text))
    assert fence.type == "fence" and shown(fence.content) == shown(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_one_cell(text: str) -> None:
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(f"| a | b |\n|---|---|\n| {literal_cell(text)} | 2 |")
    cells = [tokens[place + 1] for place, token in enumerate(tokens) if token.type == "td_open"]
    assert len(cells) == 2 and cells[1].content == "2"
    assert [child.type for child in cells[0].children] == ["code_inline"] and shown(
        cells[0].children[0].content
    ) == shown(text)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("around", ["{}", "No video {} is here: run `tubelet probe`.", "It's `{}`"])
def test_hostile_text_in_an_error_is_prose_and_code_spans_alone(text: str, around: str) -> None:
    told = literal_sentence(around.format(text))
    (opened, inline, _) = MarkdownIt("commonmark", {"html": True}).parse(told)
    assert opened.type == "paragraph_open" and {child.type for child in inline.children} <= {
        "text",
        "code_inline",
    }
    prose = " ".join(child.content for child in inline.children if child.type == "text")
    assert not re.search(r"[][<>$*_~#|\\`&@]|://|www\.|:\S*[^\W_]\S*:|->|<-|--", prose), prose


def test_an_error_reads_as_prose_with_its_commands_as_code() -> None:
    told = "/a_b/store holds no probes: train some with `tubelet probe --label NAME`, or don't (it's 5%)."
    assert literal_sentence(told) == "`/a_b/store`" + told.removeprefix("/a_b/store")
    assert literal_sentence("none in /a_b; see a*b, c") == "none in `/a_b`; see `a*b`, c"
    assert literal_sentence("Give `$k` a value") == "Give `$k` a value"


@pytest.mark.parametrize(
    "text",
    ["video-00001.mp4", "cooking", "toy, windows", "edge / std", "größe 2.mp4", "a_b-c d", "2024"],
)
def test_plain_names_stay_as_they_are(text: str) -> None:
    assert literal(text) == text


@pytest.mark.parametrize("text", ["a\u2028b", "a\n\nb", "a\x00b", "\u202ea b", "a\u200bb"])
def test_what_cannot_be_seen_becomes_a_blank(text: str) -> None:
    assert literal(text) == "a b"


def test_html_is_text() -> None:
    assert (
        html_text("<img src='x' onerror=\"y\">&")
        == "&lt;img src=&#x27;x&#x27; onerror=&quot;y&quot;&gt;&amp;"
    )


def shown(text: str) -> str:
    """What a reader sees of a text: without what has no shape, blanks as one."""
    return " ".join(text.replace(JOINER, "").split())
