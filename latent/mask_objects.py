"""Masks that people have, as objects: images of labels, colors or transparency, arrays, and COCO's run lengths and polygons.

found = read_objects(data)         # a PNG, .npy, .npz or JSON
found.objects                      # names of the objects, in order
found.select("2")                  # bool (S, h, w); None for all of them together
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tubelet.array_types import Bool, Shaped

BINARY_ABOVE = 32  # a gray that is brighter than any usual label
PIECE = 1 << 20  # pixels
OBJECT = "object"  # the name of the only one


class MaskObjects(Protocol):
    """Masks of one or more objects."""

    @property
    def objects(self) -> tuple[str, ...]:
        """The names of the objects; none where everything is background."""

    def select(self, name: str | None = None) -> Bool[np.ndarray, "S h w"]:
        """The pixels of one object, of all of them by default: bool ``(S, h, w)``."""


@dataclass(frozen=True)
class Labels:
    """A number per pixel, ``(S, h, w)``; `background` belongs to no object."""

    values: Shaped[np.ndarray, "S h w"]
    background: int = 0

    @property
    def objects(self) -> tuple[str, ...]:
        return tuple(
            str(number) for number in find_distinct(self.values) if number != self.background
        )

    def select(self, name: str | None = None) -> Bool[np.ndarray, "S h w"]:
        return self.values != self.background if name is None else self.values == int(name)


@dataclass(frozen=True)
class Layers:
    """A mask per object, bool ``(S, h, w)``; they may overlap."""

    masks: Mapping[str, np.ndarray]

    @property
    def objects(self) -> tuple[str, ...]:
        return tuple(name for name, mask in self.masks.items() if mask.any())

    def select(self, name: str | None = None) -> Bool[np.ndarray, "S h w"]:
        return self.masks[name] if name else np.logical_or.reduce(list(self.masks.values()))


def read_values(values: Shaped[np.ndarray, "S h w"]) -> MaskObjects:
    """Truth values, labels, grays or probabilities ``(S, h, w)``: whichever the numbers tell.

    Probabilities count from one half, grays from the middle of their range, other fractions (logits) from 0; whole numbers are labels.
    """
    if values.dtype.kind == "b" or not values.size:
        return Layers({OBJECT: values.astype(bool, copy=False)})
    if values.dtype.kind == "f":
        return _read_fractions(values)
    if values.dtype.kind == "i":
        values = np.maximum(values, 0)
    present = find_distinct(values)
    if len(present) <= 2 and (present[0] == 0 or len(present) == 1):
        return Layers({OBJECT: values > 0})
    top = int(present[-1])
    if is_soft(values, present):
        return Layers({OBJECT: values > top // 2})
    return Labels(values)


def is_soft(values: np.ndarray, present: np.ndarray) -> bool:
    """Whether grays are those of one mask with soft edges, rather than labels: white is the largest, and most of what is not black."""
    top, between = int(present[-1]), present[(present > 0) & (present < present[-1])]
    if top not in (255, 65535) or len(between) < 3 or between[-1] <= BINARY_ABOVE:
        return False
    white = np.count_nonzero(values == top)
    return len(between) > 64 or bool(np.count_nonzero(values) - white < white)


def _read_fractions(values: np.ndarray) -> MaskObjects:
    finite = np.nan_to_num(values, nan=0, posinf=1, neginf=-1)
    if (finite == np.rint(finite)).all() and np.abs(finite).max(initial=0) < 1 << 31:
        return read_values(finite.astype(np.int32))
    probable = finite.min(initial=0) >= 0 and finite.max(initial=0) <= 1
    return Layers({OBJECT: finite > (0.5 if probable else 0)})


def find_distinct(values: np.ndarray) -> np.ndarray:
    """Every number that occurs, in order; small ones are counted piece by piece, which takes no further memory."""
    if values.dtype not in (np.uint8, np.uint16):
        return np.unique(values)
    flat, seen = values.reshape(-1), np.zeros(np.iinfo(values.dtype).max + 1, bool)
    for first in range(0, len(flat), PIECE):
        seen[flat[first : first + PIECE]] = True
    return np.flatnonzero(seen)
