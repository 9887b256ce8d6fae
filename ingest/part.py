"""The part of the sources that one process of several takes: chosen by `--part I/N`, or by what Slurm, torchrun and others set.

A source belongs to a part by the hash of its name below the folder that was given, so it stays in its part when other files come or go,
and every machine that sees the folder agrees, wherever it is mounted.
"""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tubelet.ingest.errors import UsageError
from tubelet.ingest.sources import Source
from tubelet.store.wording import count

PARTS_MOST = 1_000_000
ADVICE = "pass --part I/N, or --part 1/1 for everything"


@dataclass(frozen=True)
class Part:
    """Part `number` of `of`, counted from 1, and what said so."""

    number: int = 1
    of: int = 1
    origin: str = "--part"

    @classmethod
    def parse(cls, text: str | None, environment: Mapping[str, str]) -> "Part":
        """The part that `--part` names; without it, the one that the environment tells. Raises UsageError for anything else."""
        if text is None:
            return _tell_part(environment)
        if not (found := re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text)):
            raise UsageError(f"--part {text} is not a part: write I/N, such as 1/4")
        number, of = map(int, found.groups())
        if not 1 <= of <= PARTS_MOST:
            raise UsageError(f"--part {text}: N must be between 1 and {PARTS_MOST:,}")
        if not 1 <= number <= of:
            which = "1/1" if of == 1 else f"1/{of} to {of}/{of}"
            raise UsageError(f"--part {text}: there is no such part, choose {which}")
        return cls(number, of)

    def choose(self, sources: Sequence[Source]) -> list[Source]:
        """Choose the sources that are in this part."""
        return [source for source in sources if self._holds(source)]

    def _holds(self, source: Source) -> bool:
        if self.of == 1:
            return True
        digest = hashlib.sha256(os.fsencode(source.name_below_root)).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1


@dataclass(frozen=True)
class Taken:
    """What a part turned out to be: how many of all sources are in it."""

    part: Part
    sources: int
    all_sources: int

    @property
    def words(self) -> str:
        part, held = self.part, "holds" if self.all_sources == 1 else "hold"
        found = count(self.all_sources, "source")
        return f"part {part.number}/{part.of} ({part.origin}): {self.sources:,} of the {found} that the paths {held}"


def _tell_part(environment: Mapping[str, str]) -> Part:
    """The part that the environment tells: a task of a Slurm array, a rank of it, or a shard; everything where it says nothing."""
    array, rank = _read_array(environment), _read_index(environment, "RANK", "WORLD_SIZE")
    if array and rank:  # each task of the array starts as many ranks
        number = (array.number - 1) * rank.of + rank.number
        return Part(number, array.of * rank.of, f"{array.origin} and {rank.origin}")
    return array or rank or _read_index(environment, "SHARD_INDEX", "NUM_SHARDS") or Part()


def _read_array(environment: Mapping[str, str]) -> Part | None:
    """The task of a Slurm array: its ids may start anywhere and be `SLURM_ARRAY_TASK_STEP` apart."""
    prefix, id_ = "SLURM_ARRAY_TASK_", "SLURM_ARRAY_TASK_ID"
    of = _read_number(environment, f"{prefix}COUNT")
    number = _read_number(environment, id_)
    if of is None or number is None or of == 1:
        return None
    first = _read_number(environment, f"{prefix}MIN") or 0
    step = _read_number(environment, f"{prefix}STEP") or 1
    last = _read_number(environment, f"{prefix}MAX")
    index, rest = divmod(number - first, step)
    if rest or not 0 <= index < of or (last is not None and last - first != (of - 1) * step):
        raise UsageError(
            f"{id_} is {number}, and the {of} ids of the array are not evenly spaced: {ADVICE}"
        )
    return Part(index + 1, of, id_)


def _read_index(environment: Mapping[str, str], index_name: str, of_name: str) -> Part | None:
    """A part by an index that counts from 0."""
    of, index = _read_number(environment, of_name), _read_number(environment, index_name)
    if of is None or of == 1:
        return None
    if index is None:
        raise UsageError(f"{of_name} is {of}, but {index_name} is not set: {ADVICE}")
    if not 0 <= index < of:
        raise UsageError(f"{index_name} is {index}, but {of_name} is {of}: {ADVICE}")
    return Part(index + 1, of, index_name)


def _read_number(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name, "").strip()
    if text and not re.fullmatch(r"\d{1,9}", text):
        raise UsageError(f"{name} is {text!r}, which is not a number: {ADVICE}")
    return int(text) if text else None
