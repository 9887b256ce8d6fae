"""What a run of transition models found, in sentences: the answer first, then its baselines."""

import math

from tubelet.latent.transition.figures import CHANCE, Explained, TransitionFigures
from tubelet.reports.literal import Markdown, literal
from tubelet.reports.transition.findings import SHUFFLED, TransitionFindings
from tubelet.store.wording import count

METHOD = """A small causal transformer per encoder predicts the tokens of the next slice from those before it; it starts as a copy of the last slice. It learns from some videos and is tested on others; videos of a
`group` are never on both sides. Errors are squared, every dimension in units of its standard deviation over the training part, summed over videos. Variance explained is one minus the error over that of a copy of the last slice
seen; the unit of its interval, and of those of differences, is the video; videos of a `group` count once, as their sum. A rank is the share of other slices that are nearer to the prediction than the true one: 0 is the best, chance is 0.5. Later horizons are rollouts: each prediction is seen by
the next. `shuffled` models see the slices of a clip in random order and are held to the baselines of the true order; `pixels` are patches of the slice pictures; `untrained` networks have random weights. Intervals are of 95%, their unit is the video, or the group."""


def answer(found: TransitionFindings) -> Markdown:
    """How much of the next slice is predicted, whether that is more than copying, and more than the controls."""
    best = found.best
    if math.isnan(best.explained.value):
        return f"Nothing changes from slice to slice in the test videos of {name_model(found, best)}: a copy of the last slice has no error, and there is nothing to explain."
    said = f"Of the next slice of {name_model(found, best)}, the model explains {show(best.explained)} of the variance that a copy of the last slice leaves, over {count_units(best)}"
    return f"**{said}.** {judge(best)} {_rank(best)} {compare(found)}"


def count_units(one: TransitionFigures) -> Markdown:
    """What intervals are taken over."""
    videos = count(one.videos, "test video")
    return videos if one.units == one.videos else f"{videos} in {count(one.units, 'group')}"


def judge(best: TransitionFigures) -> Markdown:
    explained = best.explained
    if math.isnan(explained.low):
        return "There are too few test videos, or groups of them, for an interval, so it is unknown whether that is more than copying."
    if explained.low > 0:
        return "Its interval lies above copying (0)."
    return "**That is not more than copying.**"


def _rank(best: TransitionFigures) -> Markdown:
    if not best.rank_within.count:
        return ""
    return f"Of the other slices of its clip, {best.rank_within.mean:.0%} are nearer to the prediction than the true one (to a copy {best.copy_rank_within.mean:.0%}; chance {CHANCE:.0%})."


def compare(found: TransitionFindings) -> Markdown:
    """Shuffled time, and the strongest of pixels and untrained networks."""
    best, said = found.best, []
    if shuffled := found.control_of(best, SHUFFLED):
        said.append(f"With shuffled time it is {show(shuffled.explained)}.")
    known = [one for one in found.rivals if not math.isnan(one.explained.value)]
    if rival := max(known, key=lambda one: one.explained.value, default=None):
        what = f"{name_model(found, rival)}, {show(rival.explained)}"
        below = best.explained.value <= rival.explained.value
        said.append(f"**Its controls are as predictable**: {what}." if below else f"The most predictable control is {what}.")  # fmt: skip
    return " ".join(said)


def name_model(found: TransitionFindings, one: TransitionFigures) -> Markdown:
    return literal(one.describe(found.encoder_names))


def show(found: Explained) -> Markdown:
    if math.isnan(found.value):
        return "nothing to explain"
    if math.isnan(found.low):
        return f"{found.value:.3f} (no interval)"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def subject(found: TransitionFindings) -> Markdown:
    run = found.run
    return (
        f"Run {literal(run.run_id)}: learned from {count(run.train_videos, 'video')}, tested on {run.test_videos:,}; blocks of {count(run.block_slices, 'slice')}, at most {run.grid_side:d} x {run.grid_side:d} tokens per slice, "
        f"width {run.network_width:,}, depth {run.network_depth:,}, seed {run.seed:d}; {literal(f'{run.fitted_at:%Y-%m-%d %H:%M}')} UTC."
    )
