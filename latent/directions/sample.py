"""The tokens from which a direction is described: at most 20,000 and 16 million numbers, about as many of each video, drawn by a hash of their addresses."""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from tubelet.array_types import Bool, Float32, Float64, Int
from tubelet.latent.directions.direction import Direction
from tubelet.latent.errors import LatentError
from tubelet.latent.scope import SAMPLED, sampling, vectors
from tubelet.store import Store

BLOCK = 2_048  # tokens at a time
ROUNDING = 1e-6  # of a dimension's size: less spread is rounding
MOST, MOST_NUMBERS = 20_000, 16_000_000  # tokens; tokens times dimensions: 64 MB
ASKED = f"""SELECT c.video_id, s.clip_id, s.slice, s.y, s.x, c.grid_height, c.grid_width, c.slices, s.embedding {SAMPLED}
ORDER BY c.video_id, s.clip_id, s.slice, s.y, s.x"""


@dataclass(frozen=True, kw_only=True)
class DirectionSample:
    """Sampled tokens ``(n, D)`` video by video, their addresses ``(n,)``, and the grids and slices of their windows; `each` is about the number per video.

    `video` and `clip` are numbers into `video_ids` and `clip_ids`.
    """

    each: int
    video_ids: tuple[str, ...]
    clip_ids: tuple[str, ...]
    vectors: Float32[np.ndarray, "n D"]
    video: Int[np.ndarray, " n"]
    clip: Int[np.ndarray, " n"]
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
        return replace(
            self, **{field.name: getattr(self, field.name)[kept] for field in fields(self)[3:]}
        )

    @cached_property
    def spread(self) -> Float64[np.ndarray, " D"]:
        """Length of each dimension's deviations from its mean; 0 for one that is constant, or not finite in some token."""
        total, square = np.zeros(self.vectors.shape[1]), np.zeros(self.vectors.shape[1])
        with np.errstate(invalid="ignore", over="ignore"):
            mean = self.vectors.mean(0, dtype=np.float64).astype(np.float32)
            for start in range(0, len(self), BLOCK):
                away = (self.vectors[start : start + BLOCK] - mean).astype(np.float64)
                total += away.sum(0)
                square += (away**2).sum(0)
            length = np.sqrt(np.maximum(square - total**2 / len(self), 0))
            rounding = ROUNDING * (1 + np.abs(mean)) * np.sqrt(len(self))
            return np.where(np.isfinite(length) & (length > rounding), length, 0)

    def among(self, video_ids: Collection[str] | None) -> "DirectionSample":
        """The tokens of some videos; None for all."""
        if video_ids is None:
            return self
        wanted = np.isin(self.video_ids, list(video_ids))
        return self.only(wanted[self.video])

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
            f"{store.name} holds no sampled tokens of {encoder_id}: `tubelet ingest` samples tokens of each video that it encodes"
        )
    video, clip = (table[name].combine_chunks().dictionary_encode() for name in ("video_id", "clip_id"))  # fmt: skip
    return DirectionSample(
        each=asked["each"],
        video_ids=tuple(video.dictionary.to_pylist()),
        clip_ids=tuple(clip.dictionary.to_pylist()),
        vectors=vectors(table["embedding"]).astype(np.float32, copy=False),
        video=video.indices.to_numpy(),
        clip=clip.indices.to_numpy(),
        slice=table["slice"].to_numpy(),
        y=table["y"].to_numpy(),
        x=table["x"].to_numpy(),
        height=table["grid_height"].to_numpy(),
        width=table["grid_width"].to_numpy(),
        slices=table["slices"].to_numpy(),
    )
