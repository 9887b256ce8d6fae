"""What can go wrong with one file or clip, and where: each becomes a row of `failures`."""

from store.errors import TubeletError


class UsageError(TubeletError):
    """Arguments that cannot be run: said before anything is decoded."""


class VideoError(TubeletError):
    """One video, or the rest of it, cannot be used. `stage` is read, open, decode or window."""

    def __init__(self, stage: str, reason: str, first_frame: int | None = None) -> None:
        super().__init__(reason)
        self.stage = stage
        self.first_frame = first_frame


class EncodeError(TubeletError):
    """One clip cannot be encoded."""


class CheckpointError(TubeletError):
    """A file of weights that is absent, damaged, unsafe, or of another model."""


class DownloadError(TubeletError):
    """Weights that could not be brought to this machine."""
