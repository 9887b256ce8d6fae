"""What can go wrong with a video file."""

import errno

from tubelet.store.errors import TubeletError

# What a disk, a network or a full machine says, not what a file holds: the same file may be read next time
PASSING = frozenset(
    (errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT, errno.ENOTCONN, errno.ECONNRESET)
)  # fmt: skip


class VideoError(TubeletError):
    """One video, or the rest of it, cannot be used. `stage` is read, open, decode or window."""

    def __init__(self, stage: str, reason: str, first_frame: int | None = None) -> None:
        super().__init__(reason)
        self.stage = stage
        self.first_frame = first_frame


def find_stage(error: Exception, stage: str) -> str:
    """The stage at which a file failed: `read` where the error says nothing of its content, so that the next run tries it again."""
    passing = isinstance(error, MemoryError) or getattr(error, "errno", None) in PASSING
    return "read" if passing else stage
