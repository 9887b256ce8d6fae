"""Sampling by time: the frames nearest to the moments 0, 1 / rate, 2 / rate, ... of a video, counted as its sampled frames.

    rate 4 /s            0        0.25       0.5       0.75
    24 frames/s          0        6          12        18
    29.97 frames/s       0        7          15        22        a window of 4 sampled frames

Windows, strides, pairs and gaps are arithmetic on the numbers of sampled frames. All windows of a video take their frames from the
same samples, so windows that overlap share frames exactly, as pairs need it. Without a rate every frame is sampled.

Nearest is by presentation time, the earlier of two at the same distance. A frame shown before one that was already decoded (its time
runs backwards) is passed over. Where a frame is shown for long, it may be sampled several times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

from tubelet.media.video import Frame
from tubelet.store.rows import VideoRow

SAME_S = 1e-4  # distances that differ by less are the same: time stamps are rounded


@dataclass(frozen=True)
class Tick:
    """A frame without its picture."""

    index: int
    time_s: float
    gap: bool


F = TypeVar("F", Frame, Tick)


class Sampler(Generic[F]):
    """Frames in, sampled frames out; `numbers` are the frames that were sampled, `gaps` the samples before which frames were lost."""

    def __init__(self, rate: float | None, fps: float) -> None:
        self.rate = rate
        self.fps = fps
        self.gaps: list[int] = []
        self._numbers: list[int] = []
        self._frames = 0
        self._lost = -1  # the last frame that comes after a loss
        self._held: F | None = None

    @property
    def numbers(self) -> Sequence[int]:
        """The number of the frame of each sample so far."""
        return range(self._frames) if self.rate is None else self._numbers

    def add(self, frame: F) -> Iterator[tuple[int, F]]:
        """The samples, with their numbers, that are known once this frame has come."""
        self._frames = frame.index + 1
        if frame.gap:
            self._lost = frame.index
        if self.rate is None:
            self.gaps += [frame.index] * frame.gap
            yield frame.index, frame
            return
        held = self._held
        if held is not None and frame.time_s <= held.time_s:
            return
        while held is not None and (wanted := len(self._numbers) / self.rate) < frame.time_s:
            earlier = wanted - held.time_s <= frame.time_s - wanted + SAME_S
            yield self._sample(held if earlier else frame)
        self._held = frame

    def end(self) -> Iterator[tuple[int, F]]:
        """The samples after the last frame, up to half a frame after it."""
        held = self._held
        while held is not None and self.rate is not None:
            if len(self._numbers) / self.rate > held.time_s + 0.5 / self.fps:
                return
            yield self._sample(held)

    def _sample(self, frame: F) -> tuple[int, F]:
        number = len(self._numbers)
        before = self._numbers[-1] if number else frame.index
        if before < self._lost <= frame.index:
            self.gaps.append(number)
        self._numbers.append(frame.index)
        return number, frame


@dataclass(frozen=True)
class Samples:
    """The samples of a whole video: their frames, and the numbers of those before which frames were lost."""

    numbers: Sequence[int]
    gaps: tuple[int, ...] = ()


def sample_row(row: VideoRow, rate: float | None) -> Samples | None:
    """The samples of a known video, as decoding it gives them; None where its row lacks the times that this takes."""
    if rate is None:
        return Samples(range(row.frames), tuple(row.gaps or ()))
    if row.frame_times_s is None:
        return None
    return sample_times(row.frame_times_s, rate, row.fps, row.gaps or ())


def sample_times(
    times: Sequence[float], rate: float | None, fps: float, gaps: Sequence[int] = ()
) -> Samples:
    """The samples of frames that are shown at these times."""
    sampler: Sampler[Tick] = Sampler(rate, fps)
    lost = set(gaps)
    for index, time_s in enumerate(times):
        for _ in sampler.add(Tick(index, time_s, index in lost)):
            pass
    for _ in sampler.end():
        pass
    return Samples(sampler.numbers, tuple(sampler.gaps))


def count_samples(frames: int, rate: float | None, fps: float) -> int:
    """How many samples frames have that come at a steady rate."""
    if rate is None:
        return frames
    return len(sample_times([index / fps for index in range(frames)], rate, fps).numbers)


def spacing(numbers: Sequence[int]) -> int | None:
    """The distance of frames that are equally far apart; None for others."""
    if len(numbers) < 2:
        return 1
    step = numbers[1] - numbers[0]
    equal = all(b - a == step for a, b in pairwise(numbers))
    return step if equal and step > 0 else None
