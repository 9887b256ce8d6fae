"""What `tubelet transition fit` is asked for."""

from dataclasses import asdict, dataclass

from tubelet.store.options import SEED_MOST, check_options, option
from tubelet.training.fitting.errors import FitError

HEAD_DIM = 32


@dataclass(frozen=True, kw_only=True)
class TransitionOptions:
    """The network, how it is fitted, and which videos it is tested on."""

    block: int = option(8, help="Most slices that the model sees.", least=1, most=1024)
    side: int = option(
        8,
        help="Tokens per side of a slice, at most: larger grids are averaged over neighbors.",
        least=1,
        most=256,
    )
    width: int = option(128, help="Width of the transformer.", least=8, most=4096)
    depth: int = option(
        2, help="Pairs of blocks: one attends over time, one over the slice.", least=1, most=64
    )
    steps: int = option(
        1000,
        help="Most optimizer steps; fitting stops early by a part of the training videos.",
        least=1,
        most=1_000_000,
    )
    rate: float = option(1e-3, help="Learning rate of AdamW.", least=1e-8, most=1.0)
    batch: int = option(8, help="Clips per step; memory grows with it.", least=1, most=4096)
    horizons: int = option(
        8, help="Slices that a rollout predicts one after another.", least=1, most=64
    )
    test: float = option(
        25.0,
        help="Percentage of the videos to test on, if there is no label `split`.",
        least=1,
        most=90,
    )
    device: str = option("auto", help="Device to fit models on: auto, cpu, cuda, cuda:N or mps.")
    seed: int = option(
        0, help="Seed of the test videos, the weights and the batches.", least=0, most=SEED_MOST
    )
    where: str | None = option(
        None,
        help="Only videos that meet a condition, such as \"label = 'cooking'\".",
        metavar="SQL",
    )

    def __post_init__(self) -> None:
        check_options(self, FitError)

    @property
    def heads(self) -> int:
        """Attention heads, of 32 dimensions or the next lower number that divides the width."""
        return next(n for n in range(max(1, self.width // HEAD_DIM), 0, -1) if self.width % n == 0)

    @property
    def settings(self) -> dict:
        """What decides the numbers: not the device, and not the condition, whose videos are named."""
        return {name: value for name, value in asdict(self).items() if name not in ("device", "where")}  # fmt: skip
