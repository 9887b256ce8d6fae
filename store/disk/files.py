"""Whole or absent: a file appears under its name only when all its bytes are on disk. Of what users name, only regular files are opened."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltalake.exceptions import DeltaError

from tubelet.store.disk.outputs import name_errors
from tubelet.store.errors import StoreError

REASONS = {
    "No space left": "the disk of {root} is full; nothing half-written is visible: free some space, then run the same command again",
    "Disk quota": "the disk quota of {root} is used up; nothing half-written is visible: free some space, then run the same command again",
    "File too large": "a file of {root} would be larger than this session (`ulimit -f`) or its disk allows; nothing half-written is visible: raise the limit, then run the same command again",
    "Read-only file system": "{root} is on a read-only file system: mount it writable, or pass another --store",
    "Permission denied": "{root} is not writable for this user: change its permissions, or pass another --store",
    "Input/output error": "the disk of {root} reports an input or output error: check it (dmesg tells more), then run `tubelet check`",
}
SPECIAL = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def explain_irregular(path: Path) -> str | None:
    """Why a path is never opened; None for a regular file, and for one that cannot be examined, which opening will explain."""
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except OSError:
        return None
    if kind == stat.S_IFREG:
        return None
    return f"not a regular file but {SPECIAL.get(kind, 'something else')}"


def read_regular(path: Path) -> bytes:
    """The bytes of a file that a user named. Raises OSError, immediately for a FIFO, on which reading would never return."""
    if why := explain_irregular(path):
        raise OSError(errno.EINVAL, why, str(path))
    return path.read_bytes()


def write_whole(path: Path, data: bytes | memoryview, unfinished: Path, flush: bool = True) -> None:
    """Write `data` to a file of its own in the folder `unfinished`, flush it to disk if the file must outlast a power cut, then rename it to `path`."""
    for folder in (path.parent, unfinished):
        folder.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=unfinished, prefix=f"{path.name}.")
    try:
        with name_errors(path), os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if flush:
                os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def require_space(folder: Path, needed: int) -> None:
    """Raise OSError where the disk of a folder has not this many bytes left: a library that notices only while it writes may panic."""
    if os.path.isdir(folder) and _free_bytes(folder) < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def unreadable(error: OSError) -> str:
    """Why a file cannot be read, and what to do: of its permissions and its disk only their owner knows."""
    where = error.filename or "a file of the store"
    why = os.strerror(error.errno).lower() if error.errno else " ".join(str(error).split())[:300]
    return f"{where} cannot be read ({why}): check its permissions and its disk"


def _free_bytes(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


@contextmanager
def explain_disk_errors(root: Path) -> Iterator[None]:
    """Turn the operating system's errors about a full or read-only disk into a StoreError that says what to do."""
    try:
        yield
    except (OSError, DeltaError) as error:
        for words, sentence in REASONS.items():
            if words in str(error):
                raise StoreError(sentence.format(root=root)) from error
        raise
