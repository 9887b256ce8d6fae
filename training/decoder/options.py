"""What `tubelet decoder fit` is asked for."""

from dataclasses import asdict, dataclass

from tubelet.store.options import SEED_MOST, check_options, option
from tubelet.training.fitting.errors import FitError


@dataclass(frozen=True, kw_only=True)
class DecoderOptions:
    """The head, how it is fitted, and which videos it is tested on."""

    pixels: int = option(8, help="Pixels per side that a token is drawn as.", least=1, most=32)
    width: int = option(128, help="Channels between the convolutions.", least=4, most=4096)
    steps: int = option(
        2000,
        help="Steps of the optimizer, at most; fitting stops early inside the training part.",
        least=1,
        most=1_000_000,
    )
    rate: float = option(2e-3, help="Learning rate of AdamW.", least=1e-8, most=1.0)
    batch: int = option(
        8,
        help="Clips per step, eight slices of each at most: what memory grows with.",
        least=1,
        most=4096,
    )
    test: float = option(
        25.0,
        help="Per cent of the videos to test on, where no label `split` says it.",
        least=1,
        most=90,
    )
    device: str = option("auto", help="Where it is fitted: auto, cpu, cuda, cuda:N or mps.")
    seed: int = option(0, help="Seed of videos, weights and batches.", least=0, most=SEED_MOST)

    def __post_init__(self) -> None:
        check_options(self, FitError)

    @property
    def settings(self) -> dict:
        """What decides the numbers: not the device."""
        return {name: value for name, value in asdict(self).items() if name != "device"}
