"""Texts that are kept or shown, without what would let their reader in: passwords and tokens in addresses, and values of options that hold them.

https://ann:pw@host/a.mp4?X-Amz-Signature=9f    https://***@host/a.mp4?***
--store-option secret_access_key=9f             --store-option ***
"""

import re
from collections.abc import Sequence

HIDDEN = "***"
PIECE, QUERY = re.compile(r"\S+"), re.compile(r"[?#]")
OPTIONS = frozenset({"--store-option", "--token", "--password"})  # whose whole value is hidden
SECRET = r"(?:secret|password|passwd|passphrase|token|credential|signature|(?:access|account|api|private|shared)[_-]?key|sas)"
RULES = (
    (re.compile(r"(?<=://)[^\s/?#]*@"), f"{HIDDEN}@"),  # up to the last @: passwords hold some
    (re.compile(rf"({SECRET}(?:[_-](?:access[_-])?(?:key|id))?=)\S+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b(bearer|basic) +[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
)  # fmt: skip


def redact(text: str) -> str:
    """A text with its secrets hidden."""
    text = PIECE.sub(lambda piece: _redact_query(piece[0]), text)
    for pattern, shown in RULES:
        text = pattern.sub(shown, text)
    return text


def _redact_query(piece: str) -> str:
    """An address without what stands behind its first ? or #."""
    before, scheme, after = piece.partition("://")
    found = QUERY.search(after) if scheme else None
    return f"{before}{scheme}{after[: found.end()]}{HIDDEN}" if found else piece


def redact_words(words: Sequence[str]) -> tuple[str, ...]:
    """The arguments of a command with secrets hidden, also where an option and its value are separate arguments."""
    return tuple(
        HIDDEN if before in OPTIONS else _redact_word(word)
        for before, word in zip(("", *words), words)
    )


def is_redacted(words: Sequence[str]) -> bool:
    """Whether the words are no longer all that was typed."""
    return any(HIDDEN in word for word in words)


def _redact_word(word: str) -> str:
    flag, equals, _ = word.partition("=")
    return f"{flag}={HIDDEN}" if equals and flag in OPTIONS else redact(word)
