"""Layers: where in an encoder the stored tokens are taken, as `--layer`, `--side` and `--final-norm` name it.

A level is one of the outputs that an encoder offers itself, normed as it norms them. A block layer is the residual stream before or
after a block. Several layers are joined in order, and cost one forward pass.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tubelet.ingest.errors import UsageError

PRE, POST = "pre", "post"  # sides of a block
BLOCKS = re.compile(r"blocks?:(all|\d{1,4}(?:[-,]\d{1,4})*)")
FORMS = "block:N, blocks:N-M, blocks:N,M or blocks:all"


@dataclass(frozen=True, kw_only=True)
class Depth:
    """What an encoder can give: its levels, its blocks, whether these have two sides, and whether it has a final norm."""

    levels: int = 1
    blocks: int = 0
    sides: bool = True
    final_norm: bool = True

    @property
    def block_advice(self) -> str:
        return f"its blocks 0 to {self.blocks - 1} ({FORMS})" if self.blocks else ""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What is stored: `levels` are places in the encoder's list of levels, `blocks` numbers of blocks; one of the two is empty.

    `name` is what `encoders.layer` shows, `parts` are the names of the layers that are joined.
    """

    name: str
    levels: tuple[int, ...] = ()
    blocks: tuple[int, ...] = ()
    side: str | None = None  # of blocks
    final_norm: bool | None = None  # of blocks: whether the encoder's last norm is applied

    @property
    def parts(self) -> tuple[str, ...]:
        if self.blocks:
            return tuple(f"block:{block}" for block in self.blocks)
        return tuple(map(str, self.levels)) if len(self.levels) > 1 else (self.name,)

    @property
    def key(self) -> str:
        """What tells it from any other layer of an encoder: part of the encoder's id."""
        words = [self.name, *[PRE] * (self.side == PRE), *["final-norm"] * bool(self.final_norm)]
        return "-".join(words)

    @classmethod
    def parse(cls, text: str, encoder: str, count: int, blocks: str = "") -> "Layer":
        """Layer from ``last``, a number from 0, a range such as ``0-1``, or ``all``, for an encoder of `count` levels.

        The last number is another name for last, and the range of all levels for all.

        Raises UsageError for a level that the encoder does not have; it names its `blocks`, too.
        """
        names = _level_names(count)
        if text not in names:
            choice = (
                f"has levels 0 to {count - 1}: choose one of them, a range such as 0-1, last or all"
                if count > 1
                else "has one level: leave --layer out"
            )
            more = f", or take {blocks}" if blocks else ""
            raise UsageError(f"--layer {text}: {encoder} {choice}{more}")
        return names[text]


ONE_LEVEL = Depth()
LAST = Layer(name="last", levels=(-1,))
ONLY = Layer(name="only", levels=(-1,))  # of an encoder without layers


def _level_names(count: int) -> Mapping[str, Layer]:
    """Every name of a level or of several, with its layer."""
    names = {
        "last": LAST,
        **{str(level): Layer(name=str(level), levels=(level,)) for level in range(count - 1)},
    }
    if count > 1:
        ranges = ((first, final) for first in range(count) for final in range(first + 1, count))
        names |= {f"{first}-{final}": _join_levels(first, final) for first, final in ranges}
        whole = Layer(name="all", levels=tuple(range(count)))
        names |= {str(count - 1): LAST, "all": whole, f"0-{count - 1}": whole}
    return names


def _join_levels(first: int, final: int) -> Layer:
    return Layer(name=f"{first}-{final}", levels=tuple(range(first, final + 1)))


@dataclass(frozen=True)
class LayerChoice:
    """What the command asks for; `side` and `final_norm` belong to block layers."""

    text: str
    side: str | None = None
    final_norm: bool = False

    def resolve(self, encoder: str, depth: Depth) -> Layer:
        """The layer for an encoder of this depth. Raises UsageError for what it does not have, saying what it has."""
        if self.text.startswith("block"):
            return self._resolve_blocks(encoder, depth)
        flag = "--side" if self.side else "--final-norm" if self.final_norm else ""
        if flag:
            takes = f"take {depth.block_advice}" if depth.blocks else "leave it out"
            raise UsageError(
                f"{flag} goes with a layer of blocks, not with --layer {self.text}: {takes}"
            )
        return Layer.parse(self.text, encoder, depth.levels, depth.block_advice)

    def _resolve_blocks(self, encoder: str, depth: Depth) -> Layer:
        blocks = self._numbers(encoder, depth)
        if self.side == PRE and not depth.sides:
            raise UsageError(
                f"--side pre: {encoder} has no residual stream before its blocks: leave --side out"
            )
        if self.final_norm and not depth.final_norm:
            raise UsageError(f"--final-norm: {encoder} has no final norm: leave it out")
        return Layer(
            name=_block_name(blocks, depth.blocks),
            blocks=blocks,
            side=self.side or POST,
            final_norm=self.final_norm,
        )

    def _numbers(self, encoder: str, depth: Depth) -> tuple[int, ...]:
        if not depth.blocks:
            raise UsageError(f"--layer {self.text}: {encoder} has no blocks: leave --layer out")
        found = BLOCKS.fullmatch(self.text)
        numbers = _parse_numbers(found[1], depth.blocks) if found else ()
        if not numbers or numbers[-1] >= depth.blocks:
            has = f"{encoder} has blocks 0 to {depth.blocks - 1}"
            raise UsageError(f"--layer {self.text}: {has}: choose {FORMS}")
        return numbers


def _parse_numbers(text: str, count: int) -> tuple[int, ...]:
    """Rising numbers from ``all``, ``3``, ``0-5`` or ``0,4-7``; none where a range falls."""
    if text == "all":
        return tuple(range(count))
    found: set[int] = set()
    for part in text.split(","):
        ends = [int(end) for end in part.split("-")]
        if len(ends) > 2 or ends[0] > ends[-1]:
            return ()
        found.update(range(ends[0], ends[-1] + 1))
    return tuple(sorted(found))


def _block_name(blocks: tuple[int, ...], count: int) -> str:
    """One name per choice of blocks, whichever way it was written."""
    if len(blocks) == count > 1:
        return "blocks:all"
    if len(blocks) == 1:
        return f"block:{blocks[0]}"
    if blocks == tuple(range(blocks[0], blocks[-1] + 1)):
        return f"blocks:{blocks[0]}-{blocks[-1]}"
    return f"blocks:{','.join(map(str, blocks))}"
