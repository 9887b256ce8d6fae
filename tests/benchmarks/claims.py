"""How often the intervals and p-values of reports hold in simulated stores, as docs/benchmarks.md says: at 5, 10 and 40 videos whose values are normal, skewed,
or those of groups of four with an intra-class correlation of 0.7, of which each counts once. What rests on means alone is in `coverage`.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import pyarrow as pa

from tests.benchmarks.label_efficiency import cover_share
from tests.benchmarks.measure import Row
from tubelet.latent.comparison.geometry import estimate_ranks
from tubelet.latent.comparison.kernels import center_unbiased, make_gram
from tubelet.latent.null_similarity import level_of
from tubelet.latent.transition.figures import explain, explain_gain
from tubelet.reports.changes.prefixes import summarize_dimensions, summarize_distances
from tubelet.reports.dimensions.position_probes import read_interval
from tubelet.reports.dimensions.position_test import position_p
from tubelet.reports.prediction.correlation import correlate_between, correlate_within
from tubelet.reports.prediction.matching import compare_sides
from tubelet.store import intervals

REPEATED = 400
COUNTS = 5, 10, 40
SIZE, ALIKE = 4, 0.7  # videos of a group, and the intra-class correlation of their logarithms
Draw = Callable[[np.random.Generator, int], np.ndarray]
Try = Callable[[Draw, np.random.Generator, int], bool]


def draw_normal(rng: np.random.Generator, units: int) -> np.ndarray:
    return np.abs(rng.normal(1, 0.3, units))


def draw_skewed(rng: np.random.Generator, units: int) -> np.ndarray:
    return rng.lognormal(0, 0.7, units)


def draw_groups(rng: np.random.Generator, units: int) -> np.ndarray:
    """The means of groups of videos that are alike."""
    shared, own = rng.normal(0, 1, (units, 1)), rng.normal(0, 1, (units, SIZE))
    return np.exp(0.5 * (ALIKE**0.5 * shared + (1 - ALIKE) ** 0.5 * own)).mean(1)


KINDS: Mapping[str, Draw] = {"normal": draw_normal, "skewed": draw_skewed, "groups": draw_groups}


def try_explained(draw: Draw, rng: np.random.Generator, units: int) -> bool:
    """Variance explained: a model leaves 0.6 of what copying does, more or less by video."""
    copied = draw(rng, units)
    found = explain(copied * rng.normal(0.6, 0.15, units).clip(0), copied)
    return found.low <= 0.4 <= found.high


def try_gain(draw: Draw, rng: np.random.Generator, units: int) -> bool:
    """Two models that leave as much on average."""
    copied = draw(rng, units)
    left = [copied * rng.normal(0.6, 0.15, units).clip(0) for _ in range(2)]
    found = explain_gain(np.stack([left[0], copied, left[1], copied], 1))
    return found.low <= 0 <= found.high


def try_reading(draw: Draw, rng: np.random.Generator, units: int) -> bool:
    """R2 of the position of 64 tokens a video, whose errors differ by video."""
    targets = np.tile(np.linspace(-1, 1, 64), units)
    video = np.repeat(np.arange(units), 64)
    scale = draw(rng, units) / 4
    error = rng.normal(0, 1, len(video)) * scale[video]
    truth = 1 - SQUARES[draw] / 16 / np.square(targets[:64]).mean()
    _, low, high = read_interval(targets + error, targets, video)
    return low <= truth <= high


def try_over_copy(draw: Draw, rng: np.random.Generator, units: int) -> bool:
    """Error over that of copying, the mean over videos."""
    found = intervals.interval(draw(rng, units).tolist(), 0)
    return found.low <= MEANS[draw] <= found.high


def try_psnr(draw: Draw, rng: np.random.Generator, units: int) -> bool:
    """Decibels of squared errors."""
    found = intervals.interval((-10 * np.log10(draw(rng, units))).tolist())
    return found.low <= DECIBELS[draw] <= found.high


def try_spread(draw: Draw, rng: np.random.Generator, units: int) -> bool:
    """The share of the squared length of states that is not in their common mean."""
    lengths = draw(rng, units)
    found = intervals.ratio(lengths * rng.beta(6, 2, units), lengths)
    return found.low <= 0.75 <= found.high


def try_rank(draw: Draw, rng: np.random.Generator, units: int, variances: np.ndarray) -> bool:
    """The effective rank of directions with these variances."""
    away = (draw(rng, units * len(variances)) - MEANS[draw]) / DEVIATIONS[draw]
    gram = make_gram(away.reshape(units, -1) * np.sqrt(variances))
    own = np.square(center_unbiased(gram), dtype=np.float64).sum(axis=1)
    found = estimate_ranks(own[:, None], np.diagonal(gram)[:, None])
    truth = variances.sum() ** 2 / np.square(variances).sum()
    return bool(found.low[0] <= truth <= found.high[0])


def try_distance(draw: Draw, rng: np.random.Generator, units: int) -> bool:
    """What tokens know of later frames, at a distance to the end of the prefix of which the difference shrinks by a third each."""
    left = (2 / 3) ** np.arange(4)
    values = draw(rng, units)[:, None] * left * rng.uniform(0.8, 1.2, (units, 4))
    at, unit = np.meshgrid(np.arange(4), np.arange(units))
    table = pa.table({"distance": at.ravel(), "video_id": unit.ravel().astype(str), "relative": values.ravel()})  # fmt: skip
    row = summarize_distances(table).to_pylist()[2]
    return row["low"] <= MEANS[draw] * left[2] <= row["high"]


def try_prefix_dimension(draw: Draw, rng: np.random.Generator, units: int) -> bool:
    """The same on the last slice, of the second of three dimensions; one video has no value of it."""
    values = draw(rng, units)[:, None] * [0.5, 2, 1] * rng.uniform(0.8, 1.2, (units, 3))
    if units > COUNTS[0]:
        values[0, 1] = np.nan
    unit, dim = np.meshgrid(np.arange(units), np.arange(3), indexing="ij")
    table = pa.table({"dim": dim.ravel(), "video_id": unit.ravel().astype(str), "relative": pa.array(values.ravel(), from_pandas=True)})  # fmt: skip
    (row,) = [one for one in summarize_dimensions(table).to_pylist() if one["dim"] == 1]
    return row["low"] <= MEANS[draw] * 2 <= row["high"]


def try_within(draw: Draw, rng: np.random.Generator, units: int) -> bool:
    """Rank correlation over the 12 slices of each video with a control of which it knows nothing, beside the range of chance."""
    found = correlate_within(_walk(draw, rng, units))
    return found.low is not None and found.high is not None and found.low <= 0 <= found.high


def try_chance(draw: Draw, rng: np.random.Generator, units: int) -> bool:
    found = correlate_within(_walk(draw, rng, units))
    assert (
        found.value is not None and found.chance_low is not None and found.chance_high is not None
    )
    return found.chance_low <= found.value <= found.chance_high


def _walk(draw: Draw, rng: np.random.Generator, units: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Two curves a video whose neighboring slices are alike."""
    curves = rng.normal(0, 1, (units, 2, 12)).cumsum(2) * draw(rng, units)[:, None, None]
    return [(first, second) for first, second in curves]


def try_between(draw: Draw, rng: np.random.Generator, units: int) -> bool:
    """Rank correlation of videos' means, of which half is shared; the truth from 200,000 videos."""
    shared = draw(rng, units)
    found = correlate_between(shared + draw(rng, units), shared + draw(rng, units))
    assert found.low is not None and found.high is not None
    return found.low <= RANKS[draw] <= found.high


def try_level(draw: Draw, rng: np.random.Generator, units: int) -> bool:
    """A further unrelated slice is not above the level of "lost": 64 slices of these videos, and one of another."""
    own = draw(rng, units + 1)
    slices = np.repeat(np.arange(units), max(1, 64 // units))
    scores = own[slices] + rng.normal(0, 0.2, len(slices))
    level = level_of(scores.astype(np.float32), [str(one) for one in slices]).value
    return own[-1] + rng.normal(0, 0.2) <= level


def _known(measure: Callable[[np.ndarray], float]) -> dict[Draw, float]:
    """What a figure of very many units is."""
    return {draw: measure(draw(np.random.default_rng(1), 1_000_000)) for draw in KINDS.values()}


def _rank_correlation(draw: Draw) -> float:
    rng = np.random.default_rng(2)
    shared = draw(rng, 200_000)
    value = correlate_between(shared + draw(rng, 200_000), shared + draw(rng, 200_000)).value
    assert value is not None
    return value


MEANS = _known(np.mean)
DEVIATIONS = _known(np.std)
SQUARES = _known(lambda values: np.square(values).mean())
DECIBELS = _known(lambda values: -10 * np.log10(values).mean())
RANKS = {draw: _rank_correlation(draw) for draw in KINDS.values()}

INTERVALS: Mapping[str, Try] = {
    "transition: variance explained": try_explained,
    "transition: difference of two models": try_gain,
    "prediction: error over copying": try_over_copy,
    "prediction: rank correlation within videos": try_within,
    "prediction: its range of chance": try_chance,
    "prediction: rank correlation between videos": try_between,
    "decoder: PSNR": try_psnr,
    "encoders: spread": try_spread,
    "encoders: effective rank, 8 equal directions": partial(try_rank, variances=np.ones(8)),
    "encoders: effective rank 18, 32 directions": partial(
        try_rank, variances=np.arange(1, 33) ** -0.7
    ),
    "encoders: effective rank 21, 200 directions, one strong": partial(
        try_rank, variances=1 / np.arange(1, 201)
    ),
    "changes: a prefix by distance to its end": try_distance,
    "changes: a dimension on the last slice of a prefix": try_prefix_dimension,
    "dimensions: R2 of a position": try_reading,
    "tracking: a slice below the level of lost": try_level,
}


def rows() -> Iterator[Row]:
    for what, attempt in INTERVALS.items():
        for kind, draw in KINDS.items():
            for units in COUNTS:
                share = cover(attempt, draw, units, REPEATED)
                yield Row(f"{what}, {kind}, {units} units", f"{share:.2f}", "nominal 0.95", share / 0.95, "0.95")  # fmt: skip
    for task in ("classes", "numbers"):
        for kind, draw in KINDS.items():
            for units in COUNTS:
                shape = units, SIZE if kind == "groups" else 1
                share = cover_share(task, draw, shape, REPEATED // 4)
                yield Row(f"probes: a quarter of the labels, {task}, {kind}, {units} units", f"{share:.2f}", "nominal 0.95", share / 0.95, "0.95")  # fmt: skip
    for what, p_values in (("matched pairs", draw_paired_p), ("position of a slice", draw_position_p)):  # fmt: skip
        for kind, draw in KINDS.items():
            for units in COUNTS:
                found = p_values(draw, np.random.default_rng([units, 5]), units)
                shares = [float((found <= level).mean()) for level in (0.05, 0.01)]
                figure = " and ".join(f"{share:.3f}" for share in shares)
                yield Row(f"p-values under the null: {what}, {kind}, {units} units: at most 0.05, 0.01", figure, "nominal", shares[0] / 0.05, "at most 1")  # fmt: skip


def cover(attempt: Try, draw: Draw, units: int, repeated: int) -> float:
    """The share of simulated stores in which a claim holds."""
    rng = np.random.default_rng([units, 3])
    return float(np.mean([attempt(draw, rng, units) for _ in range(repeated)]))


def draw_paired_p(draw: Draw, rng: np.random.Generator, units: int) -> np.ndarray:
    """Pairs whose sides are drawn alike."""
    repeated = REPEATED if units <= 14 else REPEATED // 4
    return np.array([compare_sides(draw(rng, units) - draw(rng, units)).p for _ in range(repeated)])


def draw_position_p(draw: Draw, rng: np.random.Generator, units: int) -> np.ndarray:
    """Profiles of walks that begin anywhere: neighbors are alike, positions mean nothing."""
    values = rng.normal(0, 1, (units, 8, 4 * REPEATED)).cumsum(1)
    values *= rng.choice([-1, 1], (units, 1, 4 * REPEATED)) * draw(rng, units)[:, None, None]
    return position_p(values - values.mean(1, keepdims=True))
