"""Where the variance of a dimension lies: shares that were planted, a test that names nothing by chance, intervals that cover."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tubelet.reports.dimensions.position_test import (
    Q,
    _sign_moments,
    cross_products,
    position_p,
    smallest_p,
    units_needed,
)
from tubelet.reports.dimensions.variance import PARTS, SliceMeans, split_variance

SLICE, VIDEO, NOISE, CONSTANT, UNKNOWN = range(5)


def from_tokens(tokens: np.ndarray, unit: np.ndarray | None = None) -> SliceMeans:
    """Of tokens ``(V, C, S, P, D)``."""
    means = tokens.mean(3)
    return SliceMeans(
        mean=means.mean(1),
        clip_variance=means.var(1).mean(1),
        patch_variance=tokens.var(3).mean((1, 2)),
        unit=np.arange(len(tokens)) if unit is None else unit,
        clips=np.full(len(tokens), tokens.shape[1]),
    )


def plant_tokens(seed: int, videos: int = 30, slices: int = 8) -> np.ndarray:
    """Dimensions that are the slice number, the video, noise, a constant, and not finite; the first two with noise of a tenth."""
    rng = np.random.default_rng(seed)
    tokens = rng.standard_normal((videos, 2, slices, 6, 5))
    tokens[..., SLICE] = 0.1 * tokens[..., SLICE] + np.arange(slices)[:, None] / slices
    tokens[..., VIDEO] = 0.1 * tokens[..., VIDEO] + rng.standard_normal((videos, 1, 1, 1))
    tokens[..., CONSTANT] = 0.1
    tokens[0, 0, 2, 1, UNKNOWN] = np.nan
    return tokens


def profiles(kind: str, seed: int, videos: int, slices: int = 8, dims: int = 64) -> np.ndarray:
    """Slice means ``(V, S, D)`` in which the position means nothing, although neighboring slices may resemble each other."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((videos, slices, dims))
    drawn = {
        "independent": lambda: noise,
        "walk": lambda: noise.cumsum(1),
        "skewed": lambda: np.exp(1.5 * noise),
        "rare": lambda: noise.cumsum(1) * rng.lognormal(0, 1.5, (videos, 1, 1)),
    }
    return drawn[kind]() + rng.standard_normal((videos, 1, dims))


def of_slice_means(mean: np.ndarray, patch: float = 1.0) -> SliceMeans:
    flat = np.zeros((len(mean), mean.shape[2]))
    return SliceMeans(
        mean=mean, clip_variance=flat, patch_variance=flat + patch,
        unit=np.arange(len(mean)), clips=np.ones(len(mean), int),
    )  # fmt: skip


def test_the_parts_are_those_of_an_analysis_of_all_tokens() -> None:
    tokens = np.random.default_rng(3).standard_normal((7, 2, 4, 5, 3)).cumsum(0).cumsum(2)
    found = split_variance(from_tokens(tokens))
    total = tokens.var((0, 1, 2, 3))
    assert found.std == pytest.approx(np.sqrt(total))
    assert found.mean == pytest.approx(tokens.mean((0, 1, 2, 3)))
    assert found.video * total == pytest.approx(tokens.mean((1, 2, 3)).var(0))
    assert found.slice * total == pytest.approx(tokens.mean((0, 1, 3)).var(0))
    assert found.patch * total == pytest.approx(tokens.var(3).mean((0, 1, 2)))
    assert sum(getattr(found, part) for part in PARTS) == pytest.approx(np.ones(3))


def test_planted_dimensions_are_told_apart_in_every_seed() -> None:
    noise_named = 0
    for seed in range(100):
        found = split_variance(from_tokens(plant_tokens(seed)))
        largest = np.argmax([getattr(found, part) for part in PARTS], axis=0)
        assert [PARTS[largest[d]] for d in (SLICE, VIDEO, NOISE)] == ["slice", "video", "patch"]
        q = stats.false_discovery_control(found.p[[SLICE, VIDEO, NOISE]])
        noise_named += q[2] < Q
        assert q[0] < Q and found.video_low[VIDEO] > found.video_chance[VIDEO]
        assert found.excess_low[SLICE] > 0.85 and found.excess_high[NOISE] < 0.02
        assert list(found.varies) == [True, True, True, False, False]
        assert list(found.unknown) == [False, False, False, False, True]
        assert np.isnan(found.p[[CONSTANT, UNKNOWN]]).all()
    assert noise_named <= 5


@pytest.mark.parametrize("kind", ["independent", "walk", "skewed", "rare"])
@pytest.mark.parametrize("videos", [12, 40])
def test_where_the_position_means_nothing_nothing_is_named_in_95_of_100(kind, videos) -> None:
    named = 0
    for seed in range(100):
        p = position_p(centered(profiles(kind, seed, videos)))
        named += (stats.false_discovery_control(p) < Q).any()
    assert named <= 5


def centered(mean: np.ndarray) -> np.ndarray:
    return mean - mean.mean(1, keepdims=True)


def test_moments_are_those_of_random_signs() -> None:
    rng = np.random.default_rng(0)
    profile = centered(rng.standard_normal((9, 6, 3)) * rng.lognormal(0, 1, (9, 1, 1)))
    signs = (np.arange(2**9)[:, None] >> np.arange(9)) % 2 * 2 - 1  # all of them
    drawn = np.array([cross_products(sign[:, None, None] * profile) for sign in signs])
    spread, skew = _sign_moments(profile)
    assert drawn.mean(0) == pytest.approx(np.zeros(3), abs=1e-9)
    assert spread == pytest.approx(drawn.std(0)) and skew == pytest.approx(stats.skew(drawn))


def test_chance_is_what_slices_differ_by_without_a_position() -> None:
    shares = [split_variance(of_slice_means(profiles("walk", seed, 20))) for seed in range(30)]
    observed, chance = (np.mean([getattr(one, name) for one in shares]) for name in ("slice", "slice_chance"))  # fmt: skip
    assert observed == pytest.approx(chance, rel=0.05) and observed > 0.01
    assert abs(np.mean([one.excess for one in shares])) < 0.001


def test_intervals_cover_the_share_that_was_planted() -> None:
    rng, slices, videos, dims = np.random.default_rng(5), 8, 40, 1500
    wave = np.sin(np.arange(slices))[:, None]
    wave = (wave - wave.mean()) / wave.std()
    strength = 1 + 0.5 * rng.standard_normal((videos, 1, dims))  # of the position, in a video
    mean = strength * wave + rng.standard_normal((videos, 1, dims))
    mean = mean + centered(rng.standard_normal((videos, slices, dims)))
    found = split_variance(of_slice_means(mean))
    noise = (slices - 1) / slices
    truth = 1 / (1.25 + 1 + noise + 1)
    covered = (found.excess_low <= truth) & (truth <= found.excess_high)
    assert 0.91 < covered.mean() < 0.99
    of_video = 1 / (1.25 + 1 + noise + 1)
    assert 0.90 < ((found.video_low <= of_video) & (of_video <= found.video_high)).mean() < 0.99


def test_videos_of_a_group_count_once() -> None:
    tokens = plant_tokens(1, videos=10)[..., :3]
    copied = np.concatenate([tokens[:1].repeat(5, 0), tokens[1:]])  # one video five times
    grouped = split_variance(from_tokens(copied, np.array([0] * 5 + list(range(1, 10)))))
    alone = split_variance(from_tokens(tokens))
    for name in ("video", "slice", "patch", "excess", "excess_low", "video_high", "p"):
        assert getattr(grouped, name) == pytest.approx(getattr(alone, name)), name
    apart = split_variance(from_tokens(copied))
    assert apart.p[SLICE] < alone.p[SLICE]


def test_few_videos_give_shares_and_neither_test_nor_interval() -> None:
    found = split_variance(from_tokens(plant_tokens(0, videos=2)[..., :3]))
    assert np.isnan(found.p).all() and np.isnan(found.excess_low).all() and np.isfinite(found.slice).all()  # fmt: skip
    assert smallest_p(12) == 2.0**-11 and 2.0 ** (1 - units_needed(64)) * 64 <= Q
    assert 2.0 ** (2 - units_needed(64)) * 64 > Q


def test_wrong_shapes_are_refused() -> None:
    data = from_tokens(plant_tokens(0, videos=3))
    with pytest.raises(ValueError, match="not in order"):
        replace(data, unit=np.array([1, 0, 2]))
    with pytest.raises(ValueError, match="shape"):
        replace(data, patch_variance=np.zeros((2, 2)))
