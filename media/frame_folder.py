"""A folder of numbered pictures as a video: `frames/0001.jpg`, `frames/0002.jpg`, ... at a frame rate that the folder does not say."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import av

from tubelet.media.complaints import Complaints
from tubelet.media.decoder import Decoded
from tubelet.media.demuxing import read_packets
from tubelet.media.errors import VideoError
from tubelet.media.opening import open_container

PICTURES = frozenset([".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"])
FRAMES = "frames"  # the container of such a video
NUMBERED = re.compile(r"(.*?)(\d+)")
ERRORS = (av.FFmpegError, OSError, ValueError, IndexError)


@dataclass(frozen=True)
class Numbered:
    """A picture and its number."""

    number: int
    path: Path


@dataclass(frozen=True)
class FrameFolder:
    """The pictures of a video, in the order of their numbers."""

    pictures: tuple[Numbered, ...]

    @cached_property
    def gaps(self) -> frozenset[int]:
        """Positions of the pictures before which some are missing: those at a larger distance than the smallest."""
        steps = [b.number - a.number for a, b in pairwise(self.pictures)]
        return frozenset(at for at, step in enumerate(steps, 1) if step > min(steps))

    @property
    def content_id(self) -> str:
        """SHA-256 of the pictures, by their numbers and bytes. Raises OSError."""
        digest = hashlib.sha256()
        for picture in self.pictures:
            with open(picture.path, "rb") as file:
                bytes_ = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{picture.number} {bytes_}\n".encode())
        return digest.hexdigest()

    def decode(self, at: int) -> Decoded:
        """The picture at a position. Raises VideoError."""
        path = self.pictures[at].path
        try:
            with open_container(path) as container:
                return _decode_first(container)
        except (*ERRORS, StopIteration) as error:
            reason = getattr(error, "strerror", None) or str(error) or "no picture in it"
            raise VideoError(
                "decode", f"{path.name} cannot be read: {reason.lower()}", at
            ) from error

    @property
    def codec(self) -> str:
        return self.pictures[0].path.suffix.lower().removeprefix(".")


def _decode_first(container: av.container.InputContainer) -> Decoded:
    """The picture of a file. Raises StopIteration where it holds none."""
    stream = container.streams.video[0]
    complaints = Complaints(container, stream)
    packets = (one for one in read_packets(container) if one.stream.index == stream.index)
    frames = (frame for packet in packets for frame in complaints.decode(packet))
    frame = next(frames)
    complaints.close()
    return Decoded(frame, gap=False, complained=complaints.concern(frame))


def find_frames(folder: Path, names: list[str] | None = None) -> FrameFolder | None:
    """The frames of a folder: two or more pictures of one extension whose names differ by a number at their end alone; None where its pictures are others."""
    listed = (
        sorted(entry.name for entry in folder.iterdir() if entry.is_file())
        if names is None
        else names
    )
    series: dict[tuple[str, str], list[Numbered]] = defaultdict(list)
    for name in listed:
        path = folder / name
        if path.suffix.lower() in PICTURES and not name.startswith("."):
            found = NUMBERED.fullmatch(path.stem)
            if found is None:
                return None
            series[found[1], path.suffix.lower()].append(Numbered(int(found[2]), path))
    if len(series) != 1:
        return None
    (pictures,) = series.values()
    ordered = sorted(pictures, key=lambda picture: picture.number)
    twice = any(a.number == b.number for a, b in pairwise(ordered))
    return FrameFolder(tuple(ordered)) if len(ordered) > 1 and not twice else None


def iterate_pictures(folder: FrameFolder) -> Iterator[tuple[int, Decoded]]:
    """Position and picture of every frame. Raises VideoError at the first that cannot be read."""
    for at in range(len(folder.pictures)):
        yield at, folder.decode(at)
