"""Layers: which of an encoder's levels is stored, as `--layer` names it."""

from dataclasses import dataclass

from tubelet.ingest.errors import UsageError


@dataclass(frozen=True)
class Layer:
    """One level, or all of them joined in order: their places in the encoder's list of levels, and the name that `encoders.layer` shows."""

    name: str
    levels: tuple[int, ...]

    @classmethod
    def parse(cls, text: str, encoder: str, count: int) -> "Layer":
        """Layer from ``last``, a number from 0, or ``all``, for an encoder of `count` levels; the last number is another name for last.

        Raises UsageError for a level that the encoder does not have.
        """
        names = {"last": LAST, **{str(level): cls(str(level), (level,)) for level in range(count - 1)}}
        if count > 1:
            names |= {str(count - 1): LAST, "all": cls("all", tuple(range(count)))}
        if text not in names:
            choice = f"has levels 0 to {count - 1}: choose one of them, last or all" if count > 1 else "has one level: leave --layer out"
            raise UsageError(f"--layer {text}: {encoder} {choice}")
        return names[text]


LAST = Layer("last", (-1,))
