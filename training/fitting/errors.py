"""What can go wrong where a model is fitted to stored tokens."""

from tubelet.store.errors import TubeletError


class FitError(TubeletError):
    """A model that cannot be fitted, or whose figures would mean nothing."""
