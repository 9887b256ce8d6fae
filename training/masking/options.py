"""What `tubelet mask` is asked for."""

from dataclasses import dataclass
from pathlib import Path

from tubelet.ingest.errors import UsageError
from tubelet.ingest.prediction.options import NetworkOptions
from tubelet.store.options import SEED_MOST, check_options, option

LIMIT_MOST = 1_000_000
RATIOS = {  # share of the tokens that a mask hides without being told; None where its kind decides that
    "multi-block": None,
    "multi-block-long": None,
    "tube": 0.75,
    "random": 0.75,
    "future": 0.5,
    "past": 0.5,
    "every-other": None,
}


@dataclass(frozen=True, kw_only=True)
class MaskOptions(NetworkOptions):
    """Which masks of which windows."""

    mask: str = option(
        "multi-block",
        help=f"{', '.join(RATIOS)}; several with commas, to compare them on the same windows.",
        metavar="KIND[,KIND]",
    )
    ratio: float | None = option(
        None,
        help="Share of the tokens that tube, random, future and past hide.",
        unset="0.75; 0.5 of future and past",
        least=0.001,
        most=0.999,
    )
    seed: int = option(0, help="Of what is drawn by chance.", least=0, most=SEED_MOST)
    clip: str | None = option(
        None,
        help="Only this window, by its clip id.",
        unset="the first of each video",
        metavar="ID",
    )
    limit: int = option(8, help="At most so many windows.", least=1, most=LIMIT_MOST)
    draw: Path | None = option(
        None, help="Picture (PNG) of the first window and its masks to write.", metavar="FILE"
    )

    def __post_init__(self) -> None:
        check_options(self, UsageError)
        for kind in self.kinds:
            if kind not in RATIOS:
                raise UsageError(
                    f"--mask {kind or 'is empty'}: choose {', '.join(RATIOS)}, or several with commas"
                )
        fixed = [kind for kind in self.kinds if RATIOS[kind] is None]
        if self.ratio is not None and len(fixed) == len(self.kinds):
            raise UsageError(
                f"--ratio: {fixed[0]} decides itself how much it hides: leave --ratio out, or take tube, random, future or past"
            )
        if self.draw is not None and self.draw.suffix.lower() != ".png":
            raise UsageError(f"--draw {self.draw} is not a PNG: pass a file that ends in .png")
        if self.draw is not None and not self.draw.absolute().parent.is_dir():
            raise UsageError(
                f"--draw: {self.draw.absolute().parent} is not a folder: create it, or pass another file"
            )

    def ratio_of(self, kind: str) -> float | None:
        """The share that a kind of mask hides; None where the kind decides it."""
        own = RATIOS[kind]
        return own if own is None or self.ratio is None else self.ratio

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.strip().lower() for part in self.mask.split(",")))
