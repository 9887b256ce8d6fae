"""Matched pairs: two videos that share the value of one label and differ in another, and a test whose unit is the pair.

The difference of a pair is the second side minus the first, of the mean over slices or of the highest slice. Where the sides mean nothing, it is
as likely as its negative: the p-value is the share of sign changes whose mean is at least as far from 0; all of them up to 14 pairs, else 20,000.
The paired t test stands beside it, which takes differences for normally distributed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from scipy import stats

from tubelet.latent.nulls import none_if_nan
from tubelet.reports.errors import ReportError
from tubelet.store import Store
from tubelet.store.intervals import interval, share
from tubelet.store.questions.rows import MatchedLabel
from tubelet.store.questions.surprise import labels_for_matching

ALL_SIGNS, DRAWN, SEED = 14, 20_000, 20261129
MEAN, PEAK = "mean", "highest slice"
VIDEOS = "SELECT video_id FROM videos WHERE video_id = $1 OR name = $1 ORDER BY video_id"


@dataclass(frozen=True)
class MatchedPair:
    """A pair: the value that its videos share, and the video of each side, in the order of the sides."""

    value: str
    videos: tuple[str, str]


@dataclass(frozen=True)
class Matching:
    """The names of both sides, the pairs, and the values of which no pair could be made."""

    sides: tuple[str, str]
    pairs: Sequence[MatchedPair]
    left_out: int


@dataclass(frozen=True, kw_only=True)
class PairedTest:
    """The mean difference over pairs with its 95% interval, the p-value, the paired t test, and the share of pairs in which the second side is higher.

    `t` and `p_t` are None for one pair, and where all pairs differ alike.
    """

    difference: float
    low: float | None
    high: float | None
    p: float
    t: float | None
    p_t: float | None
    higher: float
    higher_low: float
    higher_high: float
    pairs: int


def match_videos(store: Store, match: str, side: str, known: Sequence[str]) -> Matching:
    """Pairs of videos with predictions. Raises ReportError where labels make none."""
    rows = [MatchedLabel.of(row) for row in labels_for_matching(match, side).answer(store).to_pylist()]  # fmt: skip
    if not rows:
        raise ReportError(
            f"no video has both labels, {match!r} and {side!r}: import them with `tubelet annotate`"
        )
    sides = sorted({row.side_value for row in rows})
    if len(sides) != 2:
        raise ReportError(
            f"the label {side!r} needs exactly two values, one per side, and has {len(sides)}: {', '.join(sides[:8])}"
        )
    pairs, left_out = [], 0
    for value, members in groupby(rows, lambda row: row.match_value):
        found = list(members)
        by_side = {row.side_value: row.video_id for row in found}
        if len(found) == 2 and len(by_side) == 2 and set(by_side.values()) <= set(known):
            pairs.append(MatchedPair(value, (by_side[sides[0]], by_side[sides[1]])))
        else:
            left_out += 1
    if not pairs:
        raise ReportError(
            f"no value of {match!r} has exactly one video of each side of {side!r} with predictions: check the labels, or predict more videos"
        )
    return Matching((sides[0], sides[1]), pairs, left_out)


def pair_by_hand(store: Store, text: str, known: Sequence[str]) -> Matching:
    """Pairs as somebody named them, `first=second`. Raises ReportError where one is not of two videos with predictions."""
    pairs = []
    for part in text.split(","):
        names = [name.strip() for name in part.split("=")]
        if len(names) != 2 or not all(names):
            raise ReportError(f"--pairs {part.strip()!r} is not a pair: write FIRST=SECOND, such as possible.mp4=impossible.mp4")  # fmt: skip
        first, second = (_find_video(store, name, known) for name in names)
        if first == second:
            raise ReportError(f"--pairs {part.strip()} names one video twice: a pair has two")
        pairs.append(MatchedPair(part.strip(), (first, second)))
    return Matching(("first", "second"), pairs, 0)


def _find_video(store: Store, name: str, known: Sequence[str]) -> str:
    found = store.rows(VIDEOS, [name])
    if len(found) != 1:
        listed = f": name one by its id, {', '.join(row['video_id'] for row in found)}" if found else f': list them with `tubelet sql "FROM videos" --store {store.shell_name}`'  # fmt: skip
        raise ReportError(f"--pairs: {store.name} holds {len(found) or 'no'} videos {name}{listed}")
    if found[0]["video_id"] not in known:
        raise ReportError(f"--pairs: {name} has no predictions of what is reported: predict it, or choose another --context, --horizon or --where")  # fmt: skip
    return str(found[0]["video_id"])


def list_differences(matching: Matching, of_video: Mapping[str, float]) -> np.ndarray:
    """Second side minus first, one per pair; pairs of which a side is not known are left out."""
    pairs = [[of_video[video] for video in pair.videos] for pair in matching.pairs]
    found = np.array([second - first for first, second in pairs])
    return found[np.isfinite(found)]


def compare_sides(differences: np.ndarray) -> PairedTest:
    """Raises ValueError without any."""
    found = interval(differences.tolist())
    part, low, high = share(int((differences > 0).sum()), len(differences))
    return PairedTest(
        difference=found.mean,
        low=none_if_nan(found.low),
        high=none_if_nan(found.high),
        p=flip_signs(differences),
        **compare_by_t(differences),
        higher=part,
        higher_low=low,
        higher_high=high,
        pairs=len(differences),
    )


def compare_by_t(differences: np.ndarray) -> dict[str, float | None]:
    """The statistic of the paired t test and its two-sided p-value."""
    if len(differences) < 2 or np.ptp(differences) == 0:
        return {"t": None, "p_t": None}
    found = stats.ttest_1samp(differences, 0)
    return {"t": float(found.statistic), "p_t": float(found.pvalue)}


def flip_signs(differences: np.ndarray) -> float:
    """The two-sided p-value of the mean under random signs."""
    count = len(differences)
    if count <= ALL_SIGNS:
        signs = np.array(np.meshgrid(*[[-1, 1]] * count)).reshape(count, -1)
        means, extra = np.abs(differences @ signs), 0
    else:
        signs = np.random.default_rng(SEED).choice([-1.0, 1.0], (count, DRAWN))
        means, extra = np.abs(differences @ signs), 1
    reached = (means >= abs(differences.sum()) * (1 - 1e-9)).sum()
    return float((reached + extra) / (len(means) + extra))
