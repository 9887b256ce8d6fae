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
        help="segmentation: objects are cut out from the mask of one slice; tracking: points are followed; all: what the imported masks and points allow.",
        choices=(ALL, SEGMENTATION, TRACKING),
    )
    objects: int = option(
        20, help="Objects of a clip, at most, those of the lowest numbers.", least=1, most=1000
    )
    points: int = option(
        32, help="Points of a clip, at most, evenly spread over their names.", least=1, most=10_000
    )

    def __post_init__(self) -> None:
        check_options(self, ScoringError)

    @property
    def tasks(self) -> tuple[str, ...]:
        return (SEGMENTATION, TRACKING) if self.task == ALL else (self.task,)

    @property
    def settings(self) -> dict:
        return asdict(self)
