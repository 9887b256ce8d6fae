"""Whether anything opens, changes or deletes a file: asked of the kernel, so that native code and other processes count, too."""

import ctypes
import os
from pathlib import Path

ACCESS, MODIFY, ATTRIBUTES, OPEN, GONE = 0x1, 0x2, 0x4, 0x20, 0xC00
NONBLOCK = 0o4000


class Watch:
    """The files of a folder from now on; `touched` says what has happened to them since."""

    def __init__(self, folder: Path) -> None:
        self._before = {
            path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
        }
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(NONBLOCK)
        for path in self._before:
            if (
                libc.inotify_add_watch(
                    self._descriptor, os.fsencode(path), ACCESS | MODIFY | ATTRIBUTES | OPEN | GONE
                )
                < 0
            ):
                raise OSError(ctypes.get_errno(), f"{path} cannot be watched")

    def touched(self) -> bool:
        """Whether a file was opened, changed or deleted. Ends the watch."""
        try:
            return bool(os.read(self._descriptor, 1 << 16))
        except BlockingIOError:
            return {
                path: path.read_bytes() for path in self._before if path.exists()
            } != self._before
        finally:
            os.close(self._descriptor)
