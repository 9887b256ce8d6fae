"""What a comparison is asked for."""

from dataclasses import dataclass

from tubelet.latent.errors import LatentError

AUTO, TOKENS, POOLED = "auto", "tokens", "pooled"
MOMENTS = {TOKENS: 8, POOLED: 2}  # per video


class ComparisonError(LatentError):
    """Encoders that cannot be compared, or whose comparison would be meaningless."""


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions:
    """`encoders` and `layers`: only these, none: all; `moments` None: as many as suit what is compared."""

    encoders: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    on: str = AUTO
    videos: int = 1000
    moments: int | None = None
    neighbors: int = 10
    shuffles: int = 10
    seed: int = 0
