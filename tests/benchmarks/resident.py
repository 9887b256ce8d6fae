"""Memory of a process that is its own, watched from beside it: mapped files are the page cache's and not counted. Linux alone."""

import threading
import time
from pathlib import Path

EVERY_S = 0.01


class Watch:
    """Watches a process while `with` lasts; `peak` and `start` are bytes."""

    def __init__(self, pid: int) -> None:
        self._status, self._done = Path(f"/proc/{pid}/status"), threading.Event()
        self.start = self.peak = self.now()

    def now(self) -> int:
        line = next(
            line for line in self._status.read_text().splitlines() if line.startswith("RssAnon")
        )
        return int(line.split()[1]) * 1024

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.is_set():
            self.peak = max(self.peak, self.now())
            time.sleep(EVERY_S)
