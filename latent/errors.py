"""Errors a person can act on: each message is a sentence that says what to do next."""

from tubelet.store.errors import TubeletError


class LatentError(TubeletError):
    """A basis, a track, a segmentation or a search that is not possible."""
