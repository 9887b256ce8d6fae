"""Marked patches, as one text for URLs: ``CLIP-slice.y.x,slice.y.x`` and, after ~, those of the background."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tubelet.store.rows import ClipRow

Patch = tuple[int, int, int]  # slice, y, x
MOST = 200  # patches of a kind that a text holds
PATCH = r"[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}"
PATCHES = rf"(?:{PATCH}(?:,{PATCH})*)"
NAME = re.compile(rf"([0-9a-f]{{1,64}})-({PATCHES}?)(?:~({PATCHES}))?")


@dataclass(frozen=True)
class MarkedPatches:
    """Patches of one clip, ``(slice, y, x)`` each: the selected ones, and those marked as background."""

    clip_id: str = ""
    patches: tuple[Patch, ...] = ()
    background: tuple[Patch, ...] = ()

    @classmethod
    def parse(cls, name: str) -> "MarkedPatches":
        """The patches that a text names; none where it is not such a text."""
        found = NAME.fullmatch(name)
        return (
            cls(found[1], _parse_patches(found[2]), _parse_patches(found[3]))
            if found and (found[2] or found[3])
            else cls()
        )

    @property
    def name(self) -> str:
        if not self.patches and not self.background:
            return ""
        return f"{self.clip_id}-{_format_patches(self.patches)}{'~' if self.background else ''}{_format_patches(self.background)}"

    def on(self, clip: ClipRow) -> "MarkedPatches":
        """Return the patches that lie on the grid of a `clips` row; none where it is another clip."""

        def inside(patches: Iterable[Patch]) -> tuple[Patch, ...]:
            return tuple(
                p for p in patches if all(0 <= n < size for n, size in zip(p, clip.positions))
            )

        return (
            MarkedPatches(self.clip_id, inside(self.patches), inside(self.background))
            if clip.clip_id == self.clip_id
            else MarkedPatches()
        )


def number_tokens(clip: ClipRow, patches: Iterable[Patch]) -> list[int]:
    """The numbers of patches among the tokens of a `clips` row, in the order of addresses."""
    return [(slice_ * clip.grid_height + y) * clip.grid_width + x for slice_, y, x in patches]


def _parse_patches(text: str | None) -> tuple[Patch, ...]:
    return tuple(_parse_patch(part) for part in text.split(","))[:MOST] if text else ()


def _parse_patch(text: str) -> Patch:
    slice_, y, x = map(int, text.split("."))
    return slice_, y, x


def _format_patches(patches: Iterable[Patch]) -> str:
    return ",".join(".".join(map(str, patch)) for patch in patches)
