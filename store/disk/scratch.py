"""Temporary folders: removed by their owner or, if it was killed, by the next process that creates one.

Each folder has a lock that its owner holds as long as it lives; the operating system releases it however the owner ends.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "tubelet-scratch-"
LOCK = "owner.lock"

_locks: dict[Path, int] = {}  # folder of this process -> descriptor of its lock


def make_scratch() -> Path:
    """Create a folder that nobody else can read; those of dead owners are removed first."""
    sweep_scratch()
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        descriptor = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if (folder / LOCK).exists():  # else a sweep was faster than the lock
            _locks[folder] = descriptor
            return folder
        os.close(descriptor)


def remove_scratch(folder: Path) -> None:
    """Remove a folder of this process with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)
    if (descriptor := _locks.pop(folder, None)) is not None:
        os.close(descriptor)


def sweep_scratch() -> int:
    """Remove the folders of this user whose owners are dead; how many there were."""
    found = [
        Path(entry.path)
        for entry in os.scandir(tempfile.gettempdir())
        if entry.name.startswith(PREFIX)
    ]
    return sum(_sweep(folder) for folder in found if folder not in _locks and _is_ours(folder))


def _is_ours(folder: Path) -> bool:
    try:
        return folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.geteuid()
    except OSError:
        return False


def _sweep(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
