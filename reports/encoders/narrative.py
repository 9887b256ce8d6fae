"""What a comparison found, in sentences: the answer first, then what it rests on."""

from tubelet.latent.comparison.figures import AGREEMENT, MUTUAL, IntervalEstimate
from tubelet.latent.comparison.options import TOKENS
from tubelet.latent.comparison.places import Place
from tubelet.reports.encoders.findings import EncoderFindings
from tubelet.reports.literal import Markdown, literal
from tubelet.store.ids import ONLY
from tubelet.store.wording import count

MEASURES = {
    "cka": "CKA",
    "mutual_neighbors": "mutual nearest neighbors",
    "video_agreement": "agreement of neighbors by video",
    "temporal_stability": "temporal stability",
    "effective_rank": "effective rank",
    "spread": "spread",
}
UNITS = {
    "cka": "0 to 1",
    "mutual_neighbors": "share",
    "video_agreement": "share",
    "temporal_stability": "cosine",
    "effective_rank": "dimensions",
    "spread": "share",
}  # of measures

SOURCES = {
    "tokens": "its embedding files",
    "pooled": "the table `pooled`",
    "statistics": "the table `dim_stats`",
}


def answer(found: EncoderFindings) -> Markdown:
    """The two places that are most alike, their interval and chance; that they are not alike where chance reaches as much."""
    closest = found.closest
    if closest is None:
        return "No two of these vary from video to video, so that nothing can be compared."
    told = f"**{name_place(found, closest.a)} and {name_place(found, closest.b)} are most alike**: CKA {show(closest.found)}"
    return f"{told} over {count_units(found)}. {compare_chance(closest.found)} {_neighbors(found)}{_choice(found)}"


def compare_chance(one: IntervalEstimate) -> Markdown:
    """Whether an interval lies above the level of shuffled videos."""
    level = f"{one.chance or 0:.3f} on average and {one.chance_high or 0:.3f} at most"
    if one.low is None:
        return f"How sure that is, is unknown; shuffled videos reach {level}."
    if one.low > (one.chance_high or 0):
        return f"Its interval lies above chance: shuffled videos reach {level}."
    return f"**That is not above chance**: shuffled videos reach {level}."


def _neighbors(found: EncoderFindings) -> Markdown:
    closest = found.closest
    if closest is None:
        return ""
    measures = found.of_pair(closest.a, closest.b)
    moments, videos = measures[MUTUAL].found, measures[AGREEMENT].found
    return (
        f"Of the {found.compared.neighbors:,} nearest neighbors of a moment they share {_share(moments)}, "
        f"of those of a whole video {_share(videos)}; by chance {videos.chance or 0:.0%}."
    )


def _choice(found: EncoderFindings) -> Markdown:
    several = len(found.candidates)
    return (
        f" They are chosen among {several:,} pairs; the interval of their CKA takes that choice into account."
        if several > 1
        else ""
    )


def show(one: IntervalEstimate) -> Markdown:
    """A figure and its interval."""
    if one.value is None:
        return "not known"
    interval = "" if one.low is None or one.high is None else f" ({one.low:.3f} to {one.high:.3f})"
    return f"{one.value:.3f}{interval}"


def _share(one: IntervalEstimate) -> Markdown:
    if one.value is None:
        return "an unknown part"
    ends = "" if one.low is None or one.high is None else f" ({one.low:.0%} to {one.high:.0%})"
    return f"{one.value:.0%}{ends}"


def name_place(found: EncoderFindings, place: Place) -> Markdown:
    name = literal(found.names[place.encoder_id])
    return name if place.layer == ONLY else f"layer {literal(place.layer)} of {name}"


def spell_rows(found: EncoderFindings) -> dict[str, dict[str, str]]:
    """Readable names of the columns of the report's tables."""
    measures = {name: f"{words} ({UNITS[name]})" for name, words in MEASURES.items()}
    names = found.names
    return {"measure": measures, "encoder": names, "encoder_a": names, "encoder_b": names, "unit": dict(found.videos)}  # fmt: skip


def count_units(found: EncoderFindings) -> Markdown:
    sample = found.compared.sample
    videos = count(len(sample.videos), "video")
    return f"{videos} in {count(len(sample.units), 'group or single video', 'groups and single videos')}" if sample.grouped else videos  # fmt: skip


def subject(found: EncoderFindings) -> Markdown:
    """What is matched with what, and how grids that differ are resampled."""
    compared = found.compared
    sample = compared.sample
    what = (
        "Tokens are compared, matched by time and by place in the frame"
        if compared.on == TOKENS
        else "States of whole slices (the mean over their patches) are compared, matched by time"
    )
    cells = "and a patch of the coarsest grid," if compared.on == TOKENS else ""
    sources = "; ".join(f"{literal(found.names[place.encoder_id])} from {SOURCES[place.source]}" for place in _firsts(found))  # fmt: skip
    return (
        f"{what}. A moment is one slice of {literal(found.names[sample.slowest])}, whose slices are the longest, {cells}{' ' if cells else ''}and the cells of every other grid are averaged "
        f"over it, by how much of each lies in it. {count(len(sample.cells), 'moment')} per video or group; {len(sample.units):,} of {sample.shared:,} shared videos or groups are in the sample. "
        f"States are read of {sources}."
    )


def _firsts(found: EncoderFindings) -> list[Place]:
    """One place per encoder."""
    return list({place.encoder_id: place for place in reversed(found.compared.places)}.values())[
        ::-1
    ]


METHOD = """Each measure is computed between videos (or groups, where the label `group` names them): one moment of each at a time, then the mean over moments, so that
moments of one video never count as independent. **CKA** is linear, from the unbiased estimate of HSIC: unrelated states give 0 on average, and it may be slightly negative. It does not change
when a space is rotated or scaled. **Mutual nearest neighbors** is the share of the nearest moments of other videos (by cosine around the mean) that two encoders have in common; **agreement of
neighbors by video** is the same of the mean over a video's moments. **Temporal stability** is the cosine, around the mean, of a moment and the next, as long for every encoder; it is not known where
clips end with the moment. **Effective rank** is the participation ratio, the squared sum of the variances over the sum of their squares, estimated so that few videos do not hold it down. **Spread** is
the share of the squared length that is distance from the mean. Intervals are of 95%, over videos or groups; those of CKA cover 83% to 87% at six videos,
about 90% at 10 and 20, and 93% or more at 40; those of effective rank less than 95% where one direction has most of the variance. The neighbors of a video stay those found in the whole sample, and CKA and
effective rank weigh what each video adds to first order. The chance level shuffles the videos of one side; rank and spread have none."""
