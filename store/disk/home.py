"""Where the files of a store are at home: the folder itself, or a bucket that the folder is a replica of.

Whatever reads or writes a store does so in its folder. A home has the newest snapshot there before it is read, publishes a commit that was
made there, and keeps the files that were written there. `Folder` has nothing to do for most of this: the folder is the home.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tubelet.store.disk import inside
from tubelet.store.disk.files import write_whole

MARKER, CLAIMS, UNFINISHED = "tubelet.json", "claims", "unfinished"
READABLE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
MOST_BYTES = 8_192  # of a claim


class Outrun(Exception):
    """Another writer has published a commit in the meantime: this one is made again, on top of it."""


@dataclass(frozen=True, kw_only=True)
class Publication:
    """A commit: what its marker says, the checksums of files that its entry adds to this, both as they are written, the files that it adds
    to the tables, and the tables whose unused files go."""

    content: Mapping
    sums: Mapping[str, list]
    marker: bytes
    entry: bytes
    entry_name: str
    added: tuple[str, ...] = ()
    swept: tuple[str, ...] = ()


class Home(Protocol):
    """What differs between a store in a folder and one in a bucket. Paths are those of the folder."""

    def __str__(self) -> str: ...

    def refresh(self) -> None:
        """Have the newest snapshot in the folder, or one that was the newest a moment ago."""

    def expire(self) -> None:
        """Have the next `refresh` bring a snapshot that is newer than this call, whatever was read a moment ago."""

    def fetch(self, path: Path) -> None:
        """Have one file in the folder, if the home has it."""

    def fetch_all(self, files: Mapping[str, int]) -> None:
        """Have several embedding files, by name and bytes, in the folder."""

    def bring(self, files: Mapping[str, int]) -> None:
        """Have data files of tables, by name and bytes, in the folder. Raises FilesGone where the home has one no more, and, in a commit, Outrun where
        another writer has taken it out.
        """

    def walk(self, folder: str) -> Iterator[Path]:
        """Where every file of a folder is, or would be."""

    def visit(self, folder: str) -> Iterator[Path]:
        """Every file of a folder, in place while it is looked at."""

    def entries(self) -> list[str]:
        """The names of files and folders at the store's root; none where there is no root yet."""

    def committing(self, new: bool = False) -> AbstractContextManager[None]:
        """Be the only one who changes the tables in the folder, which has the newest snapshot and nothing beyond it, or, of a `new` store, nothing."""

    def publish(self, new: Publication) -> None:
        """Make a commit the newest one. Raises Outrun where the tables were made from an older one."""

    def put(self, path: Path, data: bytes | memoryview) -> None:
        """Write a file whole, in place of one of its name."""

    def put_first(self, path: Path, data: bytes | memoryview) -> bytes | memoryview:
        """Write a file whole, unless another machine has put one of its name; what is there then."""

    def has(self, path: Path) -> bool: ...

    def measure(self, paths: Iterable[Path]) -> dict[Path, int]:
        """Measure the files that exist: their names and bytes."""

    def remove(self, paths: Iterable[Path]) -> None:
        """Remove files; those that are not there do not matter."""

    def create(self, path: Path, data: bytes) -> bool:
        """Make a small file that must not exist; whether it was made."""

    def read(self, path: Path) -> bytes | None:
        """The first bytes of a small file; None where there is none."""

    def write(self, path: Path, data: bytes) -> None:
        """Write a small file that exists."""

    def show(self, path: Path, data: bytes) -> None:
        """Have other machines see a small file that was written to the folder."""

    def require_alone(self) -> None:
        """Raise BlockingIOError where other machines ingest."""

    def drop_claims(self) -> None:
        """Remove the claims, if other machines have none."""


class Folder:
    """A store in a folder: other processes and machines see the same files."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    def refresh(self) -> None:
        return

    def expire(self) -> None:
        return

    def fetch(self, path: Path) -> None:
        return

    def fetch_all(self, files: Mapping[str, int]) -> None:
        return

    def bring(self, files: Mapping[str, int]) -> None:
        return

    def walk(self, folder: str) -> Iterator[Path]:
        return inside.walk_files(self._root, folder)

    def visit(self, folder: str) -> Iterator[Path]:
        return inside.walk_files(self._root, folder)

    def entries(self) -> list[str]:
        return os.listdir(self._root) if self._root.exists() else []

    def committing(self, new: bool = False) -> AbstractContextManager[None]:
        return nullcontext()

    def publish(self, new: Publication) -> None:
        unfinished = self._root / UNFINISHED
        write_whole(self._root / new.entry_name, new.entry, unfinished, flush=False)
        write_whole(self._root / MARKER, new.marker, unfinished)

    def put(self, path: Path, data: bytes | memoryview) -> None:
        write_whole(path, data, self._root / UNFINISHED)

    def put_first(self, path: Path, data: bytes | memoryview) -> bytes | memoryview:
        self.put(path, data)
        return data

    def has(self, path: Path) -> bool:
        return os.path.lexists(path)

    def measure(self, paths: Iterable[Path]) -> dict[Path, int]:
        return {path: path.stat().st_size for path in paths if path.is_file()}

    def remove(self, paths: Iterable[Path]) -> None:
        for path in paths:
            inside.remove_file(self._root, path)

    def create(self, path: Path, data: bytes) -> bool:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        return True

    def read(self, path: Path) -> bytes | None:
        try:
            descriptor = os.open(path, READABLE)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            return file.read(MOST_BYTES) if regular else None

    def write(self, path: Path, data: bytes) -> None:
        with suppress(OSError):
            path.write_bytes(data)

    def show(self, path: Path, data: bytes) -> None:
        return

    def require_alone(self) -> None:
        return

    def drop_claims(self) -> None:
        for path in inside.walk_files(self._root, CLAIMS):
            inside.remove_file(self._root, path)
