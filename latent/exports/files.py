"""Files that appear under their names only when they are whole."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def open_whole(path: Path) -> Iterator[BinaryIO]:
    """A file beside `path`, to be written to and sought in, that takes its name once all is written; nothing is left where that fails.

    A link leads to the file that is replaced; a device or a pipe gets all bytes at once and stays what it is.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        with tempfile.TemporaryFile() as whole:
            yield whole
            whole.seek(0)
            with open(path, "wb") as special:
                shutil.copyfileobj(whole, special)
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_file(path: Path, write: Callable[[BinaryIO], int]) -> int:
    """Write a file whole; what `write` returns."""
    with open_whole(path) as file:
        return write(file)
