"""Patches that a reader took, as one text that stands in URLs: ``CLIP-slice.y.x,slice.y.x``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

MOST = 200  # patches that a text holds
NAME = re.compile(r"([0-9a-f]{1,64})-(\d+\.\d+\.\d+(?:,\d+\.\d+\.\d+)*)")


@dataclass(frozen=True)
class Marked:
    """Patches of one clip, ``(slice, y, x)`` each."""

    clip_id: str = ""
    patches: tuple[tuple[int, int, int], ...] = ()

    @classmethod
    def parse(cls, name: str) -> "Marked":
        """The patches that a text names; none where it is no such text."""
        found = NAME.fullmatch(name)
        return cls(found[1], tuple(tuple(map(int, part.split("."))) for part in found[2].split(","))[:MOST]) if found else cls()

    @property
    def name(self) -> str:
        return f"{self.clip_id}-{','.join('.'.join(map(str, patch)) for patch in self.patches)}" if self.patches else ""

    def on(self, clip: Mapping) -> "Marked":
        """Those that the grid of a `clips` row has; none where it is another clip."""
        shape = clip["slices"], clip["height"], clip["width"]
        fits = (patch for patch in self.patches if all(0 <= n < size for n, size in zip(patch, shape)))
        return Marked(self.clip_id, tuple(fits)) if clip["clip_id"] == self.clip_id else Marked()
