"""What dense scoring is asked for."""

from dataclasses import asdict, dataclass

from tubelet.latent.errors import LatentError
from tubelet.store.options import check_options, option

ALL, SEGMENTATION, TRACKING = "all", "segmentation", "tracking"


class ScoringError(LatentError):
    """Masks or points against which nothing can be scored."""


@dataclass(frozen=True, kw_only=True)
class ScoringOptions:
    """What is scored, and on how much."""

    task: str = option(
        ALL,
        help="segmentation: spread the mask of one slice over the clip; tracking: follow points; all: both, as far as masks and points are imported.",
        choices=(ALL, SEGMENTATION, TRACKING),
    )
    objects: int = option(
        20, help="Most objects per clip, lowest numbers first.", least=1, most=1000
    )
    points: int = option(
        32, help="Most points per clip, spread evenly over their names.", least=1, most=10_000
    )

    def __post_init__(self) -> None:
        check_options(self, ScoringError)

    @property
    def tasks(self) -> tuple[str, ...]:
        return (SEGMENTATION, TRACKING) if self.task == ALL else (self.task,)

    @property
    def settings(self) -> dict:
        return asdict(self)
