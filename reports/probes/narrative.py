"""What a run of probes found, in sentences: the answer first, then what it stands beside."""

from tubelet.reports.literal import Markdown, literal
from tubelet.reports.probes.findings import CONTROL_NAMES, MASKS, ProbeFindings
from tubelet.store.ids import ONLY
from tubelet.store.questions.model_rows import ProbeScore
from tubelet.store.wording import count

NAMED = 3  # of the layers that are as good as the best


def answer(found: ProbeFindings) -> Markdown:
    """The best layer, its interval and chance; that it says nothing where a control is as good."""
    best, run = found.headline, found.run
    subject = "What the **masks** show" if run.task == MASKS else f"**{literal(run.label_name)}**"
    told = f"{subject} is predicted best by {name_place(found, best)}{_ties(found)}: {literal(run.metric)} {show(best)} over {count_units(found)}"
    chance = found.chance
    beside = f", with shuffled labels {show(chance)}" if chance else ""
    return f"{told}{beside}. {compare_controls(found)}{_choice(found)}"


def compare_controls(found: ProbeFindings) -> Markdown:
    """Whether the best probe lies above every control, by its interval."""
    best = found.headline
    if best.score_low is None:
        return "There are too few videos for an interval, so it is unknown whether that is more than chance."
    rivals = [one for name in CONTROL_NAMES for one in found.control(name)]
    strongest = max(rivals, key=lambda one: one.score or 0, default=None)
    if strongest is None:
        return ""
    named = f"{literal(CONTROL_NAMES[strongest.control or ''])}, {show(strongest)}"
    if best.score_low > (strongest.score or 0):
        return f"Its interval lies above every control; the strongest is {named}."
    return f"**That is not above its controls**: {named}, which needs no such representation."


def _ties(found: ProbeFindings) -> Markdown:
    """The layers that are as good: which of them is named first says nothing."""
    tied = found.tied
    if not tied:
        return ""
    more = f" and {len(tied) - NAMED:,} more" if len(tied) > NAMED else ""
    return (
        f", and equally well by {', '.join(name_place(found, one) for one in tied[:NAMED])}{more}"
    )


def _choice(found: ProbeFindings) -> Markdown:
    many = len(found.probes)
    return (
        f" It is the best of {many:,} layers; its interval takes that choice into account."
        if many > 1
        else ""
    )


def name_place(found: ProbeFindings, score: ProbeScore) -> Markdown:
    name = literal(found.names.get(score.encoder_id or "", score.encoder_id))
    return name if score.layer == ONLY else f"layer {literal(score.layer)} of {name}"


def show(score: ProbeScore) -> Markdown:
    """A score and its interval."""
    if score.score is None:
        return "not known"
    if score.score_low is None or score.score_high is None:
        return f"{score.score:.3f}"
    return f"{score.score:.3f} ({score.score_low:.3f} to {score.score_high:.3f})"


def count_units(found: ProbeFindings) -> Markdown:
    run = found.run
    videos = count(run.video_count, "video")
    return (
        videos
        if run.group_count == run.video_count
        else f"{videos} in {count(run.group_count, 'group')}"
    )


def method(found: ProbeFindings) -> Markdown:
    return METHOD_OF_MASKS if found.run.task == MASKS else METHOD_OF_LABELS


def subject(found: ProbeFindings) -> Markdown:
    run = found.run
    folds = "the label `split`" if run.fold_count == 1 else count(run.fold_count, "fold")
    classes = f", {count(run.class_count, 'class', 'classes')}" if run.class_count else ""
    return f"Run {literal(run.run_id)}, {literal(run.kind)}{classes}, {folds}; {literal(f'{run.trained_at:%Y-%m-%d %H:%M}')} UTC."


METHOD_OF_LABELS = """One vector per clip and layer, the mean over slices and patches, is standardized; the strength is chosen inside the training folds. Clips of a video, and videos
of a `group`, are never on both sides. Predictions are averaged over a video's clips. Intervals are of 95%, their unit is the video, or the group where videos have one.
`shuffled` exchanges labels between them; `majority` answers the commonest class of the training part, or its mean; `position` sees when a clip begins and ends and the size of its
grid; `pixels` sees 8 x 8 colors of the slice pictures; `motion` sees how far, and in which direction, they move; `untrained` is a network with random weights."""

METHOD_OF_MASKS = """Logistic regression learns from single tokens which class covers most of their patch, over the annotated frames of the slice; the strength is chosen inside the training
folds. Its probabilities are enlarged to the pixels of the encoder's picture, and each pixel gets the highest. mIoU is the mean over classes of the intersection over union of all predicted videos, each
counting the same. Videos of a `group` are never on both sides. Intervals are of 95%, their unit is the video, or the group where videos have one. `majority` gives every pixel the commonest class;
`position` sees the place of a token and its slice; `pixels` sees 2 x 2 colors of its patch; `shuffled` learns classes that were exchanged between the tokens of each video; `untrained` is a network with random weights."""

DIRECTIONS = """What a linear probe adds up for a class is the value of a state along a direction, and a bias: the mean over its folds, and over classes 0. The mean
value over the tokens of a clip is what the probe adds up for that clip. Its page shows the tokens that speak most for the class, and most against it."""

ATTENTION = """A video below opens in the player with the attention of the probe as brightness: where the model looked that never learned from that video."""
