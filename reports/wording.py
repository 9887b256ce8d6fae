"""What the numbers say, in sentences: each with its uncertainty, and none that the videos do not carry."""

import re
from collections.abc import Mapping

import numpy as np

from store import intervals
from reports.consistency import OUTLIER
from reports.curves import FEWEST_SLICES, FRACTION, Shape
from reports.findings import Findings
from reports.ranking import TIMES, Q

METHOD = (
    "The unit is the video: several pairs of a video are averaged first. Sensitivity at the edge is the mean of the first and the last "
    "shared slice, divided by the dimension's standard deviation over all tokens of its pair; constant dimensions have none and are never "
    "divided by. Read from the tables `dim_sensitivity`, `slice_sensitivity` and `token_sensitivity`; "
    "the full table `sensitivity` is not needed."
)
LISTED = 12  # dimensions that a sentence names


def sentence(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def plain(text: str) -> str:
    """Text from a file or a person, so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~:])", r"\\\1", text)


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def number(value: float | None) -> str:
    return "unknown" if value is None or not np.isfinite(value) else f"{value:.3g}"


def interval(low: float, high: float, form: str = ".3g") -> str:
    return f"95% interval {low:{form}} to {high:{form}}"


def subject(found: Findings) -> str:
    """What was compared, in a few words: encoder, window, shift, setting, condition."""
    asked = found.request
    setting = found.settings[0] if len(found.settings) == 1 else f"{len(found.settings)} settings mixed"
    where = f", videos where {asked.where}" if asked.where else ""
    return f"{asked.encoder}, windows of {asked.frames} frames shifted by {count(asked.shift, 'slice')} ({setting}){where}"


def answer(found: Findings) -> str:
    """The answer to the page's question in a sentence or two."""
    if not np.nan_to_num(found.ranking.relative.value).any():
        return unmoved(found)
    if found.count < intervals.FEWEST:
        first = [int(d) for d in found.ranking.order[:5] if found.ranking.relative.value[d] > 0]
        return f"In **{count(found.count, 'video')}** dimensions {_listed(first)} react most; {too_few(found.count)}"
    special, dims = found.ranking.specialists, found.foundations["dim"]
    who = "**no dimension**" if not special else f"**{count(len(special), 'dimension')} of {dims:,}**"
    verb = "reacts" if len(special) < 2 else "react"
    named = f": {_listed(special)}" if special else ""
    first = f"Over **{count(found.count, 'video')}**, {who} {verb} to the shift clearly more than the rest{named}."
    return f"{first} {strongest(found)} {shape(found.relative)}"


def strongest(found: Findings) -> str:
    first, estimate = int(found.ranking.order[0]), found.ranking.relative.value
    tied = int((estimate == estimate[first]).sum()) - 1
    which = f"dimension {first}" + (f" (which ties with {tied:,} others)" if tied else "")
    sure = f"{interval(*found.ranking.strongest)}, the choice among all of them counted in" if found.ranking.strongest else "no interval"
    return (
        f"The strongest, {which}, differs by {estimate[first]:.3g} of its standard deviation at the window's edges "
        f"({sure}); the median dimension by {np.nanmedian(estimate):.3g}."
    )


def unmoved(found: Findings) -> str:
    """What to say where there is no reaction to rank."""
    videos = f"**{count(found.count, 'video')}**"
    if not np.isfinite(found.ranking.relative.value).any():
        return f"Every dimension is constant in {videos}, so nothing can be said relative to its spread."
    return f"In {videos} **no dimension** reacts: at the window's edges, the shared frames have the same tokens in either window."


def _listed(dims: list[int]) -> str:
    more = f" and {len(dims) - LISTED} more" if len(dims) > LISTED else ""
    return ", ".join(map(str, dims[:LISTED])) + more


def too_few(videos: int) -> str:
    """What cannot be concluded."""
    subject = "one video says" if videos == 1 else f"{videos} videos say"
    return (
        f"{subject} nothing about others: no interval, no test against chance and no agreement between videos is given below "
        f"{intervals.FEWEST} videos. Measure more, then ask again."
    )


def shape(curve: Shape) -> str:
    """Whether the curve is U-shaped, and how sure that is."""
    if curve.slices < FEWEST_SLICES:
        return f"With {count(curve.slices, 'shared slice')} there are no edges to compare with a middle: use longer windows."
    if curve.u_share is None:
        return "No video's curve could be told."
    share, low, high = curve.u_share
    sure = {True: "The curve over shared slices is U-shaped", False: "The curve over shared slices is not reliably U-shaped"}[
        curve.u_shaped
    ]
    if curve.videos < intervals.FEWEST:
        return f"Both edges exceed the middle third in {round(share * curve.videos)} of {count(curve.videos, 'video')}."
    return f"{sure}: both edges exceed the middle third in {share:.0%} of videos ({interval(low, high, '.0%')}; noise: about 25%)."


def reach(found: Findings) -> str:
    """Context length in slices, frames and seconds, from both ends."""
    ends = [_reach(found, end, name) for end, name in enumerate(("first", "last"))]
    until = f"Counted in slices until the median curve has lost {1 - FRACTION:.0%} of the edge's excess over the middle third"
    return f"{until}: {'; '.join(ends)}."


def _reach(found: Findings, end: int, name: str) -> str:
    slices = found.relative.reach[end]
    if slices is None:
        return f"at the {name} shared slice there is no excess"
    low, high = found.relative.reach_low[end], found.relative.reach_high[end]
    sure = f" (95% interval {low} to {high})" if low is not None else ""
    return f"{count(slices, 'slice')} from the {name}{sure}, {slices_in_time(found.foundations, slices)}"


def slices_in_time(facts: Mapping, slices: int) -> str:
    frames, seconds = slices * facts["tubelet"] * facts["step"], slices * facts["slice_s"]
    if facts["step"] != facts["longest_step"]:
        return "of different lengths"
    same = np.isclose(facts["shortest_slice_s"], facts["longest_slice_s"])
    spread = "" if same else f" in the median video ({slices * facts['shortest_slice_s']:.3g} to {slices * facts['longest_slice_s']:.3g} s)"
    return f"{count(frames, 'frame')}, {seconds:.3g} s{spread}"


def controls(found: Findings) -> str:
    """Noise floor and the level of unrelated content."""
    floor, unrelated = found.controls["repeated"], found.controls["disjoint"]
    if floor is None:
        noise = "No window was encoded twice, so the noise floor is unknown"
    elif floor["largest"] == 0:
        noise = (
            f"The same window encoded twice gives the same numbers, bit by bit ({count(floor['videos'], 'video')}): the noise floor is 0"
        )
    else:
        videos = count(floor["videos"], "video")
        noise = f"The same window encoded twice differs by {floor['relative']:.3g} standard deviations ({videos}): the noise floor"
    if unrelated is None:
        return f"{noise}. Windows that share no frame were not measured."
    videos = count(unrelated["videos"], "video")
    return f"{noise}. Windows that share no frame differ by {unrelated['relative']:.3g} standard deviations ({videos})."


def specialists(found: Findings) -> str:
    """Who counts as a specialist, and what that rests on."""
    order = found.ranking
    return (
        f"A specialist is among the {order.top} strongest dimensions of a video more often than by chance "
        f"(Benjamini-Hochberg q below {Q}), and the 95% interval "
        f"of its mean begins above {TIMES} times the median dimension's. Chance: every varying dimension is as likely as any other "
        f"to be among a video's {order.top} "
        f"({order.chance:.2%}), and videos are independent of each other; copies and excerpts of one recording are not. "
        "Intervals: bootstrap over videos, studentised, 1,000 resamples, fixed seed."
    )


def constants(found: Findings) -> str:
    values = found.ranking.relative.value
    never = np.flatnonzero(~np.isfinite(values))
    partly = sum(0 < varying < 1 for varying in found.dims["varying"].to_pylist())
    said = (
        f"Constant, so without relative values: {_listed([int(d) for d in never])}."
        if len(never)
        else "No dimension is constant in every video."
    )
    return said + (
        f" {count(partly, 'dimension')} {'is' if partly == 1 else 'are'} constant in some videos, which count for nothing there."
        if partly
        else ""
    )


def agreement(found: Findings) -> str:
    agreed = found.consistency
    if agreed is None:
        return "Whether videos agree cannot be told from fewer than five videos, or three dimensions that vary in all of them."
    left = len(agreed.with_others) < found.count
    parts = [
        f"Two videos agree on the order of dimensions with a mean rank correlation of **{agreed.pairwise:.2f}** "
        f"(Spearman, all {len(agreed.with_others):,} videos pairwise)",
        f"Kendall's W is **{agreed.w:.2f}** (0 chance, 1 the same order)",
    ]
    middle, low, high = agreed.halves
    parts.append(
        f"the ranking of half of the videos predicts the other half's with a reliability of **{middle:.2f}** "
        f"(Spearman-Brown; {low:.2f} to {high:.2f} over 200 random splits)"
    )
    rest = (
        f" {found.count - len(agreed.with_others):,} videos in which more than half of the dimensions are constant take no part."
        if left
        else ""
    )
    dims = f" Over the {len(agreed.dims):,} dimensions that vary in every video." if len(agreed.dims) < found.foundations["dim"] else ""
    return "; ".join(parts) + "." + dims + rest


def outliers(found: Findings) -> str:
    """Who counts as one."""
    if found.consistency is None:
        return "Outliers cannot be told from fewer than five videos."
    return (
        f"An outlier lies more than {OUTLIER} robust standard deviations (1.4826 times the median absolute deviation) "
        "from the median video: "
        "in the correlation of its order of dimensions with the others' (after Fisher's transform), "
        "or in the logarithm of its mean relative sensitivity."
    )
