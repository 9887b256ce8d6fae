"""Progress on stderr: a bar with ETA on a terminal, a plain line now and then elsewhere."""

import sys
import time

from tqdm import tqdm

LINE_SECONDS = 10.0


class Progress:
    """Counts clips, tokens and failures against an estimate of the clips to come.

    The clips of a video are known when it is decoded; before, its header's word is taken, and for videos not yet
    opened the average of those before.
    """

    def __init__(self, sources: int, quiet: bool = False) -> None:
        self.tokens = self.clips = self.failures = self.videos = 0
        self._sources = sources
        self._clips_of_done = 0
        self._open: dict[object, tuple[int, int]] = {}  # video -> its clips so far, and those its header promises
        self._start_batches = self._last_line = time.monotonic()
        self._lines = not quiet and not sys.stderr.isatty()
        self._bar = tqdm(unit="clip", disable=quiet or self._lines, dynamic_ncols=True, smoothing=0.1)

    def clip(self, video: object, tokens: int, of: int) -> None:
        """One clip of `tokens` tokens of a video has been encoded; the header of the video promises `of` clips."""
        self.clips += 1
        self.tokens += tokens
        self._open[video] = self._open.get(video, (0, 0))[0] + 1, of
        self._bar.update()
        self._show()

    def video(self, video: object, failures: int) -> None:
        """One source is finished."""
        self.videos += 1
        self.failures += failures
        self._clips_of_done += self._open.pop(video, (0, 0))[0]
        self._show()

    def close(self) -> None:
        self._bar.close()

    @property
    def expected_clips(self) -> int:
        """Estimate of all clips of the run."""
        known = self._clips_of_done + sum(max(counted, promised) for counted, promised in self._open.values())
        opened = self.videos + len(self._open)
        return known + round(known / max(opened, 1) * (self._sources - opened))

    def _show(self) -> None:
        rate = self.tokens / max(time.monotonic() - self._start_batches, 1e-9)
        facts = f"{self.videos:,} of {self._sources:,} videos, {rate:,.0f} tokens/s, {self.failures:,} failed"
        self._bar.total = self.expected_clips
        self._bar.set_postfix_str(facts, refresh=False)
        if self._lines and time.monotonic() - self._last_line > LINE_SECONDS:
            self._last_line = time.monotonic()
            print(f"{self.clips:,} of about {self.expected_clips:,} clips, {facts}{self._remaining}", file=sys.stderr, flush=True)

    @property
    def _remaining(self) -> str:
        if not self.clips:
            return ""
        seconds = (time.monotonic() - self._start_batches) / self.clips * (self.expected_clips - self.clips)
        return f", about {seconds / 60:.0f} min left" if seconds > 90 else f", about {seconds:.0f} s left"
