"""Painted masks: patches of some slices, as text ``slice.y.x,slice.y.x``; what is painted on a slice holds until the next slice that is painted on."""

import re

import numpy as np

from tubelet.ingest.errors import UsageError
from tubelet.store.options import PAINTED_PATCHES

Grid = tuple[int, int, int]  # slices, rows, columns
PATCH = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})")
EXAMPLE = "write slice.row.column of each patch, such as 0.3.4,0.3.5"


def parse_patches(text: str) -> tuple[tuple[int, int, int], ...]:
    """Slice, row and column of each patch, sorted, each once. Raises UsageError."""
    found = [PATCH.fullmatch(part.strip()) for part in text.split(",")]
    if None in found or len(found) > PAINTED_PATCHES:
        wrong = "is not a list of patches" if None in found else f"names more than {PAINTED_PATCHES:,} patches"  # fmt: skip
        raise UsageError(f"--paint {text[:60]} {wrong}: {EXAMPLE}")
    return tuple(sorted({(int(one[1]), int(one[2]), int(one[3])) for one in found if one}))


def format_patches(patches: tuple[tuple[int, int, int], ...]) -> str:
    return ",".join(".".join(map(str, patch)) for patch in patches)


def spread_patches(text: str, until: int | None, grid: Grid) -> np.ndarray:
    """What is hidden of a grid, (S, H, W): from the first painted slice to slice `until`, the last one where that is None. Raises UsageError."""
    patches, stop = parse_patches(text), (grid[0] - 1 if until is None else until) + 1
    for patch in patches:
        if any(at >= size for at, size in zip(patch, grid)):
            raise UsageError(
                f"--paint {'.'.join(map(str, patch))} lies outside of a window of {grid[0]} x {grid[1]} x {grid[2]} tokens (slices, rows, columns, from 0): {EXAMPLE}"
            )
    hidden = np.zeros(grid, bool)
    painted = sorted({slice_ for slice_, _, _ in patches})
    for first, next_ in zip(painted, [*painted[1:], grid[0]], strict=True):
        rows, columns = zip(*((y, x) for slice_, y, x in patches if slice_ == first), strict=True)
        hidden[first : min(next_, stop), rows, columns] = True
    return hidden
