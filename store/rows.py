"""Rows of the tables that Python handles one by one: a frozen class per table, its fields the columns of the schema.

    ClipRow.of(store.rows("FROM clips LIMIT 1")[0])     from what a query answered
    PlannedClip(...).encode(...).store(...)             how the row of a clip comes to be in an ingest

A column that is NULL in some row is `None` here; a store from before a column was thought of has NULL in all of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Row:
    """What all rows can do. A row also answers ``row["name"]``, as the dicts of `Store.rows` do."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Make a row from a mapping that has every column of the table; further entries are left out."""
        return cls(**{field.name: row[field.name] for field in fields(cls)})

    def __getitem__(self, column: str) -> Any:
        try:
            return getattr(self, column)
        except AttributeError as error:
            raise KeyError(column) from error

    @property
    def columns(self) -> dict[str, Any]:
        """The row as a dict, as tables are made from it."""
        return asdict(self)


SHIFTED = "shifted"  # kind of a pair whose windows are shifted; the others are controls
UNFINISHED = -1  # modification time of a file that is being read for the first time


@dataclass(frozen=True, kw_only=True)
class VideoRow(Row):
    """One row of `videos`."""

    video_id: str
    name: str
    path: str
    bytes: int
    modified_ns: int
    container: str
    codec: str
    width: int
    height: int
    rotation: int
    mirrored: bool | None
    transfer: str | None
    primaries: str | None
    bit_depth: int | None
    fps: float
    frames: int
    corrupt_frames: int | None
    gaps: list[int] | None
    duration_s: float
    frame_times_s: list[float] | None = None
    label: str | None
    thumbnail: str | None
    added_at: datetime

    @property
    def finished(self) -> bool:
        """Whether the file was read to its end: before, frames and duration are what its header says."""
        return self.modified_ns != UNFINISHED


@dataclass(frozen=True, kw_only=True)
class EncoderRow(Row):
    """One row of `encoders`."""

    encoder_id: str
    name: str
    family: str
    layer: str
    embed_dim: int
    patch: int
    tubelet: int
    parameters: int
    weights_sha256: str
    weights_source: str
    preprocessing: str
    suits: str | None = None
    side: str | None = None
    final_norm: bool | None = None
    causal: bool | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedClip(Row):
    """The columns of `clips` that are known before a window is encoded."""

    clip_id: str
    video_id: str
    encoder_id: str
    first_frame: int
    frame_count: int
    step: int
    frame_numbers: list[int] | None = None
    sample_fps: float | None = None
    segment: str | None = None
    role: str | None
    start_s: float
    stop_s: float
    corrupt_frames: int | None
    geometry: str
    crop_height: int
    crop_width: int
    precision: str

    def encode(
        self, shape: tuple[int, int, int, int], encode_s: float, created_at: datetime
    ) -> "ClipRow":
        """The row once the clip is encoded, to a token grid of this shape ``(S, H, W, D)``; its embeddings are not kept yet."""
        slices, height, width, dim = shape
        grid = {"slices": slices, "grid_height": height, "grid_width": width, "embed_dim": dim}
        made: dict[str, Any] = {
            **self.columns,
            **grid,
            "encode_s": encode_s,
            "created_at": created_at,
        }
        return ClipRow(**made)


@dataclass(frozen=True, kw_only=True)
class ClipRow(PlannedClip):
    """One row of `clips`."""

    slices: int
    grid_height: int
    grid_width: int
    embed_dim: int
    embedding_path: str | None = None
    embedding_bytes: int | None = None
    embedding_sha256: str | None = None
    has_statistics: bool | None = None
    pooled_layers: int | None = None
    encode_s: float
    created_at: datetime

    @property
    def positions(self) -> tuple[int, int, int]:
        """Slices, patch rows and patch columns: the shape of the token grid without its last axis."""
        return self.slices, self.grid_height, self.grid_width

    @property
    def tokens(self) -> int:
        return self.slices * self.grid_height * self.grid_width

    def store(self, path: str, size: int, sha256: str) -> "ClipRow":
        """The row once its embedding file is at a path below the store."""
        return replace(self, embedding_path=path, embedding_bytes=size, embedding_sha256=sha256)


@dataclass(frozen=True, kw_only=True)
class NamedClip(ClipRow):
    """One row of `clips` with the name of its video, as `questions.clips.clip_of_video` answers: not a row of a table."""

    video_name: str


@dataclass(frozen=True, kw_only=True)
class TimelineRow(Row):
    """One clip on the timeline of a video, as `questions.clips.timeline` answers: not a row of a table."""

    clip_id: str
    first_frame: int
    frame_count: int
    step: int
    frame_numbers: list[int] | None = None
    start_s: float
    stop_s: float
    slices: int
    grid_height: int
    grid_width: int
    embedded: bool


def list_fed_frames(clip: ClipRow | TimelineRow) -> Sequence[int]:
    """The numbers of the frames that a clip shows, in their order."""
    first, step = clip["first_frame"], clip["step"]
    return clip["frame_numbers"] or range(first, first + clip["frame_count"] * step, step)


@dataclass(frozen=True, kw_only=True)
class PairRow(Row):
    """One row of `pairs`."""

    pair_id: str
    video_id: str
    encoder_id: str
    clip_a: str
    clip_b: str
    kind: str
    shift: int
    shared_slices: int
    source: str
    precision: str
    change: str | None = None
    strength: float | None = None
    pixel_change: float | None = None
    measured_at: datetime

    @property
    def offset(self) -> int:
        """Shared slice k is slice `k + offset` of clip A and slice k of clip B."""
        return self.shift if self.kind == SHIFTED else 0


@dataclass(frozen=True, kw_only=True)
class FoundFile(Row):
    """The columns of `places` that are known when a file is found."""

    video_id: str
    path: str
    name: str
    label: str | None
    bytes: int
    modified_ns: int

    def store(self, place_id: str, added_at: datetime) -> "PlaceRow":
        """The row as it is committed."""
        return PlaceRow(**self.columns, place_id=place_id, added_at=added_at)


@dataclass(frozen=True, kw_only=True)
class PlaceRow(FoundFile):
    """One row of `places`."""

    place_id: str
    added_at: datetime


@dataclass(frozen=True, kw_only=True)
class FailureRow(Row):
    """One row of `failures`."""

    failure_id: str
    path: str
    video_id: str | None
    encoder_id: str | None
    stage: str
    error: str
    first_frame: int | None
    failed_at: datetime
