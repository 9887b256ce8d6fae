"""Intersection over union of each class, and its mean over classes, with intervals whose unit is the video, or the group where videos have one.

A video's pixels of a class are shares of its scored pixels, so that each video counts the same however many of its frames are annotated.
"""

from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Float64, Int
from tubelet.latent.probes.scoring import FEWEST_LEFT_OUT, Score
from tubelet.store.intervals import interval


@dataclass(frozen=True, kw_only=True)
class Tables:
    """For each predicted video: its place in the truth, fold, scored frames, and the shares ``(V, C)`` of its pixels in the intersection and union of each class."""

    places: Int[np.ndarray, " V"]
    folds: Int[np.ndarray, " V"]
    frames: Int[np.ndarray, " V"]
    intersections: Float64[np.ndarray, "V C"]
    unions: Float64[np.ndarray, "V C"]


def count_pixels(
    truth: Int[np.ndarray, "h w"], found: Int[np.ndarray, "h w"], classes: int
) -> Float64[np.ndarray, "2 C"]:
    """Pixels in intersection and union of each class."""
    pairs = np.bincount((truth.astype(np.int64) * classes + found).ravel(), minlength=classes**2)
    pairs = pairs.reshape(classes, classes).astype(np.float64)
    both = pairs.diagonal()
    return np.stack([both, pairs.sum(axis=0) + pairs.sum(axis=1) - both])


def score_mean(tables: Tables, groups: np.ndarray) -> Score:
    """mIoU: the mean over classes of the intersection over union of all videos."""
    return _score(_sum_groups(tables, groups), lambda ious: np.nanmean(ious, axis=-1))


def score_class(tables: Tables, groups: np.ndarray, number: int) -> Score:
    return _score(_sum_groups(tables, groups), lambda ious: ious[..., number])


def _sum_groups(tables: Tables, groups: np.ndarray) -> Float64[np.ndarray, "2 G C"]:
    """Intersections and unions, the mean over the videos of each group."""
    _, place = np.unique(groups[tables.places], return_inverse=True)
    sums = np.zeros((2, place.max() + 1, tables.unions.shape[1]))
    for part, rows in zip(sums, (tables.intersections, tables.unions)):
        np.add.at(part, place, rows)
    return sums / np.bincount(place)[:, None]


def _score(sums: np.ndarray, read) -> Score:  # type: ignore[no-untyped-def]
    """The score, and the interval from what leaving each group out changes."""
    value = float(read(_divide(*sums.sum(axis=1))))
    number = sums.shape[1]
    if number < FEWEST_LEFT_OUT or not np.isfinite(value):
        return Score(value, np.nan, np.nan)
    left = read(_divide(*(sums.sum(axis=1, keepdims=True) - sums)))
    away = number * value - (number - 1) * left
    away = away[np.isfinite(away)]
    if value in (0, 1):
        found = interval([value] * number, 0, 1)
        return Score(value, found.low, found.high)
    found = interval(away.tolist())
    return Score(value, *np.clip([found.low, found.high], 0, 1).tolist())


def _divide(intersections: np.ndarray, unions: np.ndarray) -> np.ndarray:
    """NaN for a class that is neither true nor predicted anywhere."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(unions > 1e-12, intersections / unions, np.nan)
