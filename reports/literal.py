"""Text from data, shown as it is: the only way in which names, paths, errors, queries and addresses enter Markdown.

Escaping is not enough: the renderer looks for links, icons and arrows again after resolving escapes, but not in a
code span. Plain names stay as they are.
"""

import html
import re
from itertools import groupby

Markdown = str  # the type of text that is Markdown already: constants of ours, numbers, and what went through a function of this module
PLAIN = re.compile(r"(?!.*www\.)[^\W_]+(?:(?:[_.-]|, | / | )[^\W_]+)*", re.IGNORECASE)
WORD = re.compile(
    r"(?!.*www\.)[(\"'\u201c]*(?:[^\W_]+(?:['\u2019.,/%-][^\W_]+)*%?)?[)\"'\u201d]*[.,;:?!]*",
    re.IGNORECASE,
)  # of prose: nothing in it can be markup
NUMBERED = re.compile(r"\d+[.)]")  # which begins a list
HIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+"
)
ICON = re.compile(r":(?=material/)")  # Streamlit rewrites it even in code
JOINER = "\N{WORD JOINER}"


def literal(text: object) -> Markdown:
    """The text within a line of Markdown: nothing in it is markup. Invisible characters become blanks."""
    shown = ICON.sub(f":{JOINER}", HIDDEN.sub(" ", str(text))).strip()
    if not shown or PLAIN.fullmatch(shown):
        return shown
    fence = _fence(shown, 1)
    return f"{fence} {shown} {fence}" if "`" in (shown[0], shown[-1]) else f"{fence}{shown}{fence}"


def literal_block(text: object, language: str = "text") -> Markdown:
    """The text as lines of their own: a block that nothing in it can close."""
    lines = "\n".join(HIDDEN.sub(" ", line) for line in str(text).splitlines())
    shown = ICON.sub(f":{JOINER}", lines)
    fence = _fence(shown, 3)
    return f"{fence}{language}\n{shown}\n{fence}"


def literal_sentence(text: object) -> Markdown:
    """Prose that may hold data, such as an error: its words stay prose; what it has between backticks, and anything odd, are code spans."""
    shown = ICON.sub(f":{JOINER}", HIDDEN.sub(" ", str(text))).strip()
    parts = shown.split("`")
    if len(parts) % 2 == 0:  # a backtick without a partner
        return _literal_words(shown)
    return "".join(
        f"`{part}`" if place % 2 and part.strip() else _literal_words(part)
        for place, part in enumerate(parts)
    )


def _literal_run(run: str) -> str:
    """A code span; the comma, semicolon or full stop behind it belongs to the sentence."""
    told = run.rstrip(",;.")
    return literal(told) + run[len(told) :] if told else literal(run)


def _literal_words(text: str) -> str:
    """The words of prose as they are, each run of others as a code span."""
    runs = [
        (is_prose, " ".join(words))
        for is_prose, words in groupby(text.split(), lambda word: WORD.fullmatch(word) is not None)
    ]
    told = " ".join(
        run if is_prose and not (place == 0 and NUMBERED.match(run)) else _literal_run(run)
        for place, (is_prose, run) in enumerate(runs)
    )
    before, after = (" " if edge.isspace() else "" for edge in (text[:1], text[-1:]))
    return f"{before}{told}{after}"


def literal_cell(text: object) -> Markdown:
    """The text within a cell of a Markdown table."""
    return literal(text).replace("|", "\\|")


def html_text(text: object) -> str:
    """The text within HTML, an attribute in quotes included."""
    return html.escape(str(text))


def _fence(text: str, least: int) -> str:
    """A run of backticks longer than any in the text."""
    return "`" * max(least, 1 + max(map(len, re.findall("`+", text)), default=0))
