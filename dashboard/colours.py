"""Colours of tokens: three numbers of each become red, green and blue, on ranges that hold for every clip of an encoder."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from store import Store, StoreError, clip_queries

CHANNELS = ("red", "green", "blue")


@dataclass(frozen=True)
class Colouring:
    """Three dimensions, one a channel; its name stands in URLs."""

    dimensions: tuple[int, int, int]

    @property
    def name(self) -> str:
        return "d" + ".".join(map(str, self.dimensions))

    @classmethod
    def parse(cls, name: str) -> "Colouring":
        """A colouring from its name. Raises StoreError for anything else."""
        if not re.fullmatch(r"d\d{1,5}\.\d{1,5}\.\d{1,5}", name):
            raise StoreError(f"no colouring is called {name}")
        return cls(tuple(map(int, name[1:].split("."))))


def ranges(store: Store, encoder_id: str, colouring: Colouring) -> list[tuple[float, float]]:
    """The values that become dark and bright, one pair a channel."""
    rows = clip_queries.dimension_ranges(encoder_id, tuple(sorted(set(colouring.dimensions)))).answer(store).to_pylist()
    found = {row["dim"]: (row["low"], row["high"]) for row in rows}
    return [found[dimension] for dimension in colouring.dimensions]


def of_clip(store: Store, clip: Mapping, colouring: Colouring) -> np.ndarray:
    """The colours of a clip's tokens: ``(S, H, W, 3)`` in uint8. Raises StoreError where there is nothing to colour."""
    if clip["embedding_path"] is None:
        raise StoreError("this clip was kept without its embeddings")
    if max(colouring.dimensions) >= clip["dim"]:
        raise StoreError(f"this encoder has {clip['dim']} dimensions, 0 to {clip['dim'] - 1}")
    values = store.grid(clip["clip_id"])[..., list(colouring.dimensions)].astype(np.float32)
    low, high = np.array(ranges(store, clip["encoder_id"], colouring), np.float32).T
    return bytes_of(values, low, high)


def bytes_of(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Values ``(..., 3)`` on ranges a channel to uint8; what is not finite is black."""
    scaled = (values - low) / np.maximum(high - low, 1e-12)
    return (np.clip(np.nan_to_num(scaled, nan=0, posinf=1, neginf=0), 0, 1) * 255 + 0.5).astype(np.uint8)
