"""Messages from the reader to the writer: clips, failures and the end of each source."""

from dataclasses import dataclass

import torch

from tubelet.array_types import UInt8
from tubelet.ingest.alignment import Alignment
from tubelet.ingest.sources import Source
from tubelet.store import ids
from tubelet.store.clock import now
from tubelet.store.pairs.rows import Pair
from tubelet.store.rows import FailureRow, FoundFile, PlaceRow, PlannedClip, VideoRow


@dataclass(frozen=True, kw_only=True)
class DecodedClip:
    """Pixels of one window, ``(T, 3, H, W)`` in uint8, and the `clips` columns known before encoding.

    `of` is how many clips the video's header announces, `video` what is known of the video so far. `pairs` are those to measure with it; a clip that is `stored`
    is encoded for them alone. `alignment` is that of a window that was changed.
    """

    row: PlannedClip
    pixels: UInt8[torch.Tensor, "T 3 H W"]
    source: Source
    of: int
    video: VideoRow
    pairs: tuple[Pair, ...] = ()
    stored: bool = False
    alignment: Alignment | None = None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One row of `failures`, less its id and time."""

    path: str
    video_id: str | None
    encoder_id: str | None
    stage: str
    error: str
    first_frame: int | None

    @property
    def failure_id(self) -> str:
        return ids.hash_parts(
            self.path, self.video_id, self.encoder_id, self.stage, self.error, self.first_frame
        )

    @property
    def row(self) -> FailureRow:
        return FailureRow(**vars(self), failure_id=self.failure_id, failed_at=now())


@dataclass(frozen=True)
class Outdated:
    """Ids of clips and pairs in the store that a newer reading of their video replaces."""

    clips: frozenset[str] = frozenset()
    pairs: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class VideoDone:
    """The end of one source: its `videos` row if it was decoded, where it is, what failed, and what was already stored.

    `retracted`: what this run has stored of the video does not count, because the file changed.
    """

    source: Source
    video_id: str | None = None
    row: VideoRow | None = None
    thumbnail: bytes | None = None
    place: FoundFile | None = None
    retracted: bool = False
    outdated: Outdated = Outdated()
    failures: tuple[Failure, ...] = ()
    kept_clips: int = 0
    dropped_frames: int = 0
    dropped_window: bool = False
    decoded: bool = False
    kept_pairs: int = 0
    pairless: bool = False  # too short for the pair that was asked for
    duplicate_of: Source | None = None  # a source earlier in the same run
    moved_from: VideoRow | None = None  # the `videos` row that names another path
    replaced: tuple[PlaceRow, ...] = ()  # other videos that were at its path before
    shared: bool = False  # another process did it while this one ran


@dataclass(frozen=True)
class Flush:
    """Commit what is encoded: another process may wait for it."""
