"""Which dense scores are reported."""

from dataclasses import dataclass

from tubelet.reports.errors import ReportError
from tubelet.reports.scope_options import hardest_option
from tubelet.store.options import check_options, option


@dataclass(frozen=True, kw_only=True)
class ScoresOptions:
    """None: every encoder that has scores."""

    encoder: str | None = option(
        None,
        help="Only these encoders, by name or id, separated by commas.",
        unset="every encoder with scores",
        metavar="NAME,...",
    )
    hardest: int = hardest_option()

    def __post_init__(self) -> None:
        check_options(self, ReportError)

    @property
    def encoders(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in (self.encoder or "").split(",") if part.strip())
