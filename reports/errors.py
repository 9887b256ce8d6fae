"""What a report cannot do, and what to do instead."""

from store.errors import TubeletError


class ReportError(TubeletError):
    """There is nothing to report on, or too much at once."""
