"""The kinds of mask that `tubelet mask` knows, by name: how much each hides without being told, and what it hides in words."""

from dataclasses import dataclass

PAINTED = "painted"
TUBE, RANDOM = "tube", "random"


@dataclass(frozen=True)
class MaskKind:
    """`ratio` is the share that is hidden without being told; None where the kind decides it. `drawn`: by chance, from a seed."""

    hides: str
    ratio: float | None = None
    drawn: bool = False


MASK_KINDS = {
    "multi-block": MaskKind("8 blocks of 0.15 of the frame, through all slices", drawn=True),
    "multi-block-long": MaskKind("2 blocks of 0.7 of the frame, through all slices", drawn=True),
    TUBE: MaskKind("random patches, the same in all slices", 0.75, drawn=True),
    RANDOM: MaskKind("random tokens, each slice its own", 0.75, drawn=True),
    "future": MaskKind("the last slices", 0.5),
    "past": MaskKind("the first slices", 0.5),
    "every-other": MaskKind("slices 1, 3, 5 and so on"),
    PAINTED: MaskKind("the patches that you paint"),
}
