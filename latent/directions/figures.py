"""What the values of sampled tokens along a direction say. The unit of all intervals is the video."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tubelet.array_types import Bool, Int
from tubelet.latent.directions.sample import DirectionSample, MeasuredTokens
from tubelet.latent.nulls import null_where_nan
from tubelet.store.intervals import FEWEST, TAILS, Spread, student, student_ends

BINS = 48
SHIFTS = 5  # of the values against the tokens: how large a correlation chance gives
LARGEST, MIDDLE, SMALLEST = "largest", "middle", "smallest"
FROM_END: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    LARGEST: lambda values: -values,
    MIDDLE: lambda values: np.abs(values - np.median(values)),
    SMALLEST: lambda values: values,
}


def count_values(values: np.ndarray, bins: int = BINS) -> pa.Table:
    """low, high, tokens: a histogram over the whole range; one bin where all values are equal."""
    counted, edges = np.histogram(values.astype(np.float64), bins=bins if np.ptp(values) else 1)
    return pa.table({"low": edges[:-1], "high": edges[1:], "tokens": counted})


def pick_tokens(
    measured: MeasuredTokens, which: str, top: int, per_video: int
) -> Int[np.ndarray, " k"]:
    """The numbers of the tokens with the largest, smallest or middling values, the most extreme first, at most `per_video` of a video."""
    order = np.argsort(FROM_END[which](measured.values), kind="stable")
    video = measured.tokens.video[order]
    by_video = np.argsort(video, kind="stable")
    starts = np.searchsorted(video[by_video], video[by_video])
    place = np.empty(len(order), int)
    place[by_video] = np.arange(len(order)) - starts
    return order[place < per_video][:top]


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Means over videos of values minus their video's mean, by cell ``(k,)``: `key` says which, `error` is the standard error."""

    key: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    videos: np.ndarray


def average_cells(measured: MeasuredTokens, cell: Int[np.ndarray, " n"]) -> Cells:
    """By the number of each token's cell. A cell of fewer than five videos has no interval."""
    _, video = np.unique(measured.tokens.video, return_inverse=True)
    values = measured.values.astype(np.float64)
    deviation = values - (np.bincount(video, values) / np.bincount(video))[video]
    key, place = np.unique(cell, return_inverse=True)
    both, inside = np.unique(place * (video.max() + 1) + video, return_inverse=True)
    of_video = np.bincount(inside, deviation) / np.bincount(inside)
    owner = both // (video.max() + 1)
    count = np.bincount(owner, minlength=len(key))
    mean = np.bincount(owner, of_video, len(key)) / count
    square = np.bincount(owner, (of_video - mean[owner]) ** 2, len(key))
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.where(count > 1, np.sqrt(square / (count - 1) / count), np.nan)
    low, high = student_ends(Spread(mean, error, error, count), TAILS, positive=False)
    few = count < FEWEST
    return Cells(
        key=key,
        mean=mean,
        error=error,
        low=np.where(few, np.nan, low),
        high=np.where(few, np.nan, high),
        videos=count,
    )


def map_frame(measured: MeasuredTokens) -> pa.Table:
    """y, x, value, error, videos: over the grid that most of the tokens have."""
    tokens = measured.tokens
    size = tokens.height.astype(int) * 10_000 + tokens.width
    kept = _only(measured, size == _most(size))
    width = int(kept.tokens.width[0])
    found = average_cells(kept, kept.tokens.y.astype(int) * width + kept.tokens.x)
    y, x = np.divmod(found.key, width)
    return pa.table({"y": y, "x": x, "value": found.mean, "error": null_where_nan(found.error), "videos": found.videos})  # fmt: skip


def profile_window(measured: MeasuredTokens) -> pa.Table:
    """slice, value, low, high, videos: over windows of the number of slices that most of the tokens have."""
    kept = _only(measured, measured.tokens.slices == _most(measured.tokens.slices))
    found = average_cells(kept, kept.tokens.slice.astype(int))
    return pa.table({"slice": found.key, "value": found.mean, "low": null_where_nan(found.low), "high": null_where_nan(found.high), "videos": found.videos})  # fmt: skip


@dataclass(frozen=True)
class Correlated:
    """dim, correlation, low, high of the dimensions that go along most; `chance`: the largest correlation that chance gives, None below five videos."""

    table: pa.Table
    chance: float | None


def correlate(measured: MeasuredTokens, top: int, itself: int | None = None) -> Correlated:
    """The dimensions most correlated with the values, of either sign, but for `itself`.

    Chance: the mean of the largest correlation after the values were moved on by parts of all tokens, so that they meet other videos.
    """
    tokens, values = measured.tokens, measured.values
    moved = [np.roll(values, len(values) * step // (SHIFTS + 1)) for step in range(SHIFTS + 1)]
    every = _correlations(tokens, np.stack([_center(one) for one in moved]))
    if itself is not None:
        every[:, itself] = 0
    found = every[0]
    chosen = np.argsort(-np.abs(found), kind="stable")[:top]
    chosen = chosen[found[chosen] != 0]
    ends = [_jackknife(tokens, values, tokens.vectors[:, dim]) for dim in chosen]
    table = pa.table(
        {
            "dim": pa.array(chosen, pa.int64()),
            "correlation": pa.array(found[chosen].astype(float)),
            "low": pa.array([low for low, _ in ends], pa.float64()),
            "high": pa.array([high for _, high in ends], pa.float64()),
        }
    )
    few = tokens.videos < FEWEST
    return Correlated(table, None if few else float(np.abs(every[1:]).max(1).mean()))


def _correlations(tokens: DirectionSample, centered: np.ndarray) -> np.ndarray:
    """Correlations of every dimension with each row ``(k, n)`` of mean 0 and length 1: ``(k, D)``, 0 for a dimension without spread."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        found = (centered @ tokens.vectors) / tokens.spread
    return np.where(tokens.spread > 0, found, 0)


def _jackknife(
    tokens: DirectionSample, a: np.ndarray, b: np.ndarray
) -> tuple[float | None, float | None]:
    """The 95% interval of a correlation from those without each video; none below five videos."""
    _, video = np.unique(tokens.video, return_inverse=True)
    count = int(video.max()) + 1
    if count < FEWEST:
        return None, None
    a, b = (values.astype(np.float64) - values.mean(dtype=np.float64) for values in (a, b))
    parts = np.stack([np.bincount(video, part) for part in (np.ones(len(a)), a, b, a * a, b * b, a * b)])  # fmt: skip
    n, sa, sb, saa, sbb, sab = parts.sum(1)[:, None] - parts
    with np.errstate(invalid="ignore", divide="ignore"):
        without = (sab - sa * sb / n) / np.sqrt((saa - sa**2 / n) * (sbb - sb**2 / n))
    if not np.isfinite(without).all():
        return None, None
    whole = float(a @ b / np.sqrt((a @ a) * (b @ b)))
    reach = student(count - 1, TAILS[1]) * np.sqrt(
        (count - 1) / count * ((without - without.mean()) ** 2).sum()
    )
    return max(whole - reach, -1.0), min(whole + reach, 1.0)


def _center(values: np.ndarray) -> np.ndarray:
    away = values - values.mean(dtype=np.float64)
    length = np.linalg.norm(away)
    return (away / length if length else away * 0).astype(np.float32)


def _only(measured: MeasuredTokens, kept: Bool[np.ndarray, " n"]) -> MeasuredTokens:
    if kept.all():
        return measured
    return MeasuredTokens(measured.tokens.only(kept), measured.values[kept])


def _most(numbers: np.ndarray) -> int:
    """The number that occurs most often, the smallest of equals."""
    found, times = np.unique(numbers, return_counts=True)
    return int(found[times.argmax()])
