"""The tokens from which a direction is described: at most 20,000 and 16 million numbers, about as many of each video, drawn by a hash of their addresses."""

from collections.abc import Collection
from dataclasses import dataclass, fields

import numpy as np

from tubelet.array_types import Bool, Float32, Int
from tubelet.latent.directions.direction import Direction
from tubelet.latent.errors import LatentError
from tubelet.latent.scope import SAMPLED, sampling, vectors
from tubelet.store import Store

MOST, MOST_NUMBERS = 20_000, 16_000_000  # tokens; tokens times dimensions: 64 MB
ASKED = f"""SELECT c.video_id, s.clip_id, s.slice, s.y, s.x, c.grid_height, c.grid_width, c.slices, s.embedding {SAMPLED}
ORDER BY c.video_id, s.clip_id, s.slice, s.y, s.x"""


@dataclass(frozen=True)
class DirectionSample:
    """Sampled tokens ``(n, D)`` video by video, their addresses ``(n,)``, and the grids and slices of their windows; `each` is about the number per video."""

    each: int
    vectors: Float32[np.ndarray, "n D"]
    video: np.ndarray  # (n,) of str
    clip: np.ndarray  # (n,) of str
    slice: Int[np.ndarray, " n"]
    y: Int[np.ndarray, " n"]
    x: Int[np.ndarray, " n"]
    height: Int[np.ndarray, " n"]
    width: Int[np.ndarray, " n"]
    slices: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def videos(self) -> int:
        return len(np.unique(self.video))

    def only(self, kept: Bool[np.ndarray, " n"]) -> "DirectionSample":
        """The tokens where `kept` is true."""
        return DirectionSample(
            self.each, *(getattr(self, field.name)[kept] for field in fields(self)[1:])
        )

    def among(self, video_ids: Collection[str] | None) -> "DirectionSample":
        """The tokens of some videos; None for all."""
        return self if video_ids is None else self.only(np.isin(self.video, list(video_ids)))

    def measure(self, direction: Direction) -> "MeasuredTokens":
        """The tokens that have a value along the direction, and those values."""
        positions = direction.preparation.positions
        fits = np.ones(len(self), bool)
        if positions is not None:
            fits = (self.height == positions.shape[0]) & (self.width == positions.shape[1])
        kept = self if fits.all() else self.only(fits)
        values = direction.measure(kept.vectors, kept.y, kept.x)
        known = np.isfinite(values)
        return MeasuredTokens(kept if known.all() else kept.only(known), values[known])


@dataclass(frozen=True)
class MeasuredTokens:
    """Tokens and their values ``(n,)`` along a direction, all finite."""

    tokens: DirectionSample
    values: Float32[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.values)


def draw_direction_sample(store: Store, encoder_id: str, dims: int) -> DirectionSample:
    """The sample of an encoder of so many dimensions. Raises LatentError where there is none."""
    asked = sampling(store, encoder_id, max(1, min(MOST, MOST_NUMBERS // dims)))
    table = store.query(ASKED, asked)
    if not len(table):
        raise LatentError(
            f"{store.root} holds no sampled tokens of {encoder_id}: ingest some videos"
        )
    video, clip = (table[name].to_numpy(zero_copy_only=False).astype(str) for name in ("video_id", "clip_id"))  # fmt: skip
    names = ("slice", "y", "x", "grid_height", "grid_width", "slices")
    return DirectionSample(
        asked["each"],
        vectors(table["embedding"]).astype(np.float32, copy=False),
        video,
        clip,
        *(table[name].to_numpy() for name in names),
    )
