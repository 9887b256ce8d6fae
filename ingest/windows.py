"""Windows: which frames make a clip. Arithmetic on frame numbers; no pixels.

frames 4, step 2, hop 8     0 . 2 . 4 . 6 .  8 . 10 . 12 . 14 .  16 .
                            |-- window 0 --| |--- window 1 ----| |-- partial: dropped and counted, or kept by `tail`
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tubelet.ingest.errors import UsageError
from tubelet.media.errors import VideoError
from tubelet.store.wording import count


@dataclass(frozen=True)
class Window:
    """`frames` frames of a video, from `first` on, `step` apart."""

    first: int
    frames: int
    step: int
    segment: str | None = None  # the name of the stretch that it lies in

    @property
    def stop(self) -> int:
        """Frame after the last one that is used."""
        return self.first + (self.frames - 1) * self.step + 1

    @property
    def indices(self) -> range:
        return range(self.first, self.stop, self.step)

    def spans(self, gaps: Sequence[int]) -> bool:
        """Whether frames are lost inside the window; `gaps` are numbers of frames before which some are."""
        return any(self.first < gap < self.stop for gap in gaps)


@dataclass(frozen=True, kw_only=True)
class Windowing:
    """How a video is cut: windows of `frames` frames `step` apart, starting every `hop` frames.

    With a `rate`, frames are sampled ones (`ingest.sampling`). `tubelet` is the encoder's; a kept tail is a multiple of it. `images` tells whether the encoder takes a single frame nevertheless.
    Raises UsageError for invalid values.
    """

    frames: int
    step: int
    hop: int
    tubelet: int
    tail: bool = False
    images: bool = True
    rate: float | None = None  # sampled frames/s; None: every frame counts

    def __post_init__(self) -> None:
        for name, flag in (("frames", "--frames"), ("step", "--step"), ("hop", "--stride")):
            if getattr(self, name) < 1:
                raise UsageError(f"{flag} is {getattr(self, name)}: it must be 1 or more")
        if self.frames % self.tubelet and not (self.frames == 1 and self.images):
            lower = self.frames - self.frames % self.tubelet
            nearest = f"{lower} or {lower + self.tubelet}" if lower else f"{self.tubelet}"
            raise UsageError(
                f"--frames {self.frames} is not a multiple of the encoder's tubelet of {self.tubelet} frames: use {nearest}"
            )

    @property
    def span(self) -> int:
        """Frames that a video needs for one window."""
        return (self.frames - 1) * self.step + 1

    @property
    def sample_fps(self) -> float | None:
        """Frames of a window per second; None where they follow from the video's own."""
        return None if self.rate is None else self.rate / self.step

    @property
    def slices(self) -> int:
        """Slices of a whole window."""
        return max(1, self.frames // self.tubelet)

    @property
    def slice_frames(self) -> int:
        """Frames of the video from one slice to the next."""
        return self.tubelet * self.step

    def starting(self) -> Iterator[Window]:
        """Every whole window of an endless video."""
        first = 0
        while True:
            yield Window(first, self.frames, self.step)
            first += self.hop

    def in_grid(self, window: Window) -> bool:
        """Whether a window is one of those that start every `hop` frames."""
        return window.first % self.hop == 0

    def whole(self, total: int) -> int:
        """How many whole windows a video of `total` frames has."""
        return max(0, (total - self.span) // self.hop + 1)

    def windows(self, total: int, gaps: Sequence[int] = ()) -> list[Window]:
        """The windows of a video of `total` frames that span none of the gaps, the kept tail last."""
        whole = [Window(k * self.hop, self.frames, self.step) for k in range(self.whole(total))]
        tail = self.partial(total)
        found = whole + ([tail] if self.tail and tail else [])
        return [window for window in found if not window.spans(gaps)] if gaps else found

    def partial(self, total: int) -> Window | None:
        """The last, shorter window; None if it would show nothing that a whole one does not.

        A video of a single frame is an image, the one window that may be shorter than a tubelet.
        """
        first = self.whole(total) * self.hop
        seen = Window(first - self.hop, self.frames, self.step).stop if first else 0
        available = len(range(first, total, self.step))
        frames = available // self.tubelet * self.tubelet or int(
            total == 1 and not first and self.images
        )
        left = Window(first, frames, self.step) if frames else None
        return left if left and left.stop > seen else None

    def count_unused(self, total: int) -> int:
        """Frames after the last window: what is lost by dropping the partial one."""
        used = self.windows(total)
        return total - used[-1].stop if used else total

    def too_short(self, total: int) -> VideoError:
        """Why a video of `total` frames has no window, and what to change."""
        fitting = len(range(0, total, self.step)) // self.tubelet * self.tubelet or int(self.images)
        sampled = "" if self.rate is None else f" at {self.rate:g} fps"
        reason = f"too short with {count(total, 'frame')}{sampled}: a window of {self.frames} frames, {self.step} apart, needs {self.span}"
        advice = (
            f"use --frames {fitting}{' or fewer' if fitting > 1 else ''}, or --tail"
            if fitting
            else "use a smaller --step, or an encoder of single frames"
        )
        return VideoError("window", f"{reason}; {advice}", 0)
