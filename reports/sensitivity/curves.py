"""The curve over shared slices: its band over videos, whether it is U-shaped, and how far in from the edge the effect reaches."""

import math
from dataclasses import dataclass

import numpy as np

from tubelet.store import intervals
from tubelet.store.pairs.rows import middle_third

FEWEST_SLICES = 3  # below it there is no middle apart from the edges
FRACTION = 0.5  # of the edge's excess over the middle


@dataclass(frozen=True, kw_only=True)
class CurveShape:
    """What a curve shows. `u_share`: videos in which both edges exceed the middle, with Wilson's 95% interval.

    `reach`: slices from the first and from the last shared slice until the median curve has lost half of its edge's excess,
    None where the edge does not exceed the middle; `reach_low`, `reach_high`: 95% interval over videos, None below five of them.
    """

    videos: int
    slices: int
    edge: float
    middle: float
    u_share: tuple[float, float, float] | None
    reach: tuple[int | None, int | None]
    reach_low: tuple[int | None, int | None]
    reach_high: tuple[int | None, int | None]

    @property
    def u_shaped(self) -> bool | None:
        """Whether most videos are, with confidence: the interval's lower end is above one half. None where there is no interval."""
        return None if self.u_share is None else self.u_share[1] > 0.5


def shape(curves: np.ndarray, fraction: float = FRACTION) -> CurveShape:
    """The shape of the curves of videos ``(V, S)``, S at least 3 for anything about edges and middle."""
    videos, slices = curves.shape
    if not videos:
        return CurveShape(
            videos=0,
            slices=slices,
            edge=np.nan,
            middle=np.nan,
            u_share=None,
            reach=(None, None),
            reach_low=(None, None),
            reach_high=(None, None),
        )
    median = np.median(curves, axis=0)
    edge, middle = float(median[[0, -1]].mean()), float(median[middle_third(slices)].mean())
    nothing = (None, None)
    if slices < FEWEST_SLICES:
        return CurveShape(
            videos=videos,
            slices=slices,
            edge=edge,
            middle=middle,
            u_share=None,
            reach=nothing,
            reach_low=nothing,
            reach_high=nothing,
        )
    low, high = (
        _reach_interval(curves, fraction) if videos >= intervals.FEWEST else (nothing, nothing)
    )
    u_share = intervals.share(int(u_shaped(curves).sum()), videos)
    return CurveShape(
        videos=videos,
        slices=slices,
        edge=edge,
        middle=middle,
        u_share=u_share,
        reach=reach(median, fraction),
        reach_low=low,
        reach_high=high,
    )


def noise_share(slices: int) -> float:
    """The share of curves of independent normal noise whose edges both exceed the mean of the middle third: 1/3 of 3 slices, about 1/4 of many."""
    middle = len(range(*middle_third(slices).indices(slices)))
    return 0.25 + math.asin(1 / (middle + 1)) / (2 * math.pi)


def u_shaped(curves: np.ndarray) -> np.ndarray:
    """Whether both edges of a curve exceed the mean of its middle third, ``(V, S)`` -> ``(V,)``."""
    middle = curves[:, middle_third(curves.shape[1])].mean(1)
    return (curves[:, 0] > middle) & (curves[:, -1] > middle)


def reach(curve: np.ndarray, fraction: float = FRACTION) -> tuple[int | None, int | None]:
    """Slices from each end of a curve ``(S,)`` until it falls to `fraction` of its excess over the middle; None without one."""
    middle = curve[middle_third(len(curve))].mean()
    return _inward(curve, middle, fraction), _inward(curve[::-1], middle, fraction)


def _inward(curve: np.ndarray, middle: float, fraction: float) -> int | None:
    excess = curve[0] - middle
    if not excess > 0:
        return None
    return int(np.argmax(curve <= middle + fraction * excess))


def _reach_interval(
    curves: np.ndarray, fraction: float
) -> tuple[tuple[int | None, int | None], tuple[int | None, int | None]]:
    """Percentiles of the reach of resampled median curves; None where some resamples have no excess."""
    (low_a, high_a), (low_b, high_b) = map(
        _percentiles, zip(*(reach(curve, fraction) for curve in intervals.medians(curves)))
    )
    return (low_a, low_b), (high_a, high_b)


def _percentiles(ends: tuple[int | None, ...]) -> tuple[int | None, int | None]:
    known = [end for end in ends if end is not None]
    if len(known) < len(ends):
        return None, None
    return int(np.floor(np.quantile(known, intervals.TAILS[0]))), int(
        np.ceil(np.quantile(known, intervals.TAILS[1]))
    )
