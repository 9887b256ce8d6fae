"""Words for people: counts (1 clip, 2 clips; is or are), text that a terminal prints as it is, and messages."""

import sys
from contextlib import suppress


def agree(count: int, one: str, many: str) -> str:
    """The word that goes with a count: agree(1, "is", "are") is "is"."""
    return one if count == 1 else many


def count(number: int, noun: str, plural: str = "") -> str:
    """A number and what it counts: 1 video, 2,000 videos."""
    return f"{number:,} {agree(number, noun, plural or noun + 's')}"


def write_size(number: int) -> str:
    """Bytes in decimal units: 1234567 is 1.2 MB."""
    for step, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if number >= step:
            return f"{number / step:,.1f} {unit}"
    return count(number, "byte")


def escape_controls(text: str) -> str:
    """The text on one line. What a terminal would act on, such as an escape sequence, is written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def tell(message: str) -> None:
    """Say on stderr what happens meanwhile; a device that is full or gone ends no work."""
    if sys.stderr is not None:  # print() would take stdout, where results go
        with suppress(OSError):
            print(message, file=sys.stderr, flush=True)
