"""Where the variance of each dimension lies: between videos, slices of the window, moments of a video, and patches of a slice.

The variance over all tokens, in which every unit (a video, or a group of videos), every video of a unit, clip, slice and patch counts alike, is the sum of
four parts:

    video   between the means of videos
    slice   between the means of slices, by their position in the window, over all videos
    moment  the rest between the slices of a video: what changes over time in a way of the video's own
    patch   between the patches of one slice

`slice` is above 0 by chance alone, as means of few videos differ. What chance gives is the mean over random signs of the units' profiles
(`position_test`); the excess over it is estimated without bias. Intervals are jackknife intervals over units.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from tubelet.reports.dimensions.position_test import cross_products, position_p
from tubelet.store.intervals import FEWEST, TAILS, Estimates, student

BLOCK = 128  # dimensions at once
ROUNDING = 1e-12  # variance below this part of the mean square is rounding
PARTS = ("video", "slice", "moment", "patch")


@dataclass(frozen=True, kw_only=True)
class SliceMeans:
    """For each video, sorted by unit: `mean` of its clips at each slice ``(V, S, D)``; `clip_variance` between them and `patch_variance`
    within slices, means over slices ``(V, D)``; its `unit` and number of `clips` ``(V,)``."""

    mean: np.ndarray
    clip_variance: np.ndarray
    patch_variance: np.ndarray
    unit: np.ndarray
    clips: np.ndarray

    def __post_init__(self) -> None:
        videos, _, dims = self.mean.shape
        if not self.clip_variance.shape == self.patch_variance.shape == (videos, dims):
            raise ValueError(f"{self.mean.shape = }, {self.clip_variance.shape = }")
        if not len(self.unit) == len(self.clips) == videos or (np.diff(self.unit) < 0).any():
            raise ValueError(f"{self.unit.shape = }, {self.clips.shape = }, or units not in order")

    @property
    def units(self) -> int:
        return len(np.unique(self.unit))


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Shares of each dimension's variance ``(D,)`` that sum to 1, NaN where a dimension is constant or not finite.

    `slice_chance`, `video_chance`: the part of the share that chance alone gives. `excess`: the share of the slice's position above chance.
    `profile`: mean at each slice ``(S, D)``, in standard deviations. `p`: of the position test; NaN where it was not made.
    """

    mean: np.ndarray
    std: np.ndarray
    video: np.ndarray
    slice: np.ndarray
    moment: np.ndarray
    patch: np.ndarray
    video_chance: np.ndarray
    video_low: np.ndarray
    video_high: np.ndarray
    slice_chance: np.ndarray
    excess: np.ndarray
    excess_low: np.ndarray
    excess_high: np.ndarray
    p: np.ndarray
    profile: np.ndarray

    @property
    def varies(self) -> np.ndarray:
        """Dimensions that are known and not constant."""
        return self.std > 0

    @property
    def unknown(self) -> np.ndarray:
        """Dimensions with values that are not finite."""
        return ~np.isfinite(self.std)


def split_variance(data: SliceMeans) -> Shares:
    dims = data.mean.shape[2]
    blocks = [_split(data, slice(at, at + BLOCK)) for at in range(0, dims, BLOCK)]
    joined = {
        field.name: np.concatenate([getattr(block, field.name) for block in blocks], axis=-1)
        for field in fields(Shares)
    }
    return Shares(**joined)


@dataclass(frozen=True, kw_only=True)
class _ByUnit:
    """Of each unit ``(U, D)``: mean, mean square of its videos' means, variance over slices, within slices; its profile ``(U, S, D)``."""

    mean: np.ndarray
    square: np.ndarray
    over_slices: np.ndarray
    patch: np.ndarray
    profile: np.ndarray
    noise: np.ndarray  # expected between videos if their slices were exchangeable

    @classmethod
    def of(cls, data: SliceMeans, dims: slice, center: np.ndarray) -> "_ByUnit":
        values = data.mean[:, :, dims].astype(np.float64) - center
        of_video = values.mean(1)
        profile = values - of_video[:, None]
        over_slices = (profile**2).mean(1) + data.clip_variance[:, dims]
        draws = data.mean.shape[1] * data.clips[:, None] - 1.0
        noise = np.divide(
            over_slices, draws, out=np.full_like(over_slices, np.nan), where=draws > 0
        )
        parts = {
            "mean": of_video,
            "square": of_video**2,
            "over_slices": over_slices,
            "patch": data.patch_variance[:, dims],
            "profile": profile,
            "noise": noise,
        }
        return cls(
            **{
                name: average_units(part.astype(np.float64), data.unit)
                for name, part in parts.items()
            }
        )


def average_units(values: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Means of the rows of each unit, ``(V, ...)`` -> ``(U, ...)``; `unit` in order."""
    _, starts, sizes = np.unique(unit, return_index=True, return_counts=True)
    summed = np.add.reduceat(values, starts, axis=0)
    return summed / sizes.reshape(-1, *(1,) * (values.ndim - 1))


def _split(data: SliceMeans, dims: slice) -> Shares:
    center = data.mean[:, :, dims].mean((0, 1), dtype=np.float64)
    units = _ByUnit.of(data, dims, center)
    count, slices = len(units.mean), data.mean.shape[1]
    grand = units.mean.mean(0)
    video = np.maximum(units.square.mean(0) - grand**2, 0)
    position = units.profile.mean(0)  # (S, D)
    slice_ = (position**2).mean(0)
    moment = np.maximum(units.over_slices.mean(0) - slice_, 0)
    patch = units.patch.mean(0)
    total = video + slice_ + moment + patch
    total = np.where(total > ROUNDING * (center + grand) ** 2, total, total * 0)  # NaN stays
    of_total = _shares_of(total)
    excess = jackknife(of_total(cross_products(units.profile) / (slices * count * max(count - 1, 1))), *_leave_out(units, "slice"))  # fmt: skip
    videos = jackknife(of_total(video), *_leave_out(units, "video"))
    tested = position_p(np.where(total > 0, units.profile, 0))
    return Shares(
        mean=center + grand,
        std=np.sqrt(total),
        video=videos.value,
        slice=of_total(slice_),
        moment=of_total(moment),
        patch=of_total(patch),
        video_chance=of_total(units.noise.mean(0)),
        video_low=videos.low,
        video_high=videos.high,
        slice_chance=of_total((units.profile**2).sum((0, 1)) / (slices * count**2)),
        excess=excess.value,
        excess_low=excess.low,
        excess_high=excess.high,
        p=np.where(total > 0, tested, np.nan),
        profile=of_total(position * np.sqrt(total)),
    )


def _shares_of(total: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    def divide(part: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(total > 0, part / total, np.nan)

    return divide


def _leave_out(units: _ByUnit, part: str) -> tuple[np.ndarray]:
    """The share of a part ``(U, D)`` without each unit in turn: of `video`, or of `slice` above chance."""
    count, slices = len(units.mean), units.profile.shape[1]
    if count < FEWEST:
        return (np.full(units.mean.shape, np.nan),)

    def others(values: np.ndarray) -> np.ndarray:
        return (values.sum(0) - values) / (count - 1)

    video = others(units.square) - others(units.mean) ** 2
    total = video + others(units.over_slices) + others(units.patch)
    own = (units.profile**2).sum(1)
    rest = ((units.profile.sum(0) - units.profile) ** 2).sum(1) - (own.sum(0) - own)
    excess = rest / (slices * (count - 1) * (count - 2))
    return (_shares_of(total)(video if part == "video" else excess),)


def jackknife(value: np.ndarray, without: np.ndarray) -> Estimates:
    """A share and its 95% interval from the shares without each unit ``(U, D)``, within 0 and 1 where it is; NaN ends below five units."""
    count = len(without)
    if count < FEWEST:
        return Estimates(value, np.full_like(value, np.nan), np.full_like(value, np.nan))
    error = np.sqrt((count - 1) / count * ((without - without.mean(0)) ** 2).sum(0))
    reach = student(count - 1, TAILS[1]) * error
    return Estimates(value, np.clip(value - reach, 0, 1), np.clip(value + reach, 0, 1))
