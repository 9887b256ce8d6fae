"""What the predictions say, in sentences: first whether the predictor is better than copying, then what surprise follows."""

import math
from collections.abc import Iterator

from tubelet.reports.literal import Markdown, literal
from tubelet.reports.prediction.findings import WITHIN, PredictionFindings
from tubelet.store.wording import count

METHOD = (
    "The encoder sees the slices of the context alone; the predictor says what it would see in the slices after them; the row is of the slice `horizon` slices after the last one seen. The target is the "
    "encoder's output for that slice when it sees the whole window, levels and normalization as in training. `pixel change` is the mean absolute difference of the slice's pixels to the last frame seen, `motion` the "
    "mean displacement between neighboring frames, from their gradients. Correlations are Spearman's. Within videos: over a video's slices, the mean over videos; its chance level comes from shifting each video's surprise by a "
    "random number of slices. Between videos: of the videos' means; its chance level is that of independent ranks. Intervals and chance ranges are of 95%."
)


def answer(found: PredictionFindings) -> Markdown:
    """Better or worse than copying, and how far surprise follows the change of pixels."""
    return f"{judge(found)} {compare_pixels(found)}"


def judge(found: PredictionFindings) -> Markdown:
    ratio = found.over_copy
    if not ratio.count:
        return "A copy of the last slice has no error in any video, so that nothing can be said of the predictor."
    said = f"The predictor's error is {ratio.mean:.2f} times that of a copy of the last slice seen"
    said += f" ({ratio.low:.2f} to {ratio.high:.2f})" if math.isfinite(ratio.low) else ""
    said += f" over {count(ratio.count, 'video')}"
    if ratio.mean > 1:
        return f"**{said}: it predicts worse than copying, and its surprise says little.**"
    return f"**{said}: it predicts better than copying.**"


def warn(found: PredictionFindings) -> Iterator[Markdown]:
    """What to keep in mind before the moments of a poor predictor."""
    if found.over_copy.count and found.over_copy.mean > 1:
        yield "These are the largest errors of a predictor that is worse than copying: they need not be the moments that surprise anybody."


def compare_pixels(found: PredictionFindings) -> Markdown:
    row = next(row for row in found.correlations.to_pylist() if row["over"] == WITHIN)
    if row["value"] is None:
        return "No video has enough predicted slices to say how far surprise follows the change of pixels."
    said = f"Within videos, surprise follows the change of pixels with a rank correlation of {_with_interval(row)}"
    chance = f"chance gives {row['chance_low']:.2f} to {row['chance_high']:.2f}"
    beyond = row["chance_low"] <= row["value"] <= row["chance_high"]
    return f"{said}; {chance}{', so that this is not more than chance' if beyond else ''}."


def _with_interval(row: dict) -> Markdown:
    if row["low"] is None:
        return f"{row['value']:.2f} in {count(row['videos'], 'video')}, without an interval"
    return f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f}, {count(row['videos'], 'video')})"


def describe_subject(found: PredictionFindings, encoder: str) -> Markdown:
    """What was predicted from what; `encoder` as readers call it."""
    scope = found.scope
    return (
        f"{literal(encoder)}{', untrained' if scope.untrained else ''}, context of {count(scope.context, 'slice')}, horizon {scope.horizon:d}; {count(len(found.rows), 'slice')} of "
        f"{count(len(found.curves), 'video')}. Target: {literal(scope.target)}; arithmetic {literal(scope.arithmetic)}."
    )


def describe_pairs(found: PredictionFindings) -> Iterator[Markdown]:
    """The test of surprise, and what it stands beside."""
    if found.matching is None or found.matched is None:
        return
    first, second = (literal(side) for side in found.matching.sides)
    for row in found.matched.to_pylist():
        if row["measure"] != "surprise":
            continue
        paired = "" if row["t"] is None else f" (paired t test: t = {row['t']:.2f}, p = {row['p_t']:.2g})"  # fmt: skip
        range_ = "" if row["low"] is None else f" ({row['low']:.3g} to {row['high']:.3g})"
        yield (
            f"Of the {literal(row['of'])}, **{second}** minus **{first}** is {row['difference']:.3g}{range_} over {count(row['pairs'], 'pair')}, p = {row['p']:.2g}{paired}; {second} is higher in "
            f"{row['higher']:.0%} of pairs ({row['higher_low']:.0%} to {row['higher_high']:.0%}; chance: 50%)."
        )
    if found.matching.left_out:
        yield f"{count(found.matching.left_out, 'value')} of {literal(found.options.match)} without exactly one predicted video per side were left out."
