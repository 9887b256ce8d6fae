"""What kept runs found, in sentences: how the error stands to those of two guesses, and how much of a prediction is copying."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from tubelet.dashboard import units
from tubelet.reports.literal import Markdown, literal
from tubelet.store.mask_kinds import RANDOM, TUBE
from tubelet.store.questions.rows import KeptMasking

ONE_WINDOW = "These are figures of one window, without an interval: `tubelet mask` without `--clip` measures many, and SQL compares them."


def describe_run(row: KeptMasking) -> Markdown:
    """The error beside those of copying the nearest seen token and of the mean token."""
    tokens = row.seen_tokens + row.hidden_tokens
    said = f"**{literal(row.mask_kind)}**: {row.hidden_tokens:,d} of {units.count(tokens, 'token')} hidden. The prediction errs {row.l1:.3f}"
    if row.l1_over_near is not None:
        said += f", {row.l1_over_near:.2f} times as much as copying the nearest seen token"
    if row.l1_over_mean is not None:
        said += f", {row.l1_over_mean:.2f} times as much as the mean of the seen tokens"
    return f"{said}{judge_run(row.l1_over_near, row.l1_over_mean)}."


def judge_run(over_near: float | None, over_mean: float | None) -> Markdown:
    """Which guess the prediction is worse than; nothing where one of them has no error."""
    if over_near is None or over_mean is None:
        return ""
    if over_near > 1 and over_mean > 1:
        return ": worse than both"
    if over_near > 1:
        return ": worse than copying the nearest seen token"
    return ": worse than the mean of the seen tokens" if over_mean > 1 else ": better than both"


def compare_runs(found: Mapping[str, KeptMasking]) -> Markdown:
    """Tubes against random tokens; empty where one of them was not run."""
    if not {TUBE, RANDOM} <= found.keys():
        return ""
    tube, random = found[TUBE], found[RANDOM]
    if not random.near_l1 or not tube.near_l1:
        return ""
    more = tube.near_l1 / random.near_l1
    ours = tube.l1 / random.l1 if random.l1 else float("nan")
    return (
        f"How much of this is copying from a neighbor? Under random tokens a neighbor is seen, under tubes it is not: copying errs **{more:.2f} times** as much under tubes, "
        f"and the prediction **{ours:.2f} times**."
    )


def list_runs(kept: Sequence[KeptMasking]) -> pa.Table:
    """The kept runs of a window, for a table."""
    return pa.table(
        {
            "mask": [row.mask_kind for row in kept],
            "hidden": [row.hidden_tokens / (row.hidden_tokens + row.seen_tokens) for row in kept],
            "seed": [row.seed for row in kept],
            "error": [row.l1 for row in kept],
            "over nearest": [row.l1_over_near for row in kept],
            "over mean": [row.l1_over_mean for row in kept],
        }
    )
