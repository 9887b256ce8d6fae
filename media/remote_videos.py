"""Videos at addresses, for a dashboard that was started with `--remote-videos`: copied to this machine when they are first shown.

A store from somebody else may name any address, also one of a private network, so that none is asked without that.
"""

import os
import time
from functools import lru_cache
from pathlib import Path

from tubelet.store.errors import StoreError
from tubelet.store.remote.file_copies import own_copies
from tubelet.store.remote.remote_file import FileError, FileState, read_file_address
from tubelet.store.rows import VideoRow

REMOTE_VIDEOS = "TUBELET_REMOTE_VIDEOS"  # set: addresses are asked
LOOK_S = 60  # for which a file is taken to be as it was


def explain_absence(video: VideoRow) -> str | None:
    """Why a video at an address cannot be shown; None where it is there as it was ingested, by what its server says."""
    if not os.environ.get(REMOTE_VIDEOS):
        return "the source file is at an address, which a dashboard reads if it is started with --remote-videos"
    found = _look(video.path, int(time.monotonic() / LOOK_S))
    if isinstance(found, str):
        return found
    if (found.size, found.mark) != (video.bytes, video.modified_ns):
        return f"{video.path} has changed since it was ingested"
    return None


def copy_video(video: VideoRow) -> Path:
    """The file of a video at an address, on this machine. Raises StoreError where it cannot be copied."""
    try:
        with own_copies().hold(read_file_address(video.path)) as path:
            return path
    except FileError as error:
        raise StoreError(str(error)) from error
    except OSError as error:
        raise StoreError(
            f"{video.path} cannot be copied to this machine ({error.strerror}): make room on its disk"
        ) from error


@lru_cache(maxsize=4096)
def _look(address: str, _minute: int) -> FileState | str:
    """What the server says of a file, or why it says nothing."""
    try:
        return read_file_address(address).look()
    except (FileError, StoreError) as error:
        return str(error)
