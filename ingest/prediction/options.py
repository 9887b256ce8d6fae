"""What `tubelet surprise` is asked for."""

import re
from dataclasses import dataclass
from pathlib import Path

from tubelet.ingest.errors import UsageError
from tubelet.store.options import check_options, option

SLICES_MOST = 4_096
Settings = tuple[tuple[int, int], ...]  # a context and a horizon each
SETTING = re.compile(r"(\d{1,4})(?::(\d{1,4}))?")


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """Whose predictor runs, and how."""

    encoder: str | None = option(
        None,
        help="Name or id of an encoder of the store.",
        unset="the one with the most clips among those that have a predictor",
        metavar="NAME|ID",
    )
    weights: Path | None = option(
        None, help="Weights file, if the encoder needs one.", metavar="FILE"
    )
    weights_key: str | None = option(
        None,
        help="Key of the network in the file, as at ingest.",
        unset="the averaged encoder",
        metavar="KEY",
    )
    device: str = option("auto", help="auto, cpu, cuda, cuda:N or mps.", metavar="NAME")
    precision: str = option(
        "auto", help="Precision of the networks.", choices=("auto", "fp32", "bf16", "fp16")
    )
    where: str | None = option(
        None,
        help="Only videos that meet a condition, such as \"label = 'cooking'\".",
        metavar="SQL",
    )


@dataclass(frozen=True, kw_only=True)
class SurpriseOptions(NetworkOptions):
    """Which clips, contexts and horizons."""

    context: tuple[int, ...] = option(
        (4,), help="Number of slices that the predictor sees; separate several with commas."
    )
    horizon: tuple[int, ...] = option(
        (1,),
        help="Which slice is predicted, counted from the last one seen; separate several with commas.",
    )
    every: int = option(
        1, help="Predict every N-th slice of a window.", least=1, most=SLICES_MOST, metavar="N"
    )
    batch: int | None = option(
        None,
        help="Contexts encoded together; halved if memory runs out.",
        unset="8 on a GPU, 2 on a CPU",
        least=1,
        most=SLICES_MOST,
        metavar="N",
    )

    def __post_init__(self) -> None:
        check_options(self, UsageError)
        for flag, numbers in (("--context", self.context), ("--horizon", self.horizon)):
            wrong = [number for number in numbers if not 1 <= number <= SLICES_MOST]
            if wrong or not numbers:
                what = f"{wrong[0]} is" if wrong else "nothing is"
                raise UsageError(
                    f"{flag}: {what} not a number of slices from 1 to {SLICES_MOST:,}: write one like 4, or several like 2,4"
                )

    @property
    def settings(self) -> Settings:
        """Every context with every horizon, each once."""
        return tuple(
            (context, horizon)
            for context in sorted(set(self.context))
            for horizon in sorted(set(self.horizon))
        )


def parse_settings(text: str | None) -> Settings:
    """Contexts and horizons from ``4`` or ``4:1,4:2``, each once; none for None. Raises UsageError."""
    if text is None:
        return ()
    found = [SETTING.fullmatch(part.strip()) for part in text.split(",")]
    numbers = {(int(one[1]), int(one[2] or 1)) for one in found if one}
    if None in found or any(not 1 <= number <= SLICES_MOST for pair in numbers for number in pair):
        raise UsageError(
            f"--surprise {text}: write the number of slices that are seen, such as 4, or 4:2 with a horizon; separate several with commas"
        )
    return tuple(sorted(numbers))
