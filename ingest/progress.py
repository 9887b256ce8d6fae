"""Progress on stderr: a bar with ETA on a terminal, a plain line now and then elsewhere."""

import sys
import time

from tqdm import tqdm

LINE_SECONDS = 10.0


class Progress:
    """Counts sources and tokens. Clips are not known before a video is decoded, so the bar and its ETA count videos."""

    def __init__(self, sources: int, quiet: bool = False) -> None:
        self.tokens = self.clips = self.failures = self.done = 0
        self._sources = sources
        self._started = self._last_line = time.monotonic()
        self._plain = not sys.stderr.isatty()
        self._quiet = quiet
        self._bar = tqdm(total=sources, unit="video", disable=quiet or self._plain, dynamic_ncols=True, smoothing=0.1)

    def clip(self, tokens: int) -> None:
        """One clip of `tokens` tokens has been encoded."""
        self.clips += 1
        self.tokens += tokens
        self._show()

    def video(self, failures: int) -> None:
        """One source is finished."""
        self.done += 1
        self.failures += failures
        self._bar.update()
        self._show()

    def close(self) -> None:
        self._bar.close()

    @property
    def _facts(self) -> str:
        rate = self.tokens / max(time.monotonic() - self._started, 1e-9)
        return f"{self.clips:,} clips, {rate:,.0f} tokens/s, {self.failures} failed"

    def _show(self) -> None:
        self._bar.set_postfix_str(self._facts, refresh=False)
        if self._plain and not self._quiet and time.monotonic() - self._last_line > LINE_SECONDS:
            self._last_line = time.monotonic()
            print(f"{self.done:,} of {self._sources:,} videos, {self._facts}{self._remaining}", file=sys.stderr, flush=True)

    @property
    def _remaining(self) -> str:
        if not self.done:
            return ""
        seconds = (time.monotonic() - self._started) / self.done * (self._sources - self.done)
        return f", about {seconds / 60:.0f} min left" if seconds > 90 else f", about {seconds:.0f} s left"
