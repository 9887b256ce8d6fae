"""What a report cannot do, and what to do instead."""

from collections.abc import Iterable

from tubelet.store.errors import TubeletError
from tubelet.store.wording import count


class ReportError(TubeletError):
    """A report has nothing to report on, or too much at once."""


class OtherEncoders(ReportError):
    """There is nothing of what was asked for; `encoder_ids` are the encoders of which there is something."""

    def __init__(self, said: str, encoder_ids: Iterable[str]) -> None:
        self.encoder_ids = tuple(dict.fromkeys(encoder_ids))
        super().__init__(said)


class NoPairs(ReportError):
    """Nothing was measured yet."""


class ManySettings(ReportError):
    """Pairs that differ in more than requested would be averaged."""

    def __init__(self, settings: list[str], videos: list[int]) -> None:
        self.settings = settings
        listed = "\n".join(
            f"  --setting {setting!r}  ({count(number, 'video')})"
            for setting, number in zip(settings, videos)
        )
        super().__init__(
            f"the pairs were made in {len(settings)} ways, which are averaged only on request: "
            f"choose one of them, or pass --mix for all\n{listed}"
        )
