"""What a command records while it runs, so that others see it. A store that cannot be written to does not end a command."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tubelet.store.disk import inside
from tubelet.store.disk.files import write_whole
from tubelet.store.disk.layout import Layout
from tubelet.store.errors import StoreError
from tubelet.store.jobs import holder
from tubelet.store.jobs.describing import (
    describe_end,
    describe_job,
    describe_progress,
    make_job_id,
)
from tubelet.store.jobs.listing import list_folders
from tubelet.store.jobs.state import END, JOB, LOCK, PROGRESS, JobProgress

KEPT = 100  # jobs; the folders of older ones that have ended are removed
PAUSE_S = 1.0  # at least, between two reports


class Recording:
    """One command on one store, from its beginning to its end; nothing is written before the store exists."""

    def __init__(self, root: Path, words: Sequence[str], job_id: str = "") -> None:
        self.layout, self.words, self.started_at = Layout(root), tuple(words), time.time()
        self.job_id = job_id  # of whoever started it and made its folder; "" for a new one
        self.folder: Path | None = None
        self._last = 0.0
        self._far: JobProgress | None = None

    def begin(self) -> bool:
        """Make the job's folder and lock it; whether it is there."""
        if self.folder or not self.layout.marker.is_file():
            return self.folder is not None
        with suppress(OSError, StoreError):
            _prune(self.layout)
            folder = self.layout.job(self.job_id or make_job_id(self.started_at))
            folder.mkdir(parents=True, exist_ok=bool(self.job_id))
            holder.hold(folder / LOCK)
            self.folder = folder
            self._write(JOB, describe_job(self.words, Path.cwd(), self.started_at))
        return self.folder is not None

    def report(self, progress: JobProgress) -> None:
        """Say how far the command is; called as often as one likes."""
        self._far = progress
        if time.monotonic() - self._last >= PAUSE_S and self.begin():
            self._last = time.monotonic()
            self._write(PROGRESS, describe_progress(progress))

    def end(self, code: int, said: str) -> None:
        """Say how it ended, and let go of the lock."""
        if self.folder:
            if self._far:
                self._write(PROGRESS, describe_progress(replace(self._far, seconds_left=None)))
            self._write(END, describe_end(code, said))
            holder.let_go(self.folder / LOCK)
            self.folder = None

    def _write(self, name: str, content: Mapping) -> None:
        if self.folder:
            with suppress(OSError, ValueError):
                data = json.dumps(content).encode()
                write_whole(self.folder / name, data, self.folder, flush=False)


def _prune(layout: Layout) -> None:
    """Remove the folders of the oldest jobs, but of none that runs."""
    for folder in list_folders(layout)[KEPT - 1 :]:
        if holder.find_holder(folder / LOCK) is None:
            for name in os.listdir(folder):
                inside.remove_file(layout.root, folder / name)
            folder.rmdir()
