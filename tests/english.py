"""Phrases that the project's text does not use, each with what to write instead; `python -m tests.english` lists where they are."""

import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.documentation import ROOMS, ROOT

SEARCHED = (
    *(room for room in ROOMS if room != "tests"),
    "docs",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
)
ENDINGS = {".py", ".md", ".js", ".html"}
TEXT_TOKENS = {
    tokenize.STRING,
    tokenize.COMMENT,
    getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING),
}
THINGS = "token|clip|video|slice|patch|point|pair|batch|window|encoder|frame|row|page|commit"
PHRASES = {  # a regular expression -> what to write
    r"(?<!here )\b(?:is|are|was|were) no (?!(?:longer|more|less|larger|smaller|fewer|better|worse)\b)[a-z]": "is not a",
    r"\b(?:[Oo]ne|Parquet) (?:row|line|number|file|page|slice|entry|float|value) an? [a-z]|\bone a (?:token|clip|video|patch|slice)\b": "one row per",
    rf"\b(?:rows|tokens|clips|frames|videos|bytes|pixels|numbers|MB|GB) an? (?:second|number|{THINGS})\b": "per",
    rf"\ba (?:slice|cursor|page|line|file|number|picture|patch|byte) a (?:query|measure|channel|{THINGS})\b": "one per",
    r"\b\d+ were there\b": "already stored",
    r"\bsearch(?:es)? by sketch\b": "search by index",
    r"\bforet(?:ell|ells|old|elling)\b": "predict",
    r"(?<!-)\banew\b(?!`)": "again, from scratch",
    r"\bgo(?:es)? on where\b": "resume",
    r"\bto go on\b": "to continue",
    r"\b(?:clip|step|pair|run|batch)s? under way\b": "current, in progress",
    r"\bleads? home\b|\bthe way back\b": "the round-trip check",
    r"\bby one a\b": "by one per",
    r"\btells? case apart\b": "case-sensitive",
    r"\bsay which you mean\b": "did you mean",
    r"\bhas no answer\b": "failed",
    r"\bunasked\b": "unless requested",
    r"\bso many (?:a|videos|frames|tokens|threads|clips)\b": "a number of",
    r"\bnobody trained\b": "untrained",
    r"\bin other lights\b|\bin another light\b": "with other augmentation",
    r"\bfrom nothing\b": "from scratch",
    r"\bmade anew\b": "new",
    r"\b[Tt]ake patches\b": "Select patches",
    r"\b[Ll]et go of what is marked\b": "Clear selection",
    r"\bcan be cut out\b|\bto be cut out\b": "segment",
    r"\bcannot be told\b|\bcould be told\b": "cannot be determined",
    r"(?!(?<=[\"`/])\w+[\"`/.])\b(?:colour|centre|behaviour|grey|normalise|optimiser|licence)s?\b(?!\s*[:=}])(?<!\.licence)": "American spelling",
    r"\bonce an? (?:run|session)\b": "once per",
    r"\b(?:file'?s?|video|other|whatever its|without (?:an|its)) endings?\b|\bthe ending of\b": "extension",
    r"\bto be had\b": "available",
    r"\bSQL (?:from|of) people\b": "user-supplied SQL",
    r"\b(?:window|part)s? (?:that )?tells?\b|\btells each of\b": "covers",
    r"\b(?:person|user) brings\b|\bmask that is brought\b": "uploaded",
    r"\bfor what is none\b": "for anything else",
    r"\b(?:is|are) told (?:how|of|by|after|what|its|each)\b": "receives, covers",
    r"\b[Tt]ak(?:e|en|es) away\b": "remove",
    r"\b[Pp]er cent\b": "percent",
    r"\bas ever\b": "as usual",
    r"\b(?:encoder|predictor|student|probe|network|model)s? says? of\b": "the encoder's output for",
    r"\bpeople brought\b": "imported",
    r"\bdots lead inwards\b": "separate nested keys",
    r"\bstudentised\b|\banticlockwise\b": "American spelling",
    r"\d %": "95%",
}


@dataclass(frozen=True)
class Finding:
    """A phrase on a line of a file."""

    place: str
    phrase: str
    instead: str
    line: str


@cache
def lines() -> tuple[tuple[Path, int, str], ...]:
    """Every searched line: file, number, text. Of Python only strings and comments."""
    paths = [
        path
        for name in SEARCHED
        for path in (sorted((ROOT / name).rglob("*")) if (ROOT / name).is_dir() else [ROOT / name])
    ]
    return tuple(line for path in paths if _is_searched(path) for line in _read_lines(path))


def _is_searched(path: Path) -> bool:
    return path.suffix in ENDINGS and not any(parent.is_symlink() for parent in path.parents)


def _read_lines(path: Path) -> Iterator[tuple[Path, int, str]]:
    texts = _strings_and_comments(path) if path.suffix == ".py" else [(1, path.read_text())]
    for first, text in texts:
        yield from ((path, first + number, line) for number, line in enumerate(text.splitlines()))


def _strings_and_comments(path: Path) -> Iterator[tuple[int, str]]:
    """Each with the number of its first line."""
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type in TEXT_TOKENS:
                yield token.start[0], token.string


def find_phrases() -> Iterator[Finding]:
    """Every line that uses one of the phrases."""
    patterns = {re.compile(pattern): instead for pattern, instead in PHRASES.items()}
    for path, number, line in lines():
        for pattern, instead in patterns.items():
            if found := pattern.search(line):
                yield Finding(f"{path.relative_to(ROOT)}:{number}", found[0], instead, line.strip())


if __name__ == "__main__":
    for finding in find_phrases():
        print(
            f"{finding.place}: {finding.phrase!r}, write {finding.instead!r}: {finding.line[:160]}"
        )
