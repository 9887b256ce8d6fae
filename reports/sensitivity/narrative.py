"""What the numbers say, in sentences: each with its uncertainty, and none that the videos do not support."""

import math

import numpy as np

from tubelet.reports.literal import Markdown, literal
from tubelet.reports.sensitivity.consistency import OUTLIER, SPLITS
from tubelet.reports.sensitivity.curves import FEWEST_SLICES, FRACTION, CurveShape, noise_share
from tubelet.reports.sensitivity.findings import Findings
from tubelet.reports.sensitivity.ranking import TIMES, Q
from tubelet.reports.sensitivity.relations import together
from tubelet.reports.sensitivity.rows import Foundations
from tubelet.store import intervals
from tubelet.store.wording import count

METHOD = (
    "The unit is the video, or with `--unit` a group of videos: several pairs of a video are averaged first, then the videos of a group. Sensitivity at the edge is the mean of the first and the last "
    "shared slice, divided by the dimension's standard deviation over all tokens of its pair; constant dimensions have none and are never "
    "divided by. Read from the tables `dim_sensitivity`, `slice_sensitivity` and `token_sensitivity`; "
    "the full table `sensitivity` is not needed."
)
LISTED = 12  # dimensions that a sentence names


def sentence(text: Markdown) -> Markdown:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def count_units(found: Findings) -> Markdown:
    """How many videos there are, or groups of them."""
    return count(found.count, found.unit) + (
        f" of {count(found.foundations.videos, 'video')}" if found.unit != "video" else ""
    )


def describe_sample(found: Findings) -> Markdown:
    """Says that the report takes some videos of many, if it does."""
    if found.foundations.of_videos <= found.foundations.videos:
        return ""
    return f", a random sample of {found.foundations.videos:,} of the {count(found.foundations.of_videos, 'video')} measured"


def number(value: float | None) -> Markdown:
    return "unknown" if value is None or not np.isfinite(value) else f"{value:.3g}"


def interval(low: float, high: float, form: str = ".3g") -> Markdown:
    return f"95% interval {low:{form}} to {high:{form}}"


def subject(found: Findings) -> Markdown:
    """What was compared, in short: encoder, window, shift, setting, condition."""
    asked = found.request
    setting = (
        literal(found.settings[0])
        if len(found.settings) == 1
        else f"{len(found.settings)} settings mixed"
    )
    where = f", videos where {literal(asked.where)}" if asked.where else ""
    return f"{literal(found.encoder)}, windows of {found.scope.frames:d} frames shifted by {count(found.scope.shift, 'slice')} ({setting}){where}{describe_sample(found)}"


def answer(found: Findings) -> Markdown:
    """The answer to the page's question in a sentence or two."""
    if not np.nan_to_num(found.ranking.relative.value).any():
        return describe_no_reaction(found)
    if found.count < intervals.FEWEST:
        first = [int(d) for d in found.ranking.order[:5] if found.ranking.relative.value[d] > 0]
        return f"In **{count_units(found)}** dimensions {_list_dimensions(first)} react most; {too_few(found.count, found.unit)}{warn_of_relations(found)}"
    special, dims = found.ranking.specialists, found.foundations.embed_dim
    who = (
        "**no dimension**" if not special else f"**{count(len(special), 'dimension')} of {dims:,}**"
    )
    verb = "reacts" if len(special) < 2 else "react"
    named = f": {_list_dimensions(special)}" if special else ""
    summary = f"Over **{count_units(found)}**, {who} {verb} to the shift clearly more than the rest{named}."
    return f"{summary} {strongest(found)} {shape(found.relative, found.unit)}{warn_of_relations(found)}"


def warn_of_relations(found: Findings) -> Markdown:
    """A warning where videos belong together and are counted as if they did not; empty otherwise."""
    told, kin = [], found.relations
    if found.request.unit in ("video", "label"):
        for numbers, what in (
            (kin.names, "share a name up to a number"),
            (kin.copies, "react so alike that they are probably copies"),
        ):
            groups, videos = together(numbers)
            if groups:
                told.append(
                    f"{count(videos, 'video')} {what} with others ({count(groups, 'group')})"
                )
    if found.request.unit != "label" and kin.labels and kin.labels.related:
        told.append(
            f"videos of one label react alike (intra-class correlation {kin.labels.correlation:.2f}, p = {kin.labels.p:.2g})"
        )
    if not told:
        return ""
    advice = " or ".join(f"`--unit {unit}`" for unit in ("group", "label") if _helps(unit, found))
    return f" **Not independent:** {'; '.join(told)}. Intervals are then too narrow and p-values too small; {advice} counts each group once."


def _helps(unit: str, found: Findings) -> bool:
    """Whether counting by this unit accounts for what is related."""
    kin = found.relations
    return (
        bool(kin.labels and kin.labels.related) if unit == "label" else together(kin.groups)[0] > 0
    )


def strongest(found: Findings) -> Markdown:
    first, estimate = int(found.ranking.order[0]), found.ranking.relative.value
    tied = int((estimate == estimate[first]).sum()) - 1
    which = f"dimension {first:d}" + (f" (which ties with {tied:,} others)" if tied else "")
    sure = (
        f"{interval(*found.ranking.strongest)}, with the selection among all of them taken into account"
        if found.ranking.strongest
        else "no interval"
    )
    return (
        f"The strongest, {which}, differs by {estimate[first]:.3g} of its standard deviation at the window's edges "
        f"({sure}); the median dimension by {np.nanmedian(estimate):.3g}."
    )


def describe_no_reaction(found: Findings) -> Markdown:
    """What to say where there is no reaction to rank."""
    videos = f"**{count_units(found)}**"
    if not np.isfinite(found.ranking.relative.value).any():
        return f"Every dimension is constant in {videos}, so nothing can be said relative to its spread."
    return f"In {videos} **no dimension** reacts: at the window's edges, the shared frames have the same tokens in either window."


def _list_dimensions(dims: list[int]) -> Markdown:
    more = f" and {len(dims) - LISTED} more" if len(dims) > LISTED else ""
    return ", ".join([f"{dim:d}" for dim in dims[:LISTED]]) + more


def too_few(videos: int, unit: Markdown = "video") -> Markdown:
    """What cannot be concluded."""
    subject = f"one {unit} says" if videos == 1 else f"{videos} {unit}s say"
    return (
        f"{subject} nothing about others: no interval, no test against chance and no agreement between {unit}s is given below "
        f"{intervals.FEWEST} {unit}s. Measure more videos, then run the report again."
    )


def shape(curve: CurveShape, unit: Markdown = "video") -> Markdown:
    """Whether the curve is U-shaped, and how certain that is."""
    if curve.slices < FEWEST_SLICES:
        return f"With {count(curve.slices, 'shared slice')} there are no edges to compare with a middle: use longer windows."
    if curve.u_share is None:
        return f"No {unit}'s curve could be determined."
    share, low, high = curve.u_share
    reliably = "U-shaped" if curve.u_shaped else "not reliably U-shaped"
    if curve.videos < intervals.FEWEST:
        return f"Both edges exceed the middle third in {round(share * curve.videos)} of {count(curve.videos, unit)}."
    noise = f"{noise_share(curve.slices):.0%} where the curve is noise"
    return f"The curve over shared slices is {reliably}: both edges exceed the middle third in {share:.0%} of {unit}s ({interval(low, high, '.0%')}; {noise})."


def reach(found: Findings) -> Markdown:
    """Context length in slices, frames and seconds, from both ends."""
    ends = [_reach(found, end, name) for end, name in enumerate(("first", "last"))]
    until = f"Counted in slices until the median curve has lost {1 - FRACTION:.0%} of the edge's excess over the middle third"
    return f"{until}: {'; '.join(ends)}."


def _reach(found: Findings, end: int, name: Markdown) -> Markdown:
    slices = found.relative.reach[end]
    if slices is None:
        return f"at the {name} shared slice there is no excess"
    low, high = found.relative.reach_low[end], found.relative.reach_high[end]
    sure = f" (95% interval {low:g} to {high:g})" if low is not None else ""
    return f"{count(slices, 'slice')} from the {name}{sure}, {slices_in_time(found.foundations, slices)}"


def slices_in_time(facts: Foundations, slices: int) -> Markdown:
    frames, seconds = slices * facts.tubelet * facts.step, slices * facts.slice_s
    if facts.step != facts.longest_step:
        return "of different lengths"
    same = np.isclose(facts.shortest_slice_s, facts.longest_slice_s)
    spread = (
        ""
        if same
        else f" in the median video ({slices * facts.shortest_slice_s:.3g} to {slices * facts.longest_slice_s:.3g} s)"
    )
    return f"{count(frames, 'frame')}, {seconds:.3g} s{spread}"


def controls(found: Findings) -> Markdown:
    """The difference of the same window encoded again, that of rounding alone, and that of two windows of one video that share no frame."""
    apart = found.controls["disjoint"]
    unlike = (
        f"Two windows of one video that share no frame differ by {apart.deviations:.3g} standard deviations ({count(apart.videos, found.unit)})."
        if apart
        else "Windows of one video that share no frame were not measured."
    )
    return f"{determinism(found)} {noise_floor(found)} {unlike}"


def determinism(found: Findings) -> Markdown:
    """Whether the same window gives the same numbers again: this says nothing about rounding, which is the same each time."""
    again = found.controls["repeated"]
    if again is None:
        return "No window was encoded twice, so whether the arithmetic is deterministic is unknown."
    videos = count(again.videos, found.unit)
    if again.largest == 0:
        return f"The same window encoded twice gives the same numbers, bit by bit ({videos}): the arithmetic is deterministic."
    return f"The same window encoded twice differs by {again.deviations:.3g} standard deviations ({videos}): the arithmetic is not deterministic."


def noise_floor(found: Findings) -> Markdown:
    """What rounding alone does."""
    rounding, precision = found.controls["rounding"], literal(found.foundations.precision)
    if rounding:
        videos = count(rounding.videos, found.unit)
        share = (
            f", {rounding.deviations / found.relative.edge:.0%} of the effect at the edge"
            if found.relative.edge > 0
            else ""
        )
        return f"Rounding to {precision} alone, against fp32 of the same window, is {rounding.deviations:.3g} standard deviations ({videos}){share}: the noise floor."
    if found.foundations.precision in ("fp32", "float32"):
        return "All of it is fp32, whose rounding was not measured apart."
    return f"The effect of rounding to {precision} was not measured: ingest a few of the videos again with `--precision fp32`, then run `tubelet pairs`."


def specialists(found: Findings) -> Markdown:
    """What counts as a specialist, and why."""
    order = found.ranking
    return (
        f"A specialist is among the {order.top:d} strongest dimensions of a {found.unit} more often than by chance "
        f"(Benjamini-Hochberg q below {Q}), and the 95% interval "
        f"of its mean begins above {TIMES} times the median dimension's. Chance means that all dimensions are alike: every one that varies is as "
        f"likely as any other to be among a {found.unit}'s {order.top:d} ({order.chance:.2%}; those that tie share the places left), and "
        f"{found.unit}s are independent of each other; copies and excerpts of one recording are not. "
        f"An interval is over {found.unit}s, the wider of Student's t and a studentized bootstrap (1,000 resamples, fixed seed), never below 0. "
        f"It covers 93 to 97% of simulated truths from five {found.unit}s on, and much less if one {found.unit} in ten dominates the mean. "
        "Each interval is of its dimension alone; only the sentence about the strongest dimension accounts for its selection."
    )


def constants(found: Findings) -> Markdown:
    values = found.ranking.relative.value
    never = np.flatnonzero(~np.isfinite(values))
    partly = sum(0 < varying < 1 for varying in found.dims["varying"].to_pylist())
    said = (
        f"Constant, so without relative values: {_list_dimensions([int(d) for d in never])}."
        if len(never)
        else "No dimension is constant in every video."
    )
    return said + (
        f" {count(partly, 'dimension')} {'is' if partly == 1 else 'are'} constant in some videos, and are ignored there."
        if partly
        else ""
    )


def agreement(found: Findings) -> Markdown:
    agreed = found.consistency
    if agreed is None:
        return f"Whether {found.unit}s agree cannot be determined from fewer than five {found.unit}s, or three dimensions that vary in all of them."
    left = len(agreed.with_others) < found.count
    parts = [
        (
            f"Two {found.unit}s agree on the order of dimensions with a mean rank correlation of **{agreed.pairwise:.2f}** "
            f"(Spearman, all {len(agreed.with_others):,} {found.unit}s pairwise; 0 where orders are random)"
        ),
        f"Kendall's W is **{agreed.w:.2f}** ({1 / len(agreed.with_others):.2g} where orders are random, 1 the same order)",
    ]
    middle, low, high = agreed.halves
    parts.append(
        f"the ranking of half of the {found.unit}s predicts the other half's with a reliability of **{middle:.2f}** "
        f"(Spearman-Brown; {low:.2f} to {high:.2f} over {splits(len(agreed.with_others))} of these same {found.unit}s: not an interval)"
    )
    rest = (
        f" {found.count - len(agreed.with_others):,} {found.unit}s in which more than half of the dimensions are constant are excluded."
        if left
        else ""
    )
    dims = (
        f" Over the {len(agreed.dims):,} dimensions that vary in every video."
        if len(agreed.dims) < found.foundations.embed_dim
        else ""
    )
    return "; ".join(parts) + "." + dims + rest


def splits(videos: int) -> Markdown:
    """How many ways of halving there are, where they are fewer than those drawn."""
    ways = math.comb(videos, videos // 2) // (1 if videos % 2 else 2)
    return f"the {ways} possible splits" if ways <= SPLITS else f"{SPLITS} random splits"


def outliers(found: Findings) -> Markdown:
    """What counts as an outlier."""
    if found.consistency is None:
        return f"Outliers cannot be determined from fewer than five {found.unit}s."
    return (
        f"An outlier lies more than {OUTLIER} robust standard deviations (1.4826 times the median absolute deviation) "
        "from the median video: "
        "in the correlation of its order of dimensions with the others' (after Fisher's transform), "
        "or in the logarithm of its mean relative sensitivity."
    )
