"""Layers: which of an encoder's levels are stored, as `--layer` names them."""

from dataclasses import dataclass

from tubelet.ingest.errors import UsageError


@dataclass(frozen=True)
class Layer:
    """One level, or several joined in order: their places in the encoder's list of levels, and the name that `encoders.layer` shows."""

    name: str
    levels: tuple[int, ...]

    @classmethod
    def parse(cls, text: str, encoder: str, count: int) -> "Layer":
        """Layer from ``last``, a number from 0, a range such as ``0-1``, or ``all``, for an encoder of `count` levels.

        The last number is another name for last, and the range of all levels for all.

        Raises UsageError for a level that the encoder does not have.
        """
        names = {
            "last": LAST,
            **{str(level): cls(str(level), (level,)) for level in range(count - 1)},
        }
        if count > 1:
            ranges = ((first, final) for first in range(count) for final in range(first + 1, count))
            names |= {
                name: cls(name, tuple(range(first, final + 1)))
                for first, final in ranges
                for name in [f"{first}-{final}"]
            }
            whole = cls("all", tuple(range(count)))
            names |= {str(count - 1): LAST, "all": whole, f"0-{count - 1}": whole}
        if text not in names:
            choice = (
                f"has levels 0 to {count - 1}: choose one of them, a range such as 0-1, last or all"
                if count > 1
                else "has one level: leave --layer out"
            )
            raise UsageError(f"--layer {text}: {encoder} {choice}")
        return names[text]


LAST = Layer("last", (-1,))
