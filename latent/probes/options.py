"""What a run of probes is asked for."""

from dataclasses import asdict, dataclass

from tubelet.latent.errors import LatentError
from tubelet.store.options import SEED_MOST, check_options, option

AUTO, CLASSES, NUMBERS = "auto", "classes", "numbers"
WHOLE = 100.0  # per cent
LINEAR, KNN = "linear", "knn"


class ProbeError(LatentError):
    """A probe that cannot be trained, or whose score would mean nothing."""


@dataclass(frozen=True, kw_only=True)
class ProbeOptions:
    """How probes are trained; which label and which encoders stand beside."""

    kind: str = option(
        LINEAR,
        help="linear: logistic regression, ridge regression for numbers; knn: nearest neighbors by cosine.",
        choices=(LINEAR, KNN),
    )
    layer: str | None = option(
        None,
        help="Only these layers, separated by commas, such as block:3,block:8.",
        unset="every layer that is stored",
        metavar="LAYER,...",
    )
    task: str = option(
        AUTO,
        help="Whether the label's values are classes or numbers; auto takes numbers where all are and more than 10 differ.",
        choices=(AUTO, CLASSES, NUMBERS),
    )
    folds: int = option(
        5, help="Folds of cross-validation, where no label `split` says it.", least=2, most=100
    )
    split: bool = option(
        True, help="Obey the label `split`: train on `train`, predict `test`, where videos have it."
    )
    shuffles: int = option(
        1, help="How often labels are shuffled, for the control.", least=1, most=1000
    )
    share: str = option(
        "100",
        help="Per cent of the training videos to learn from, spread evenly over classes; several with commas show how few labels are enough.",
        metavar="N,N,...",
    )
    seeds: int = option(
        3, help="Draws of the training videos for each share below 100.", least=1, most=100
    )
    seed: int = option(0, help="Seed of folds and shuffles.", least=0, most=SEED_MOST)

    def __post_init__(self) -> None:
        check_options(self, ProbeError)
        if wrong := [part for part in self.share.split(",") if not _is_share(part)]:
            raise ProbeError(
                f"--share is {self.share}: {wrong[0].strip() or 'nothing'} is not a number above 0 and up to 100: write for example 1,5,10,25,100"
            )

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers by name; none: all."""
        return tuple(part.strip() for part in (self.layer or "").split(",") if part.strip())

    @property
    def shares(self) -> tuple[float, ...]:
        """Shares below 100, the largest first; all videos are always learned from, too."""
        return tuple(
            sorted({float(part) for part in self.share.split(",")} - {WHOLE}, reverse=True)
        )

    @property
    def settings(self) -> dict:
        return asdict(self)


def _is_share(text: str) -> bool:
    try:
        return 0 < float(text) <= WHOLE
    except ValueError:
        return False
