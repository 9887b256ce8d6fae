"""A video file as facts and frames: opened once, decoded once, in the decoder's order.

Frames are counted as decoded; headers lie, and sorting by timestamp scrambles files whose timestamps run backwards.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import av
import numpy as np

from tubelet.array_types import UInt8
from tubelet.media.allocations import MOST_AT_ONCE
from tubelet.media.color import Color
from tubelet.media.decoder import ERRORS, Decoded, Decoder
from tubelet.media.demuxing import read_packets
from tubelet.media.errors import VideoError, find_stage
from tubelet.media.frame_folder import FRAMES, FrameFolder, find_frames, iterate_pictures
from tubelet.media.opening import open_container
from tubelet.media.orientation import UPRIGHT, Orientation
from tubelet.media.streams import choose_video_stream, read_aspect, read_rate
from tubelet.store.wording import count

av.logging.set_level(
    None
)  # FFmpeg's own lines would break the progress bar; what matters is raised

EARLIER_S = 1.0  # a seek is aimed so much before the frame that is wanted: it may lead past it by some frames
ROUNDING = 0.5  # of a stated duration, by which time stamps may round it
LFS_POINTER = b"version https://git-lfs"


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One decoded frame; its pixels are computed on request."""

    index: int
    time_s: float  # since the first frame
    decoded: av.VideoFrame
    aspect: float = 1.0  # width of a stored pixel over its height
    orientation: Orientation = UPRIGHT
    duration_s: float = 0.0  # until the next frame
    gap: bool = False  # frames before this one are lost
    complained: bool = False  # the decoder only complains about damage in it

    @property
    def stop_s(self) -> float:
        """When the next frame takes its place."""
        return self.time_s + self.duration_s

    @property
    def corrupt(self) -> bool:
        """Whether FFmpeg marks the frame as damaged, or complains about it."""
        return self.decoded.is_corrupt or self.complained

    @property
    def color(self) -> Color:
        return Color.of(self.decoded)

    @property
    def displayed(self) -> tuple[int, int]:
        """Height and width in pixels after rotation and pixel aspect."""
        size = self.decoded.height, max(1, round(self.decoded.width * self.aspect))
        return size[::-1] if self.orientation.transposed else size

    @property
    def pixels(self) -> UInt8[np.ndarray, "H W 3"]:
        """RGB ``(H, W, 3)`` in uint8, as displayed; pixel aspect is left to the resize that follows."""
        return self.orientation.apply(self.decoded.to_ndarray(format="rgb24"))


class Video:
    """An open video; `container`, `codec`, `fps` come from its header, the rest from `frames`."""

    def __init__(self, container: av.container.InputContainer, threads: int) -> None:
        self._container = container
        self._stream = choose_video_stream(container)
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = threads
        self.container = container.format.name
        self.codec = self._stream.codec_context.name
        self.fps = read_rate(self._stream)
        self.aspect = read_aspect(container, self._stream)

    @property
    def promised_frames(self) -> int:
        """Frames according to the header, which may be wrong or missing (0): for an estimate of the work, not for windows."""
        seconds = (self._container.duration or 0) / av.time_base
        return self._stream.frames or round(seconds * self.fps)

    @property
    def packets(self) -> int:
        """Packets that hold data, up to where the file breaks: the number of frames of an undamaged file, without decoding one."""
        count = 0
        try:
            for packet in read_packets(self._container):
                count += bool(packet.size) and packet.stream.index == self._stream.index
        except (av.FFmpegError, ValueError):
            pass  # decoding says what is wrong with it
        return count

    def frames(self) -> Iterator[Frame]:
        """Every frame in order. Raises VideoError where the file breaks, after the good frames."""
        count = 0
        for frame in self._number_frames(Decoder(self._container, self._stream), 0, None):
            count += 1
            yield frame
        if not count:
            raise VideoError("decode", "no frame could be decoded", 0)

    def seek_frames(self, first: int, start_s: float) -> Iterator[Frame] | None:
        """Frames from number `first` on, which comes `start_s` after the first one, by a seek; None if the seek does not lead to that frame."""
        base = self._stream.time_base
        if base is None:
            return None
        try:
            opening = next(self._decode_packets())
            start = opening.time
            self._container.seek(round((start + start_s - EARLIER_S) / base), stream=self._stream)
            decoded = self._decode_packets()
            found = next(one for one in decoded if one.time - start > start_s - 0.5 / self.fps)
        except (av.FFmpegError, ValueError, TypeError, IndexError, StopIteration):
            return None
        exact = abs(found.time - start - start_s) < 0.1 / self.fps
        return (
            self._number_frames(
                map(Decoded, chain([found], decoded)), first, start, Orientation.of(opening)
            )
            if exact
            else None
        )

    def _decode_packets(self) -> Iterator[av.VideoFrame]:
        """Frames from where the file stands, without a care for damage."""
        for packet in read_packets(self._container):
            if packet.stream.index == self._stream.index:
                yield from packet.decode()

    def _number_frames(
        self,
        decoded: Iterable[Decoded],
        index: int,
        start: float | None,
        oriented: Orientation | None = None,
    ) -> Iterator[Frame]:
        """Number decoded frames from `index` on; `start` is the time of the video's first frame and `oriented` its orientation, None for those of the first of these.

        A frame is held until the next one shows how long it lasts.
        """
        held: Frame | None = None
        spacing = Spacing(1 / self.fps)
        for frame in self._until_broken(self._number(decoded, index, start, oriented)):
            if held is not None:
                yield replace(held, duration_s=spacing.measure(held, frame))
            if isinstance(frame, VideoError):
                raise frame
            held = frame
        if held is not None:
            yield replace(held, duration_s=spacing.measure(held, None))

    def _number(
        self,
        decoded: Iterable[Decoded],
        first: int,
        start: float | None,
        oriented: Orientation | None,
    ) -> Iterator[Frame]:
        """Frames without a time stamp follow the last one that had one at the frame rate; before the first of these, they lead to it.

        All are turned as the first one: what stands inside a stream (SEI, EXIF of an animation) is repeated on some frames alone.
        """
        known, known_s = 0, 0.0
        for index, one in enumerate(decoded, first):
            time = one.frame.time
            oriented = oriented or Orientation.of(one.frame)
            time_s = known_s + (index - known) / self.fps
            if time is not None:
                start = time - time_s if start is None else start
                known, known_s = index, time - start
                time_s = known_s
            yield Frame(
                index=index,
                time_s=time_s,
                decoded=one.frame,
                aspect=self.aspect,
                orientation=oriented,
                gap=one.gap,
                complained=one.complained,
            )

    def _until_broken(self, frames: Iterator[Frame]) -> Iterator[Frame | VideoError]:
        """The frames, and what ends them early as the last item."""
        count = 0
        try:
            for frame in frames:
                count = frame.index + 1
                yield frame
        except ERRORS as error:
            yield _explain_break(count, error)


@dataclass
class Spacing:
    """How long frames are shown: until the next one; where that is lost or earlier, or there is none, as long as the file says.

    What it says counts unless most frames so far were shown otherwise: Matroska has a duration per frame only if its writer gave one, and
    FFmpeg then names that of the average rate. Then the frame before it decides.
    """

    usual_s: float  # one frame at the rate of the header
    agreeing: int = 0
    differing: int = 0
    last_s: float | None = None

    def measure(self, frame: Frame, following: Frame | VideoError | None) -> float:
        stated = self._read_stated(frame)
        if isinstance(following, Frame) and not following.gap and following.time_s > frame.time_s:
            shown = following.time_s - frame.time_s
            self._compare(stated, shown)
            return shown
        if self.last_s is not None and self.differing > self.agreeing:
            return self.last_s
        return stated or self.usual_s

    def _compare(self, stated: float | None, shown: float) -> None:
        self.last_s = shown
        if stated is not None and abs(stated - shown) <= ROUNDING * stated:
            self.agreeing += 1
        elif stated is not None:
            self.differing += 1

    def _read_stated(self, frame: Frame) -> float | None:
        shown, base = frame.decoded.duration, frame.decoded.time_base
        own = float(shown * base) if frame.decoded.time is not None and shown and base else 0
        return own if own > 0 else None


class PictureVideo:
    """A folder of numbered pictures, open as a `Video` is; `fps` is what the reader of the folder says."""

    container = FRAMES
    aspect = 1.0

    def __init__(self, folder: FrameFolder, fps: float) -> None:
        self._folder = folder
        self.fps = fps
        self.codec = folder.codec
        self.promised_frames = self.packets = len(folder.pictures)

    def frames(self) -> Iterator[Frame]:
        """Every frame in order. Raises VideoError where a picture cannot be read, after the good ones."""
        for at, picture in iterate_pictures(self._folder):
            yield Frame(
                index=at,
                time_s=at / self.fps,
                decoded=picture.frame,
                orientation=Orientation.of(picture.frame),
                duration_s=1 / self.fps,
                gap=at in self._folder.gaps,
                complained=picture.complained,
            )


def frames_from(path: Path, first: int, start_s: float | None, threads: int = 0) -> Iterator[Frame]:
    """Frames of a file from number `first` on: by a seek to `start_s` if that is given and exact, else by counting.

    Raises VideoError.
    """
    if start_s is not None and start_s > 2 * EARLIER_S:
        with open_video(path, threads) as video:
            if (found := video.seek_frames(first, start_s)) is not None:
                yield from found
                return
    with open_video(path, threads) as video:
        yield from (frame for frame in video.frames() if frame.index >= first)


@contextmanager
def open_source(
    path: Path, threads: int = 0, frame_rate: float | None = None
) -> Iterator[Video | PictureVideo]:
    """Open a video file, or a folder of numbered pictures at a frame rate. Raises VideoError with a plain reason where it is none."""
    if frame_rate is None or not path.is_dir():
        with open_video(path, threads) as video:
            yield video
        return
    folder = find_frames(path)
    if folder is None:
        raise VideoError("open", "the folder holds no numbered pictures of one name and ending")
    yield PictureVideo(folder, frame_rate)


@contextmanager
def open_video(path: Path, threads: int = 0) -> Iterator[Video]:
    """Open a video file, to be decoded by `threads` threads (0: FFmpeg decides). Raises VideoError with a plain reason where it is none."""
    try:
        container = open_container(path)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(find_stage(error, "open"), _why_unreadable(path, error)) from error
    with container:
        yield Video(container, threads)


@dataclass(kw_only=True)
class Timeline:
    """What is known of a video's time, and of its damage, once its frames have passed."""

    frames: int = 0
    stop_s: float = 0.0
    corrupt: int = 0  # frames
    marked: int = 0  # of these, those that FFmpeg itself marks
    gaps: list[int] = field(default_factory=list)  # numbers of the frames that come after a loss
    times_s: list[float] = field(default_factory=list)  # of every frame

    def add(self, frame: Frame) -> None:
        self.frames += 1
        self.stop_s = max(self.stop_s, frame.stop_s)
        self.corrupt += frame.corrupt
        self.marked += frame.decoded.is_corrupt
        self.gaps += [frame.index] * frame.gap
        self.times_s.append(frame.time_s)


def _why_unreadable(path: Path, error: Exception) -> str:
    size = path.stat().st_size if path.exists() else None
    if size == 0:
        return "the file is empty (0 bytes)"
    if size is not None and size < 1024 and path.read_bytes().startswith(LFS_POINTER):
        return "a Git LFS pointer, not the video itself: run `git lfs pull` in its folder"
    return f"FFmpeg cannot read it: {_reason(error)}; truncated, or not a video file"


def _explain_break(frames: int, error: Exception) -> VideoError:
    if (stage := find_stage(error, "decode")) != "decode":
        done = f"reading stopped after {count(frames, 'frame')} ({_reason(error)})"
        return VideoError(stage, f"{done}: run the same command again", frames)
    kept = (
        f"decoding stopped after {count(frames, 'frame')}; the clips before it are kept"
        if frames
        else "no frame could be decoded"
    )
    return VideoError(stage, f"{kept} ({_reason(error)})", frames)


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return f"it needs more memory than there is, or more than {MOST_AT_ONCE >> 30} GiB at once"
    return (getattr(error, "strerror", None) or str(error)).lower()
