"""What can go wrong with the arguments, a clip or the weights; what can go wrong with a video file is `tubelet.media.errors`."""

from tubelet.store.errors import TubeletError


class UsageError(TubeletError):
    """Invalid arguments, reported before anything is decoded."""


class TeamError(TubeletError):
    """The processes of an ingest on several devices have all ended."""


class EncodeError(TubeletError):
    """One clip cannot be encoded."""


class CheckpointError(TubeletError):
    """A file of weights that is absent, damaged, unsafe, or of another model."""


class DownloadError(TubeletError):
    """Weights that could not be downloaded."""
