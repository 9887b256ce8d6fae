"""What dense scores say, in sentences: the answer first, then what it rests on."""

import json

from tubelet.reports.literal import Markdown, literal
from tubelet.reports.scores.findings import MeanScore, ScoreFindings, TaskScores
from tubelet.store.ids import ONLY
from tubelet.store.intervals import Interval
from tubelet.store.wording import count

CARRIED = {"segmentation": "Masks", "tracking": "Points"}
STAYS = {"segmentation": "the mask left where it was given", "tracking": "the point left where it was given"}  # fmt: skip


def answer(found: ScoreFindings) -> Markdown:
    """Per task the best encoder, its interval, and whether it does better than what does not move."""
    return " ".join([_answer_task(found, task) for task in found.tasks])


def _answer_task(found: ScoreFindings, task: TaskScores) -> Markdown:
    if not task.ranked:
        return f"There is no score for {literal(task.task)}: no object or point is annotated in a later slice."
    best = task.ranked[0]
    told = f"**{CARRIED[task.task]}** are carried best by {name_place(found, best)}: {literal(task.measure)} {show(best.own)} over {_count_units(task, best)}; {STAYS[task.task]} reaches {show(best.still)}."
    return f"{told} {_compare_still(task)}{_choice(task)}"


def _count_units(task: TaskScores, best: MeanScore) -> Markdown:
    videos = count(task.videos, "video")
    units = best.own.count
    return videos if units == task.videos else f"{videos} in {count(units, 'group')}"


def _compare_still(task: TaskScores) -> Markdown:
    best, low = task.ranked[0], task.low_of_gain
    if low != low:
        return "There are too few videos for an interval, so it is unknown whether that is a difference."
    ends = f"{best.gain.mean:.3f} ({low:.3f} to {best.gain.high:.3f})"
    if low > 0:
        return f"It gains {ends} over that, video by video."
    return f"**That is not above what does not move**: the difference is {ends}."


def _choice(task: TaskScores) -> Markdown:
    many = len(task.ranked)
    return (
        f" It is the best of {many:,} encoders and layers; the lower end of the gain takes that choice into account."
        if many > 1
        else ""
    )


def name_place(found: ScoreFindings, one: MeanScore) -> Markdown:
    name = literal(found.names.get(one.encoder_id, one.encoder_id))
    return name if one.layer == ONLY else f"layer {literal(one.layer)} of {name}"


def show(found: Interval) -> Markdown:
    """A mean and its interval."""
    if found.low != found.low:
        return f"{found.mean:.3f}"
    return f"{found.mean:.3f} ({found.low:.3f} to {found.high:.3f})"


def subject(found: ScoreFindings) -> Markdown:
    """On which videos, and with which settings."""
    videos = "; ".join(
        [
            f"{literal(task.task.capitalize())}: {task.videos:,} of {count(task.all_videos, 'video')} that every encoder has"
            for task in found.tasks
        ]
    )
    return f"{videos}. {_settings(found)}"


def _settings(found: ScoreFindings) -> Markdown:
    each = [_write_settings(one) for one in found.settings]
    if len(each) == 1:
        return f"Settings: {each[0]}."
    return f"**The runs had different settings**, so their scores may not be comparable: {'; '.join(each)}."


def _write_settings(text: str | None) -> Markdown:
    """Settings of a run; as they are, where a store of another's making holds no JSON object."""
    try:
        named = json.loads(text or "").items()
    except (ValueError, AttributeError, RecursionError):
        return literal(text or "not stated")
    return ", ".join([f"{literal(name)} {literal(value)}" for name, value in named])


METHOD = """An object is marked by its mask in the first slice of a clip that shows it, and a point given there; the tokens of the clip carry them through the later slices, without any training. J is the
intersection over union of masks, F the accuracy of their boundaries, J&F their mean (DAVIS). delta_avg is the share of visible moments within 1, 2, 4, 8 and 16 pixels of 256, OA the share of moments whose visibility is right, and AJ
the average Jaccard of both (TAP-Vid). Scores hold in the encoder's picture, which may be a crop of the frame, and a prediction is one per slice. Means are over the videos that every encoder has, a `group` counting once; intervals
are of 95%, their unit is the video or group. The gain is the mean difference from what stays in place, on the same videos."""
