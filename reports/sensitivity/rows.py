"""Rows of the report's questions that Python handles one by one: what it rests on, and the levels of its controls."""

from dataclasses import dataclass
from datetime import datetime

from tubelet.store.rows import Row


@dataclass(frozen=True, kw_only=True)
class Foundations(Row):
    """How much data the report rests on, and how long a slice lasts, as `queries.foundations` answers."""

    units: int
    videos: int
    of_videos: int  # that have such pairs: the report takes a sample where they are very many
    pairs: int
    fewest_slices: int
    most_slices: int
    slices: int
    step: int
    longest_step: int
    tubelet: int
    embed_dim: int
    encoder: str
    layer: str
    weights_sha256: str
    weights_source: str
    precision: str
    source: str
    slice_s: float
    shortest_slice_s: float
    longest_slice_s: float
    first_measured: datetime
    last_measured: datetime

    @property
    def has_several_pairs(self) -> bool:
        """Whether a video, or a group, has more than one pair."""
        return self.pairs > self.units


@dataclass(frozen=True, kw_only=True)
class ControlLevel(Row):
    """How far the pairs of one control differ, as `queries.control_levels` answers; `relative` is None where nothing varies."""

    videos: int
    relative: float | None
    absolute: float
    largest: float

    @property
    def deviations(self) -> float:
        """In standard deviations; 0 where nothing varies."""
        return self.relative or 0.0


@dataclass(frozen=True, kw_only=True)
class StrongestPair(Row):
    """The pair in which a dimension reacts most, as its row of `queries.dimension_ranking` says where it varies."""

    dim: int
    pair_id: str
    relative_edge: float
    video_id: str
    clip_a: str
    encoder_id: str
