"""What the report on encoders is asked for."""

from dataclasses import dataclass

from tubelet.latent.comparison.options import AUTO, POOLED, TOKENS, ComparisonOptions
from tubelet.reports.errors import ReportError
from tubelet.store.intervals import FEWEST
from tubelet.store.options import SEED_MOST, check_options, option


@dataclass(frozen=True, kw_only=True)
class EncodersOptions:
    """None: every encoder and layer whose states are stored."""

    encoder: str | None = option(
        None,
        help="Only these encoders, by name or id, separated by commas.",
        unset="every encoder of the store",
        metavar="NAME,...",
    )
    layer: str | None = option(
        None,
        help="Only these layers, separated by commas, such as block:3,block:8.",
        unset="every layer that is stored",
        metavar="LAYER,...",
    )
    on: str = option(
        AUTO,
        help="What is compared: tokens at the same place and time, or the mean over the patches of a slice (pooled); auto means tokens if every encoder stores them and none has pooled layers.",
        choices=(AUTO, TOKENS, POOLED),
    )
    videos: int = option(
        1000, help="Most videos, or groups of videos, in the sample.", least=FEWEST, most=4000
    )
    moments: int | None = option(
        None,
        help="Moments of each video, or group, in the sample.",
        unset="8 of tokens, 2 of pooled states",
        least=1,
        most=100,
    )
    neighbors: int = option(
        10, help="Nearest videos that are compared; at most half of the others.", least=1, most=1000
    )
    shuffles: int = option(
        10, help="How often videos are shuffled, for the chance level.", least=1, most=1000
    )
    seed: int = option(0, help="Seed of the sample and of the shuffles.", least=0, most=SEED_MOST)

    def __post_init__(self) -> None:
        check_options(self, ReportError)

    @property
    def wanted(self) -> ComparisonOptions:
        return ComparisonOptions(
            encoders=_split(self.encoder),
            layers=_split(self.layer),
            on=self.on,
            videos=self.videos,
            moments=self.moments,
            neighbors=self.neighbors,
            shuffles=self.shuffles,
            seed=self.seed,
        )


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
