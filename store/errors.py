"""Errors a person can act on: each message is a sentence that says what to do next."""


class TubeletError(Exception):
    """Wrong use or bad input; shown without a traceback."""


class StoreError(TubeletError):
    """The store is missing, foreign, newer, damaged, full or not writable."""


class FilesGone(StoreError):
    """Files of a store in a bucket that a question reads are not here, or no more: the question is asked again over the newest snapshot."""


class ReadOnly(StoreError):
    """A write to a store that was opened read-only."""


class Overtaken(StoreError):
    """Another writer has committed since the store was read."""


class QueryError(TubeletError):
    """A SQL query that cannot be answered: its own mistake, or a limit."""


class NoVideos(TubeletError):
    """No video matches the request."""


class MeasurementError(StoreError):
    """A pair whose differences cannot be stored."""


class AnnotationError(TubeletError):
    """A file of labels, masks or points that cannot be imported; nothing of it was."""
