"""What `tubelet decoder fit` is asked for."""

from dataclasses import asdict, dataclass

from tubelet.store.options import SEED_MOST, check_options, option
from tubelet.training.fitting.errors import FitError


@dataclass(frozen=True, kw_only=True)
class DecoderOptions:
    """The head, how it is fitted, and which videos it is tested on."""

    pixels: int = option(8, help="Pixels per side of what a token is decoded to.", least=1, most=32)
    width: int = option(128, help="Channels between the convolutions.", least=4, most=4096)
    steps: int = option(
        2000,
        help="Most optimizer steps; fitting stops early by a part of the training videos.",
        least=1,
        most=1_000_000,
    )
    rate: float = option(2e-3, help="Learning rate of AdamW.", least=1e-8, most=1.0)
    batch: int = option(
        8,
        help="Clips per step, at most eight slices of each; memory grows with it.",
        least=1,
        most=4096,
    )
    test: float = option(
        25.0,
        help="Percentage of the videos to test on, if there is no label `split`.",
        least=1,
        most=90,
    )
    device: str = option("auto", help="Device to fit it on: auto, cpu, cuda, cuda:N or mps.")
    seed: int = option(
        0, help="Seed of the test videos, the weights and the batches.", least=0, most=SEED_MOST
    )

    def __post_init__(self) -> None:
        check_options(self, FitError)

    @property
    def settings(self) -> dict:
        """What decides the numbers: not the device."""
        return {name: value for name, value in asdict(self).items() if name != "device"}
