"""Numbers as people read them: exact where that is short, rounded where it is not, never without a unit."""

from tubelet.store.wording import agree

MOST_DIGITS = 9  # of a number that is read
EXACT = 10_000_000  # counts below this are written digit by digit
STEPS = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
BYTE_STEPS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def number(value: int) -> str:
    """1234567 -> 1,234,567; 84200000 -> 84.2 million."""
    if abs(value) < EXACT:
        return f"{value:,}"
    step, word = next((step, word) for step, word in STEPS if abs(value) >= step)
    return f"{_three_digits(value / step)} {word}"


def read(text: str) -> int | None:
    """A whole number from an address: up to nine ASCII digits; None for anything else."""
    return int(text) if len(text) <= MOST_DIGITS and text.isascii() and text.isdecimal() else None


def count(value: int, noun: str, plural: str = "") -> str:
    """A number and what it counts: 1 video, 2 videos."""
    return f"{number(value)} {agree(value, noun, plural or noun + 's')}"


def size(value: int) -> str:
    """Bytes in decimal units: 1234567 -> 1.23 MB."""
    for step, unit in BYTE_STEPS:
        if abs(value) >= 0.9995 * step:
            return f"{_three_digits(value / step)} {unit}"
    return count(value, "byte")


def duration(seconds: float) -> str:
    """0.042 -> 0.04 s; 9.5 -> 9.5 s; 754 -> 12 min 34 s; 11520 -> 3 h 12 min."""
    if seconds < 59.95:
        return f"{seconds:.{2 if seconds < 1 else 1}f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def span(first: int, last: int, total: int, noun: str) -> str:
    """Where a page of rows stands: 1-25 of 10,000 videos."""
    return f"{first:,}\N{EN DASH}{last:,} of {count(total, noun)}" if total else f"0 {noun}s"


def _three_digits(value: float) -> str:
    decimals = max(0, 2 - len(str(int(abs(value)))) + 1)
    return f"{value:.{decimals}f}"
