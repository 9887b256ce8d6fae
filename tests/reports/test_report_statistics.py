"""The statistics of reports: against scipy and loops, and against simulated truth over and over (coverage, false discoveries)."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from tubelet.reports.sensitivity import consistency, curves, ranking
from tubelet.reports.sensitivity.ranking import ByVideo


def videos(count=30, dims=64, seed=0, specialists=(), strength=3.0, spread=0.3):
    """Relative sensitivities ``(V, D)``: a level a video, independent noise, and dimensions that react more strongly everywhere."""
    rng = np.random.default_rng(seed)
    values = rng.lognormal(0, spread, (count, 1)) * rng.lognormal(0, 0.4, (count, dims))
    values[:, list(specialists)] *= strength
    return values.astype(np.float32)


def by_video(values, seed=0):
    signed = np.random.default_rng(seed).standard_normal(values.shape).astype(np.float32)
    return ByVideo(values, signed, np.isfinite(values).astype(np.float32))


@pytest.mark.long
def test_p_values_under_chance_are_uniform_or_larger_and_discoveries_rare():
    """200 corpora in which no dimension is special: p-values reject at their level at most, and hardly any corpus has a discovery."""
    found = [ranking.rank_dimensions(by_video(videos(40, 64, seed))) for seed in range(200)]
    p = np.concatenate([one.p for one in found])
    for level in (0.01, 0.05, 0.2):
        rejected = (p <= level).mean()
        attainable = max(
            q for q in stats.binom.sf(np.arange(-1, 40), 40, 8 / 64) if q <= level
        )  # p-values of counts are discrete
        assert rejected == pytest.approx(attainable, rel=0.25)
    assert np.mean([(one.q < 0.05).any() for one in found]) < 0.09
    assert not any(one.specialists for one in found)


def test_ties_at_the_border_share_the_places_left_and_are_no_evidence():
    """Two dimensions that never react stood in the top 2 of every video, at p = 9.9e-36, because of their low numbers."""
    values = np.zeros((40, 16), np.float32)
    values[:, 5] = np.random.default_rng(0).lognormal(0, 0.3, 40)
    found = ranking.rank_dimensions(by_video(values), top=2)
    assert found.top_share[5] == 1 and found.p[5] < 1e-30 and found.chance == 2 / 16
    rest = np.delete(np.arange(16), 5)
    assert (
        found.top_share[rest] == pytest.approx(1 / 15)
        and (found.p[rest] == 1).all()
        and (found.q[rest] == 1).all()
    )
    assert found.specialists == [5] and found.order[0] == 5


def test_where_nothing_reacts_every_dimension_is_at_chance():
    found = ranking.rank_dimensions(by_video(np.zeros((40, 16), np.float32)))
    assert (
        found.top_share == pytest.approx(found.chance)
        and (found.p == 1).all()
        and not found.specialists
    )
    assert consistency.settling(np.zeros((9, 16)), 2).overlap == pytest.approx(2 / 16)


def test_membership_is_the_mean_over_all_ways_to_break_ties():
    """Places are drawn in a random order among equals, over and over."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, 3, (6, 7)).astype(float)
    values[0, :3] = np.nan
    values[1] = np.nan
    for k in (1, 3, 7):
        drawn = np.zeros((4000, *values.shape))
        for trial in drawn:
            keys = np.lexsort((rng.random(values.shape), -np.nan_to_num(values, nan=-1)), axis=1)
            np.put_along_axis(trial, keys[:, :k], 1, 1)
        assert ranking.membership(values, k) == pytest.approx(
            np.where(np.isfinite(values), drawn.mean(0), 0), abs=0.04
        )


def test_p_values_hold_where_values_tie_by_rounding():
    """100 corpora of coarse values in which no dimension is special."""
    found = [
        ranking.rank_dimensions(by_video(np.round(videos(40, 64, seed), 1))) for seed in range(100)
    ]
    p = np.concatenate([one.p for one in found])
    assert all((p <= level).mean() <= 1.1 * level for level in (0.01, 0.05, 0.2))
    assert not any(one.specialists for one in found)


@pytest.mark.long
def test_specialists_in_null_stores_of_five_videos_are_rare():
    found = [
        ranking.rank_dimensions(by_video(videos(5, 64, seed))).specialists for seed in range(150)
    ]
    assert np.mean([bool(one) for one in found]) <= 0.05


def test_planted_specialists_are_found_and_few_others_with_them():
    """Over 150 corpora: all that are planted are found, and the share of false ones stays below the stated rate."""
    planted, false, power = set(range(0, 60, 10)), [], []
    for seed in range(150):
        found = ranking.rank_dimensions(by_video(videos(40, 64, seed, sorted(planted), 2.5)))
        discovered = set(np.flatnonzero(found.q < ranking.Q))
        false.append(len(discovered - planted) / max(len(discovered), 1))
        power.append(len(set(found.specialists) & planted) / len(planted))
        assert set(found.specialists) <= planted
    assert np.mean(false) <= ranking.Q
    assert np.mean(power) > 0.99


def test_discoveries_among_weak_and_strong_keep_the_false_discovery_rate():
    """With a threshold of 5%, so that there is something to control: 6 dimensions a little stronger, 58 not."""
    rate = []
    for seed in range(300):
        member, chance = ranking.among_top(videos(30, 64, seed, range(6), 1.35), 8)
        _, q = ranking.chance_of(member, chance, np.ones(64, bool))
        found = np.flatnonzero(q < 0.05)
        rate.append((found >= 6).sum() / max(len(found), 1))
    assert 0 < np.mean(rate) <= 0.055


def test_shares_among_the_top_and_p_values_are_those_of_a_loop():
    values = videos(25, 40, 3, (7,))
    found = ranking.rank_dimensions(by_video(values), top=5)
    top = [sorted(range(40), key=lambda d: -row[d])[:5] for row in values]
    for d in (0, 7, 20):
        hits = sum(d in row for row in top)
        assert found.top_share[d] == hits / 25
        assert found.p[d] == pytest.approx(
            stats.binomtest(hits, 25, 5 / 40, alternative="greater").pvalue
        )
    ordered = np.argsort(found.p)
    stepped = [min(found.p[ordered[j]] * 40 / (j + 1) for j in range(i, 40)) for i in range(40)]
    assert np.minimum(found.q[ordered], 1) == pytest.approx(np.minimum(stepped, 1))
    assert found.order[0] == 7 and found.chance == 5 / 40


def test_constant_dimensions_come_last_are_never_special_and_leave_the_chance_to_the_others():
    values = videos(20, 32, 1, (4,))
    values[:, [0, 9]] = np.nan
    found = ranking.rank_dimensions(by_video(values))
    assert (
        set(found.order[-2:]) == {0, 9}
        and np.isnan(found.q[[0, 9]]).all()
        and np.isnan(found.relative.value[[0, 9]]).all()
    )
    assert found.chance == pytest.approx(4 / 30) and found.specialists == [4]


def test_signs_are_counted_and_chance_is_not_one_half():
    signed = np.array([[1, -2, 0, 1], [2, -1, 0, -1], [3, 1, 0, -1]], np.float32)
    sign, share = ranking.signs(signed, np.ones((3, 4), bool))
    assert sign.tolist() == [1, -1, 0, -1]
    assert share[:2] == pytest.approx([1, 2 / 3]) and np.isnan(share[2])
    simulated = np.random.default_rng(0).binomial(7, 0.5, 100_000)
    assert ranking.sign_chance(7) == pytest.approx(
        np.maximum(simulated, 7 - simulated).mean() / 7, abs=2e-3
    )


def test_with_four_videos_nothing_is_tested():
    found = ranking.rank_dimensions(by_video(videos(4, 16)))
    assert np.isnan(found.p).all() and np.isnan(found.relative.low).all() and not found.specialists


def test_rank_correlations_and_w_are_scipys():
    values = np.round(videos(12, 30, 2), 1)  # ties
    found = consistency.consistency(values)
    expected = stats.spearmanr(values, axis=1).statistic
    assert found.correlation == pytest.approx(expected[np.ix_(found.order, found.order)], abs=1e-5)
    assert found.pairwise == pytest.approx(
        np.mean([expected[a, b] for a, b in combinations(range(12), 2)]), abs=1e-6
    )
    statistic = stats.friedmanchisquare(
        *values.T
    ).statistic  # W = chi squared / (V (D - 1)), ties included
    assert found.w == pytest.approx(statistic / (12 * 29), rel=1e-5)
    ranks = stats.rankdata(values, axis=1)
    assert np.array_equal(consistency.rank_rows(values), ranks)
    rest = [stats.pearsonr(ranks[v], np.delete(ranks, v, 0).mean(0)).statistic for v in range(12)]
    assert found.with_others == pytest.approx(rest, abs=1e-5)


def test_kendalls_w_by_hand():
    """Three rankings of four things, and four that are the same."""
    ranks = np.array([[1, 2, 3, 4], [1, 3, 2, 4], [2, 1, 3, 4]], float)
    sums = np.array([4, 6, 8, 12])
    assert consistency.kendalls_w(ranks) == pytest.approx(12 * ((sums - 7.5) ** 2).sum() / (9 * 60))
    assert consistency.kendalls_w(np.tile(np.arange(1.0, 6), (4, 1))) == 1


def test_split_half_reliability_is_that_of_a_loop_and_grows_with_the_structure():
    values = videos(11, 40, 4, range(10), 1.5)
    rng, expected = np.random.default_rng(consistency.SEED), []
    for _ in range(consistency.SPLITS):
        order = rng.permutation(11)
        r = stats.spearmanr(values[order[:5]].mean(0), values[order[5:]].mean(0)).statistic
        expected.append(2 * r / (1 + r))
    assert consistency.split_half(values) == pytest.approx(
        np.quantile(expected, [0.5, 0.025, 0.975]), abs=1e-4
    )
    assert (
        consistency.split_half(videos(40, 64, 0, range(20)))[0]
        > 0.6
        > 0.3
        > abs(consistency.split_half(videos(200, 64))[0])
    )


def test_similar_videos_stand_together():
    """Two kinds of videos, shuffled: in the order found, all of one kind come before all of the other."""
    rng = np.random.default_rng(0)
    kinds = rng.permutation(np.repeat([0, 1], 15))
    values = np.stack([rng.permuted(np.arange(50.0)) for _ in range(2)])[kinds] + rng.normal(
        0, 5, (30, 50)
    )
    found = consistency.consistency(values)
    assert (np.diff(kinds[found.order]) != 0).sum() == 1


def test_a_list_settles_from_chance_to_itself():
    noise = consistency.settling(videos(100, 64), 8)
    assert noise.overlap[-1] == 1 and noise.videos.tolist() == [1, 2, 3, 5, 10, 20, 30, 50, 100]
    assert noise.chance == 8 / 64 and noise.overlap[0] < 0.35
    assert (np.diff(noise.overlap) > -0.02).all()
    strong = consistency.settling(videos(100, 64, 0, range(8)), 8)
    assert (
        strong.overlap[2] > 0.9
        and (strong.low <= strong.overlap).all()
        and (strong.overlap <= strong.high).all()
    )


def test_settling_is_that_of_a_loop():
    values = videos(9, 20, 5)
    rng, final = np.random.default_rng(consistency.SEED), set(np.argsort(-values.mean(0))[:3])
    places = np.stack([rng.permutation(9) for _ in range(consistency.ORDERS)])
    expected = [
        np.mean(
            [len(final & set(np.argsort(-values[place < 3].mean(0))[:3])) / 3 for place in places]
        )
    ]
    assert consistency.settling(values, 3).overlap[2] == pytest.approx(expected[0])


def test_a_video_that_is_unlike_the_rest_is_told_from_them():
    values = videos(40, 64, 1, range(20), 2.0)
    values[7, :] = values[7, ::-1].copy()
    scores = consistency.outliers(consistency.consistency(values).with_others)
    assert np.argmin(scores) == 7 and scores[7] < -consistency.OUTLIER
    assert (consistency.outliers(np.ones(5)) == 0).all()


def test_videos_that_hardly_vary_or_never_react_take_no_part():
    values = videos(10, 20)
    values[4, :12] = np.nan
    values[5, 3] = np.nan
    values[6, :] = 0
    kept, dims = consistency.comparable(values)
    assert not {4, 6} & set(kept) and 3 not in dims and len(kept) == 8 and len(dims) == 19
    assert consistency.consistency(values[:4]) is None


def curve(slices=19, context=2, height=1.0, base=0.2):
    inward = np.minimum(np.arange(slices), np.arange(slices)[::-1])
    return base + height * 0.5 ** (inward / (context - 0.3))


@pytest.mark.parametrize("context", [1, 2, 3])
def test_reach_is_the_planted_one(context):
    rng = np.random.default_rng(0)
    values = (
        curve(context=context) * rng.lognormal(0, 0.3, (40, 1)) * rng.lognormal(0, 0.02, (40, 19))
    )
    found = curves.shape(values)
    assert found.reach == (context, context) and found.u_shaped and found.u_share[0] == 1
    assert all(
        low <= context <= high <= low + 1 for low, high in zip(found.reach_low, found.reach_high)
    )


def test_noise_is_not_u_shaped_and_a_fall_is_no_u():
    rng = np.random.default_rng(1)
    flat = curves.shape(rng.lognormal(0, 0.1, (200, 19)))
    assert not flat.u_shaped and flat.u_share[0] == pytest.approx(1 / 4, abs=0.1)
    falling = curves.shape(np.linspace(2, 1, 19) * rng.lognormal(0, 0.01, (20, 1)))
    assert not falling.u_shaped and falling.reach[1] is None and falling.reach[0] is not None


def test_few_slices_have_no_middle_and_few_videos_no_interval():
    assert curves.shape(np.ones((9, 1))).u_shaped is None
    found = curves.shape(np.tile(curve(), (3, 1)))
    assert found.reach == (2, 2) and found.reach_low == (None, None)
