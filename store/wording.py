"""Counts in words: 1 clip, 2 clips; is or are."""


def agree(count: int, one: str, many: str) -> str:
    """The word that goes with a count: agree(1, "is", "are") is "is"."""
    return one if count == 1 else many


def count(number: int, noun: str, plural: str = "") -> str:
    """A number and what it counts: 1 video, 2,000 videos."""
    return f"{number:,} {agree(number, noun, plural or noun + 's')}"
