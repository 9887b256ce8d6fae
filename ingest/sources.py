"""A file that may be a video, and what it contains: the id of its bytes."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tubelet.ingest.folders import describe_path, reason
from tubelet.media.errors import VideoError
from tubelet.media.frame_folder import FrameFolder, find_frames
from tubelet.media.video import PictureVideo, Video, open_source
from tubelet.store import ids
from tubelet.store.disk.files import explain_irregular
from tubelet.store.rows import FoundFile

Stamp = tuple[str, int, int]  # path, bytes, modification time in ns
HASHES = 2  # of a file: one more where it was touched during the first


@dataclass(frozen=True)
class Segment:
    """A named stretch of a video, in seconds."""

    name: str
    start_s: float
    stop_s: float


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file that may be a video; `label` is its folder below the path that was given, None at its top; `named` is the path where it was given itself."""

    path: Path
    label: str | None
    frame_rate: float | None = None  # of a folder of frames
    segments: tuple[Segment, ...] | None = None  # to encode in place of the grid of windows
    named: str | None = None

    def open(self, threads: int = 0) -> AbstractContextManager[Video | PictureVideo]:
        """Raises VideoError."""
        return open_source(self.path, threads, self.frame_rate)

    @property
    def text(self) -> str:
        """The path as rows and messages have it; the path itself wherever its name is UTF-8."""
        return describe_path(self.path)

    @property
    def name_below_root(self) -> str:
        """The same wherever the folder that was given lies; of a file that was given itself, the path as it was given."""
        name = f"{self.label}/{self.path.name}" if self.label else self.path.name
        return self.named or name

    @property
    def stamp(self) -> Stamp:
        """Stamp the source: as long as the stamp is unchanged, its content is taken to be the same. Raises VideoError for what is not a readable regular file."""
        if self.text != str(self.path):
            raise VideoError("read", f"its name is not UTF-8: rename it ({self.text})")
        if self._frames is not None:
            found = self._stat_all()
            return str(self.path), sum(s.st_size for s in found), max(s.st_mtime_ns for s in found)
        if special := explain_irregular(self.path):
            raise VideoError("read", f"{special}: special files are never opened")
        (stat,) = self._stat_all()
        return str(self.path), stat.st_size, stat.st_mtime_ns

    @property
    def _frames(self) -> FrameFolder | None:
        """The pictures of a folder of frames; None for a file."""
        if self.frame_rate is None or not self.path.is_dir():
            return None
        try:
            return find_frames(self.path)
        except OSError as error:
            raise VideoError("read", f"cannot be read: {reason(error)}") from error

    def _stat_all(self) -> list[os.stat_result]:
        frames = self._frames
        try:
            return [
                os.stat(path)
                for path in ([self.path] if frames is None else [p.path for p in frames.pictures])
            ]
        except OSError as error:
            raise VideoError("read", f"cannot be read: {reason(error)}") from error

    def estimate_bytes(self) -> int:
        """Its size in bytes, as far as it is known without reading the source or asking a server; otherwise 0."""
        with suppress(OSError):
            return os.path.getsize(self.path)
        return 0

    def describe(self, stamp: Stamp) -> dict[str, Any]:
        """The columns that `videos` and `places` share."""
        path, size, modified_ns = stamp
        return {
            "path": path,
            "name": self.path.name,
            "label": self.label,
            "bytes": size,
            "modified_ns": modified_ns,
        }

    def reading(self, known: Mapping[Stamp, str]) -> "Reading":
        """The state of the file now; a file whose stamp is in `known` is not read. Raises VideoError, also for one that changes all the while."""
        for _ in range(HASHES):
            stamp, identity = self.stamp, self._identity()
            video_id = (
                known.get(stamp) if self.frame_rate is None else None
            )  # else: another rate, perhaps
            reading = Reading(self, video_id or self._content(), stamp, identity)
            if self._is_still(identity):
                return reading
        raise describe_change()

    def _is_still(self, identity: tuple[int, ...]) -> bool:
        """Whether nothing happened to the file since. Raises VideoError where it disappeared."""
        try:
            return self._identity() == identity
        except VideoError as error:
            raise _describe_vanished() from error

    def _content(self) -> str:
        """Id of the file's bytes, or of the pictures of a folder of frames and their rate."""
        try:
            if (frames := self._frames) is not None:
                return ids.hash_parts("frames", frames.content_id, self.frame_rate)
            return ids.video_id(self.path)
        except OSError as error:
            raise VideoError("read", f"cannot be read: {reason(error)}") from error

    def _identity(self) -> tuple[int, ...]:
        """Values that change when the file is written to or replaced."""
        return tuple(
            value
            for found in self._stat_all()
            for value in (
                found.st_dev,
                found.st_ino,
                found.st_size,
                found.st_mtime_ns,
                found.st_ctime_ns,
            )
        )


@dataclass(frozen=True)
class Reading:
    """A source, the id of its bytes, and the state of its file when they were read."""

    source: Source
    video_id: str
    stamp: Stamp
    identity: tuple[int, ...]

    @property
    def place(self) -> FoundFile:
        """What `places` says of the file."""
        return FoundFile(video_id=self.video_id, **self.source.describe(self.stamp))

    @property
    def change(self) -> VideoError | None:
        """What has happened to the file since; None if it holds the same bytes."""
        try:
            if self.source._is_still(self.identity) or self.source._content() == self.video_id:
                return None
        except VideoError:
            return _describe_vanished()
        return describe_change()


def describe_change() -> VideoError:
    again = "run the same command again once it is complete"
    return VideoError("read", f"the file changed while it was read: {again}")


def _describe_vanished() -> VideoError:
    again = "run the same command again once it is back"
    return VideoError("read", f"the file disappeared while it was read: {again}")
