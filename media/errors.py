"""What can go wrong with a video file."""

from tubelet.store.errors import TubeletError


class VideoError(TubeletError):
    """One video, or the rest of it, cannot be used. `stage` is read, open, decode or window."""

    def __init__(self, stage: str, reason: str, first_frame: int | None = None) -> None:
        super().__init__(reason)
        self.stage = stage
        self.first_frame = first_frame
