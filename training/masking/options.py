"""What `tubelet mask` is asked for."""

from dataclasses import dataclass
from pathlib import Path

from tubelet.ingest.errors import UsageError
from tubelet.ingest.prediction.options import SLICES_MOST, NetworkOptions
from tubelet.store.mask_kinds import MASK_KINDS, PAINTED
from tubelet.store.options import SEED_MOST, check_options, option
from tubelet.training.masking.painting import format_patches, parse_patches

LIMIT_MOST = 1_000_000
RATIOS = {name: kind.ratio for name, kind in MASK_KINDS.items()}  # hidden by default


@dataclass(frozen=True, kw_only=True)
class MaskOptions(NetworkOptions):
    """Which masks of which windows."""

    mask: str = option(
        "multi-block",
        help=f"{', '.join(RATIOS)}; separate several with commas to compare them on the same windows.",
        metavar="KIND[,KIND]",
    )
    ratio: float | None = option(
        None,
        help="Share of the tokens that tube, random, future and past hide.",
        unset="0.75; 0.5 of future and past",
        least=0.001,
        most=0.999,
    )
    seed: int = option(0, help="Seed of random masks.", least=0, most=SEED_MOST)
    paint: str | None = option(
        None,
        help="Patches that a painted mask hides, as slice.row.column counted from 0, separated by commas. A painted slice applies until the next painted one.",
        unset="nothing is painted",
        metavar="PATCHES",
    )
    until: int | None = option(
        None,
        help="Last slice that a painted mask hides.",
        unset="the last one of the window",
        least=0,
        most=SLICES_MOST,
    )
    clip: str | None = option(
        None,
        help="Only this window, by its clip id.",
        unset="the first of each video",
        metavar="ID",
    )
    limit: int = option(8, help="Number of windows, at most.", least=1, most=LIMIT_MOST)
    draw: Path | None = option(
        None, help="PNG file to write: the first window with its masks.", metavar="FILE"
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
                f"--ratio: {fixed[0]} hides a fixed share: leave --ratio out, or choose tube, random, future or past"
            )
        self._check_paint()
        if self.draw is not None and self.draw.suffix.lower() != ".png":
            raise UsageError(f"--draw {self.draw} is not a PNG: pass a file that ends in .png")
        if self.draw is not None and not self.draw.absolute().parent.is_dir():
            raise UsageError(
                f"--draw: {self.draw.absolute().parent} is not a folder: create it, or pass another file"
            )

    def _check_paint(self) -> None:
        painting = PAINTED in self.kinds
        if painting and (self.paint is None or self.clip is None):
            raise UsageError(
                f"--mask {PAINTED} needs --paint with the patches to hide, and --clip with the window that they are patches of"
            )
        given = "--paint" if self.paint is not None else "--until" if self.until is not None else ""
        if given and not painting:
            raise UsageError(f"{given} is for --mask {PAINTED}: add it, or leave {given} out")
        if self.paint is not None:
            parse_patches(self.paint)

    @property
    def painted(self) -> str | None:
        """What is painted, as one text per mask: the patches in order, and the last slice where it is given."""
        if self.paint is None:
            return None
        patches = format_patches(parse_patches(self.paint))
        return patches if self.until is None else f"{patches}-{self.until}"

    def ratio_of(self, kind: str) -> float | None:
        """The share that a kind of mask hides; None where the kind decides it."""
        own = RATIOS[kind]
        return own if own is None or self.ratio is None else self.ratio

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.strip().lower() for part in self.mask.split(",")))
