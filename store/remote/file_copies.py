"""Copies of files at addresses, on the disk of this machine while they are worked on: every byte crosses the network once.

The copies of a process are bounded in bytes: the one that was used longest ago goes first, and never one that is in use. They go with the process.
"""

import atexit
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tubelet.store.disk.files import require_space
from tubelet.store.disk.scratch import make_scratch, remove_scratch
from tubelet.store.ids import hash_parts
from tubelet.store.remote.remote_file import FileState, RemoteFile

MOST_BYTES = 8_000_000_000


class FileCopies:
    """The copies of a process. Threads may share them."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._most = folder, most_bytes
        self._held: dict[RemoteFile, FileState] = {}  # the one that was used last is the last
        self._used = Counter[RemoteFile]()
        self._lock = threading.Lock()
        self._copying: defaultdict[RemoteFile, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def hold(self, file: RemoteFile, state: FileState | None = None) -> Iterator[Path]:
        """A copy of a file, in this state, or in any that it had since it was first looked at. Raises FileError, and OSError for the disk."""
        with self._lock:
            self._used[file] += 1
            copying = self._copying[file]
        try:
            with copying:
                path = self._bring(file, state)
            yield path
        finally:
            with self._lock:
                self._used[file] -= 1
                self._evict()

    def _bring(self, file: RemoteFile, state: FileState | None) -> Path:
        path = self._path(file)
        with self._lock:
            held = self._held.pop(file, None)
            if held and state in (None, held):
                self._held[file] = held
                return path
        state = state or file.look()
        require_space(self._folder, state.size)
        file.copy(path, state)
        with self._lock:
            self._held[file] = state
        return path

    def _path(self, file: RemoteFile) -> Path:
        return self._folder / hash_parts(file.uri)

    def _evict(self) -> None:
        left = sum(state.size for state in self._held.values())
        for file in [file for file in self._held if not self._used[file]]:
            if left <= self._most:
                return
            left -= self._held.pop(file).size
            self._path(file).unlink(missing_ok=True)


@cache
def own_copies() -> FileCopies:
    """The copies that this process has made."""
    folder = make_scratch()
    atexit.register(remove_scratch, folder)
    return FileCopies(folder)
