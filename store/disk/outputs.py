"""Files that users name for output: each appears under its name only when it is whole, and an error of the disk names it."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def open_whole(path: Path, seekable: bool = True) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its name once all is written; nothing is left where that fails, and an older file stays.

    A link leads to the file that is replaced. A device or a pipe stays what it is, and gets all bytes at once where the writer has to seek.
    """
    target = Path(os.path.realpath(path))
    special = target.exists() and not target.is_file()
    opened = _open_special if special and seekable else _open_plain if special else _open_beside
    with name_errors(path), opened(target) as file:
        yield file


def write_file(path: Path, write: Callable[[BinaryIO], int]) -> int:
    """Write a file whole; what `write` returns."""
    with open_whole(path) as file:
        return write(file)


@contextlib.contextmanager
def name_errors(path: Path) -> Iterator[None]:
    """Put the file's name into errors of the operating system that have none, as those of writing."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


@contextlib.contextmanager
def _open_plain(path: Path) -> Iterator[BinaryIO]:
    with open(path, "wb") as file:
        yield file


@contextlib.contextmanager
def _open_special(path: Path) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as whole:
        yield whole
        whole.seek(0)
        with open(path, "wb") as special:
            shutil.copyfileobj(whole, special)


@contextlib.contextmanager
def _open_beside(path: Path) -> Iterator[BinaryIO]:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _mode(target: Path) -> int:
    """The permissions that the file has, or a new one would get."""
    with contextlib.suppress(FileNotFoundError):
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
