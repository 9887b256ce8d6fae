"""The option `--change`: which changes a text names, and whether windows allow them."""

import math
from collections.abc import Sequence

import torch

from tubelet.ingest.changes import CHANGES, Change, ChangeEntry
from tubelet.ingest.errors import UsageError
from tubelet.ingest.windows import Windowing


def parse_changes(text: str | None) -> tuple[Change, ...]:
    """The changes of `--change`, each once, in their order. Raises UsageError."""
    parts = [part.strip().lower() for part in (text or "").split(",")] if text is not None else []
    return tuple(dict.fromkeys(_parse_change(part) for part in parts))


def _parse_change(part: str) -> Change:
    name, _, strength = part.partition(":")
    if name not in CHANGES:
        raise UsageError(
            f"--change {part or 'is empty'}: choose {', '.join(CHANGES)}, or several with commas"
        )
    entry = CHANGES[name]
    if entry.least is None:
        if strength:
            raise UsageError(f"--change {part}: {name} has no strength: write {name} alone")
        return Change(name)
    if not strength:
        raise UsageError(f"--change {part}: {name} needs a strength, as in {entry.example}")
    return Change(name, _parse_strength(part, strength, entry))


def _parse_strength(part: str, strength: str, entry: ChangeEntry) -> float:
    try:
        value = float(strength)
    except ValueError:
        value = math.nan
    least, most = entry.least or 0.0, entry.most or 0.0
    bounds = f"from {least:g} to {most:g}"
    if not least <= value <= most:
        raise UsageError(f"--change {part}: the strength must be {bounds}, as in {entry.example}")
    whole, name = value == int(value), part.partition(":")[0]
    if name == "jpeg" and not whole:
        raise UsageError(f"--change {part}: a JPEG's quality is a whole number {bounds}")
    if name == "rotate" and not value:
        raise UsageError(f"--change {part}: it changes nothing: write {entry.example}")
    return value


def check_changes(
    changes: Sequence[Change], windowing: Windowing, grid: tuple[int, int] | None
) -> None:
    """Raises UsageError for changes that say nothing of these windows; `grid` is patch rows and columns, None where videos differ in them."""
    for change in changes:
        if reason := _explain_refusal(change, windowing, grid):
            raise UsageError(f"--change {change.text}: {reason}")


def _explain_refusal(change: Change, windowing: Windowing, grid: tuple[int, int] | None) -> str:
    entry = change.entry
    if entry.in_time and windowing.tubelet == 1:
        return f"an image encoder sees one frame at a time: leave {change.name} out"
    if entry.in_time and windowing.frames < 2:
        return "it needs 2 frames or more, and a window has 1: use more --frames, or leave it out"
    if windowing.slices < entry.slices:
        return f"it needs {entry.slices} slices or more, and a window has {windowing.slices}: use --frames {entry.slices * windowing.tubelet} or more, or leave it out"
    if grid and not _leaves_places(change, windowing, grid):
        return f"it leaves nothing to compare of {grid[0]} x {grid[1]} patches: use a larger --size, or a weaker change"
    return ""


def _leaves_places(change: Change, windowing: Windowing, grid: tuple[int, int]) -> bool:
    """Whether any place of a grid is in the changed one, too: a question of geometry alone, which an empty window answers."""
    empty = torch.zeros((windowing.frames, 3, *grid), dtype=torch.uint8)
    return bool(change.apply(empty, windowing.tubelet).alignment.inside(*grid).any())
