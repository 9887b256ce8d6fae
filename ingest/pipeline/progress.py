"""Progress on stderr: a bar with ETA on a terminal, a line from time to time elsewhere."""

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence

from tqdm import tqdm

from tubelet.ingest.pipeline.messages import VideoDone
from tubelet.store.jobs.state import FAILURES_MOST, JobProgress
from tubelet.store.wording import tell

LINE_SECONDS = 10.0
WINDOW_SECONDS = (
    60.0  # at least, over which the rate is taken: clips come in batches, and videos differ
)
BAR = "{percentage:3.0f}% {bar:5} {n_fmt}/{total_fmt} clips{desc}"  # at 80 columns nothing of it is cut


def ignore_progress(_: JobProgress) -> None:
    """Report progress to nobody."""


class Progress:
    """Counts clips, tokens and failures against an estimate of the clips to come.

    The clips of a video are known when it is decoded; before, its header is trusted, and for videos not yet
    opened the average of those before.
    """

    def __init__(
        self,
        sources: int,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
        report: Callable[[JobProgress], None] = ignore_progress,
    ) -> None:
        self._report = report
        self._failed: deque[str] = deque(maxlen=FAILURES_MOST)
        self.tokens = self.clips = self.failures = self.videos = 0
        self._sources = sources
        self._clips_of_done = 0
        self._open: dict[
            object, tuple[int, int]
        ] = {}  # video -> its clips so far, and those its header promises
        self._clock = clock
        self._start_batches = self._last_line = clock()
        self._marks: deque[tuple[float, int]] = deque(
            [(self._start_batches, 0)]
        )  # a time and the clips until then, one per second at most
        self._lines = not quiet and not sys.stderr.isatty()
        self._bar = tqdm(
            unit="clip", disable=quiet or self._lines, dynamic_ncols=True, bar_format=BAR
        )

    def clip(self, video: object, tokens: int, of: int) -> None:
        """One clip of `tokens` tokens of a video has been encoded; the header of the video promises `of` clips."""
        self.clips += 1
        self.tokens += tokens
        self._open[video] = self._open.get(video, (0, 0))[0] + 1, of
        self._bar.update()
        self._show()

    def video(self, video: object, failures: int, said: Sequence[str] = ()) -> None:
        """One source is finished; `said` are its failures in words."""
        self._failed.extend(said)
        self.videos += 1
        self.failures += failures
        self._clips_of_done += self._open.pop(video, (0, 0))[0]
        self._show()

    def end(self, done: VideoDone) -> None:
        """The same, as the pipeline says it."""
        said = [f"{failure.path}: {failure.error}" for failure in done.failures]
        self.video(done.source.path, len(said), said)

    def close(self) -> None:
        self._bar.close()

    @property
    def expected_clips(self) -> int:
        """Estimate of all clips of the run."""
        known = self._clips_of_done + sum(
            max(counted, promised) for counted, promised in self._open.values()
        )
        opened = self.videos + len(self._open)
        return known + round(known / max(opened, 1) * (self._sources - opened))

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the rate of the last minute or third of the run, whichever is longer; None before the first clip."""
        now = self._clock()
        if now - self._marks[-1][0] >= 1:
            self._marks.append((now, self.clips))
        window = max(WINDOW_SECONDS, (now - self._start_batches) / 3)
        while len(self._marks) > 1 and self._marks[1][0] <= now - window:
            self._marks.popleft()
        since, before = self._marks[0]
        if self.clips == before or now == since:
            return None
        return (now - since) / (self.clips - before) * (self.expected_clips - self.clips)

    def _show(self) -> None:
        rate = self.tokens / max(self._clock() - self._start_batches, 1e-9)
        left = self.seconds_left
        remaining = "" if left is None else f", {duration(left)} left"
        self._report(
            JobProgress(
                done=self.clips,
                total=self.expected_clips,
                tokens_per_s=rate,
                seconds_left=left,
                failed=self.failures,
                failures=tuple(self._failed),
            )
        )
        failed = f", {self.failures:,} failed" if self.failures else ""
        self._bar.total = self.expected_clips
        self._bar.set_description_str(
            f"{remaining}, {self.videos:,}/{self._sources:,} videos{failed}, {shorten(rate)} tok/s",
            refresh=False,
        )
        if self._lines and self._clock() - self._last_line > LINE_SECONDS:
            self._last_line = self._clock()
            facts = f"{self.videos:,} of {self._sources:,} videos, {rate:,.0f} tokens/s, {self.failures:,} failed"
            tell(f"{self.clips:,} of about {self.expected_clips:,} clips, {facts}{remaining}")


def duration(seconds: float) -> str:
    """An approximate duration, in steps that do not flicker: 10 s, whole minutes, tenths of an hour."""
    if seconds < 90:
        return f"{max(10, round(seconds / 10) * 10)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def shorten(number: float) -> str:
    """A number in at most five characters: 123, 4.5k, 678k, 9.1M."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.{0 if number >= 100 * size else 1}f}{unit}"
    return f"{number:.0f}"
