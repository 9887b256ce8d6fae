"""What the dimensions encode, in sentences: the answer first, then what cannot be concluded."""

from collections.abc import Iterator, Sequence

import numpy as np

from tubelet.reports.dimensions.findings import DimensionFindings, LayerFindings
from tubelet.reports.dimensions.position_probes import PositionReading
from tubelet.reports.dimensions.position_test import Q, units_needed
from tubelet.reports.dimensions.variance import PARTS
from tubelet.reports.formatting import cell
from tubelet.reports.literal import Markdown, literal
from tubelet.store.intervals import FEWEST
from tubelet.store.wording import count

LISTED = 20
TWO = ".2f"
PART_NAMES = {
    "video": "between videos",
    "slice": "between positions of the slice in the window",
    "moment": "between moments of a video",
    "patch": "between patches of a slice",
}


def answer(found: DimensionFindings) -> Markdown:
    """How many dimensions depend on the position, the one that does most, and where the variance of all lies."""
    if not found.tested:
        return " ".join(describe_parts(found, layer) for layer in found.layers[:1])
    named = sum(len(layer.named) for layer in found.layers)
    of = sum(int(layer.shares.varies.sum()) for layer in found.layers)
    what = "No dimension depends" if not named else f"**{named:,} of {of:,} dimensions** depend{'s' if named == 1 else ''}"  # fmt: skip
    first = f"{what} on the position of the slice in the window (false discovery rate {Q:.0%}, {count_units(found)})."
    strongest = f" {describe_strongest(found)}" if named else ""
    return f"{first}{strongest} {describe_parts(found, found.layers[0])}"


def describe_strongest(found: DimensionFindings) -> Markdown:
    """The dimension with the largest share, its interval and chance level."""
    layers = [layer for layer in found.layers if len(layer.named)]
    layer = max(layers, key=lambda one: one.shares.excess[one.named[0]])
    dim, shares = int(layer.named[0]), layer.shares
    where = f" of layer {literal(layer.scope.layer)}" if len(found.layers) > 1 else ""
    return (
        f"Dimension {dim}{where} depends on it most: {shares.excess[dim]:z.1%} of its variance above chance "
        f"({shares.excess_low[dim]:z.1%} to {shares.excess_high[dim]:z.1%}); chance alone gives {shares.slice_chance[dim]:.1%}."
    )


def describe_parts(found: DimensionFindings, layer: LayerFindings) -> Markdown:
    """The mean over dimensions of each part's share."""
    varies = layer.shares.varies
    if not varies.any():
        return "Every dimension is constant or not finite: there is no variance to split."
    means = {part: float(np.mean(getattr(layer.shares, part)[varies])) for part in PARTS}
    told = [f"{mean:.1%} {PART_NAMES[part]}" for part, mean in means.items() if np.isfinite(mean)]
    where = f" of layer {literal(layer.scope.layer)}" if len(found.layers) > 1 else ""
    return (
        f"Of the variance of a dimension{where}, on average {', '.join(told[:-1])} and {told[-1]}."
    )


def describe_readings(readings: Sequence[PositionReading]) -> Markdown:
    """How well each position is read, in one sentence each."""
    told = []
    for one in readings:
        best = int(np.nanargmax(one.alone))
        sure = "" if np.isnan(one.low) else f" ({cell(one.low, TWO)} to {cell(one.high, TWO)})"
        more = one.low > max(one.chance, 0) if sure else False
        verdict = "" if more else ", no more than chance can give" if sure else ", with too few videos for an interval"  # fmt: skip
        highest, chance = cell(one.alone[best], TWO), cell(max(one.alone_chance, 0), TWO)
        alone = f"dimension {best} alone reaches {highest} (chance: {chance})" if float(highest) > float(chance) else f"no dimension alone reaches more than chance ({chance})"  # fmt: skip
        told.append(f"{one.axis}: R2 {cell(one.together, TWO)}{sure} from all dimensions{verdict}; {alone}")  # fmt: skip
    return f"A linear model that was trained on other videos reads the position of a token. {'. '.join(part[:1].upper() + part[1:] for part in told)}."


def count_units(found: DimensionFindings) -> Markdown:
    videos = count(len(found.videos), "video")
    return f"{videos} in {count(found.units, 'group')}" if found.grouped else videos


def limits(found: DimensionFindings) -> Iterator[Markdown]:
    """What cannot be concluded, a sentence each."""
    if found.slices == 1:
        yield "The windows have one slice: nothing can depend on its position, and changes within a window are not seen. Ingest windows of more frames to test it."
    elif found.subject.is_image:
        yield "An image encoder sees each frame alone and cannot know the position of a slice: what slices have in common over videos counts as change over time, and is not tested."
    yield from _few_units(found)
    yield from _unsound_dimensions(found)
    if found.tested and not found.several_windows:
        yield "Every video has one window, so the position in the window is also the time in the video: what all videos do at the same time, such as a fade-in, looks the same. Ingest several windows per video (`--stride`) to tell them apart."
    if not any(layer.places for layer in found.layers):
        yield "No stored roll-up of these layers holds means by row and column, so places are part of the patches. A basis that is fitted with `tubelet basis fit --store STORE --remove-position-mean` stores them."
    if found.sampled:
        yield f"The store holds more videos than are read at once: these are {len(found.videos):,}, the first by the hash of their content."


def _few_units(found: DimensionFindings) -> Iterator[Markdown]:
    dims, unit = sum(int(layer.shares.varies.sum()) for layer in found.layers), "group" if found.grouped else "video"  # fmt: skip
    if found.units == 1:
        yield f"There is one {unit}: nothing varies between {unit}s, and no share is more than its own."
    elif found.units < FEWEST:
        yield f"There are {count(found.units, unit)}: shares describe these alone. Tests and intervals need {FEWEST}."
    elif found.tested and dims and found.units < units_needed(dims):
        yield f"With {count(found.units, unit)}, a single one of {dims:,} dimensions cannot be named, however strong it is: that takes {units_needed(dims)}."


def _unsound_dimensions(found: DimensionFindings) -> Iterator[Markdown]:
    for layer in found.layers:
        where = f" of layer {literal(layer.scope.layer)}" if len(found.layers) > 1 else ""
        known = ~layer.shares.unknown
        for what, dims in (
            ("constant, with no variance to split", known & ~layer.shares.varies),
            ("without a finite value in some slice, and left out", ~known),
        ):
            if dims.any():
                yield f"{count(int(dims.sum()), 'dimension')}{where}: {what} ({list_numbers(np.flatnonzero(dims))})."


def list_numbers(dims: np.ndarray) -> str:
    shown = ", ".join(map(str, dims[:LISTED]))
    return shown if len(dims) <= LISTED else f"{shown}, and {len(dims) - LISTED:,} more"


METHOD = f"""The variance over all tokens is split into four parts that sum to 100%: between the means of videos; between the means of slices by their position in the window, over all
videos; the rest between slices, which changes over time in a way of the video's own (windows of one video included); and between the patches of a slice. Videos count alike; where
videos have the label `group`, groups do, and a group counts once in intervals and tests. Means of few videos differ between positions by chance: that share is the mean over random signs of the videos' profiles over the
window, and a dimension is named where the observed share is beyond it (false discovery rate {Q:.0%} over all dimensions and layers). The chance level of the share between videos is what exchangeable slices would give; slices
resemble their neighbors, so it is a lower bound, and that share is not tested. Intervals are of 95%, by jackknife over videos or groups. Shares come from roll-ups by slice. Positions are read from sampled tokens (`token_samples`) by ridge
regression, its strength chosen inside the videos that it learns from; R2 is of tokens of other videos, five folds."""
