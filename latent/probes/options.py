"""What a run of probes is asked for."""

from dataclasses import asdict, dataclass

from tubelet.latent.errors import LatentError
from tubelet.store.options import SEED_MOST, check_options, option

AUTO, CLASSES, NUMBERS = "auto", "classes", "numbers"
WHOLE = 100.0  # percent
MASKS = "masks"  # the task of patch probes, and what stands for their label
LINEAR, KNN, ATTENTIVE, PATCH = "linear", "knn", "attentive", "patch"
OBJECTS, FOREGROUND = "objects", "foreground"
OF_KIND = {ATTENTIVE: {"rates", "epochs", "batch"}, PATCH: {"classes", "tokens"}}  # options
RATES_MOST = 16


class ProbeError(LatentError):
    """A probe that cannot be trained, or whose score would mean nothing."""


@dataclass(frozen=True, kw_only=True)
class ProbeOptions:
    """How probes are trained; which label and which encoders stand beside."""

    kind: str = option(
        LINEAR,
        help="linear: logistic regression, ridge regression for numbers; knn: nearest neighbors by cosine; attentive: a cross-attention block with a learned query over all tokens of a clip; patch: logistic regression from each token to what imported masks show there, without a label.",
        choices=(LINEAR, KNN, ATTENTIVE, PATCH),
    )
    layer: str | None = option(
        None,
        help="Only these layers, separated by commas, such as block:3,block:8.",
        unset="every layer that is stored",
        metavar="LAYER,...",
    )
    task: str = option(
        AUTO,
        help="Whether the label's values are classes or numbers; auto means numbers if all values are numeric and more than 10 differ.",
        choices=(AUTO, CLASSES, NUMBERS),
    )
    folds: int = option(
        5, help="Folds of cross-validation, if there is no label `split`.", least=2, most=100
    )
    split: bool = option(
        True,
        help="Follow the label `split`: train on `train`, predict `test`, where videos have it.",
    )
    shuffles: int = option(
        1, help="How often labels are shuffled, for the control.", least=1, most=1000
    )
    share: str = option(
        "100",
        help="Percentage of the training videos to learn from, spread evenly over classes; several, separated by commas, show how few labels are enough.",
        metavar="N,N,...",
    )
    seeds: int = option(
        3, help="Draws of the training videos for each share below 100.", least=1, most=100
    )
    rates: str = option(
        "3e-4,1e-3,3e-3",
        help="Learning rates of attentive probes; the best is chosen inside the training folds.",
        metavar="RATE,...",
    )
    epochs: int = option(
        100,
        help="Epochs of attentive probes, at most; they stop early inside the training folds.",
        least=1,
        most=10_000,
    )
    batch: int = option(
        16,
        help="Clips per step of attentive probes; memory grows with it.",
        least=1,
        most=4096,
    )
    device: str = option(
        "auto", help="Device to train attentive probes on: auto, cpu, cuda, cuda:N or mps."
    )
    classes: str = option(
        OBJECTS,
        help="What patch probes predict: objects: each object number of the masks is a class, the same in every video; foreground: object or background.",
        choices=(OBJECTS, FOREGROUND),
    )
    tokens: int = option(
        10_000,
        help="Tokens that a patch probe learns from, at most, evenly over videos.",
        least=100,
        most=1_000_000,
    )
    seed: int = option(
        0, help="Seed of folds, shuffles and attentive probes.", least=0, most=SEED_MOST
    )

    def __post_init__(self) -> None:
        check_options(self, ProbeError)
        if wrong := [part for part in self.share.split(",") if not _is_share(part)]:
            raise ProbeError(
                f"--share is {self.share}: {wrong[0].strip() or 'nothing'} is not a number above 0 and up to 100: write for example 1,5,10,25,100"
            )
        if wrong := [part for part in self.rates.split(",") if not _is_rate(part)]:
            raise ProbeError(
                f"--rates is {self.rates}: {wrong[0].strip() or 'nothing'} is not a number above 0 and up to 1: write for example 3e-4,1e-3,3e-3"
            )
        if len(self.learning_rates) > RATES_MOST:
            raise ProbeError(
                f"--rates names {len(self.learning_rates)} learning rates: pass at most {RATES_MOST}"
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
    def learning_rates(self) -> tuple[float, ...]:
        """The learning rates of attentive probes, the smallest first."""
        return tuple(sorted({float(part) for part in self.rates.split(",")}))

    @property
    def settings(self) -> dict:
        """What decides the numbers: those of a kind of probe only where it is one, and never the device."""
        left_out = {"device"}.union(*(OF_KIND[kind] for kind in OF_KIND if kind != self.kind))
        return {name: value for name, value in asdict(self).items() if name not in left_out}


def _is_share(text: str) -> bool:
    return _is_within(text, WHOLE)


def _is_rate(text: str) -> bool:
    return _is_within(text, 1)


def _is_within(text: str, most: float) -> bool:
    try:
        return 0 < float(text) <= most
    except ValueError:
        return False
