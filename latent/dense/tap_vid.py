"""TAP-Vid's measures of followed points (Doersch et al. 2022), on pictures scaled to 256 x 256 pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Bool, Float64

SIDE = 256  # pixels
THRESHOLDS = (1, 2, 4, 8, 16)  # pixels


@dataclass(frozen=True)
class FollowedPoints:
    """Moments of points that are scored, those of all points one after another: places (x, y) in pixels of 256 x 256, and whether the point is seen there."""

    truth: Float64[np.ndarray, "n 2"]
    visible: Bool[np.ndarray, " n"]
    found: Float64[np.ndarray, "n 2"]
    shown: Bool[np.ndarray, " n"]

    @classmethod
    def join(cls, parts: Sequence["FollowedPoints"]) -> "FollowedPoints":
        columns = ("truth", "visible", "found", "shown")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


def measure_points(points: FollowedPoints) -> dict[str, float]:
    """`AJ`, `delta_avg` and `OA`; NaN where there is nothing to measure them on."""
    within = [_within(points, threshold) for threshold in THRESHOLDS]
    return {
        "AJ": float(np.mean([_jaccard(points, near) for near in within])),
        "delta_avg": float(np.mean([_share(near[points.visible]) for near in within])),
        "OA": _share(points.visible == points.shown),
    }


def _within(points: FollowedPoints, threshold: float) -> np.ndarray:
    """Whether each place is less than so many pixels from the truth."""
    return ((points.found - points.truth) ** 2).sum(axis=1) < threshold**2


def _jaccard(points: FollowedPoints, near: np.ndarray) -> float:
    """True positives over visible moments and false positives: shown where the point is hidden, or elsewhere."""
    hits = np.count_nonzero(points.visible & near & points.shown)
    false = np.count_nonzero(points.shown & ~(points.visible & near))
    total = np.count_nonzero(points.visible) + false
    return hits / total if total else float("nan")


def _share(right: np.ndarray) -> float:
    return float(right.mean()) if len(right) else float("nan")
