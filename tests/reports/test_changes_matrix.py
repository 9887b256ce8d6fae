"""The matrix of dimensions and changes: planted specialists and groups are found over seeds, and without any nothing is named."""

import numpy as np
import pytest

from tests.planted_changes import draw_reactions, plant_reactions
from tests.stores import synthetic_store
from tubelet.reports.blocks import Picture, Table, Text
from tubelet.reports.changes.groups import adjusted_rand, find_groups
from tubelet.reports.changes.matrix import measure_agreement
from tubelet.reports.changes.request import ChangesOptions
from tubelet.reports.changes.sections import changes_report
from tubelet.reports.changes.specialists import (
    FLOOR,
    Q,
    find_specialists,
    relate_to_median,
    smallest_p,
    units_needed,
)

NAMES = ("flip", "noise", "noise", "jpeg", "shift")
SPECIALISTS = {(0, 7), (4, 9), (4, 10)}  # places of change and dimension


def planted(seed, units=24, dims=48):
    values = draw_reactions(np.random.default_rng(seed), len(NAMES), units, dims)
    for change, dim in SPECIALISTS:
        values[change, :, dim] = 4 * np.median(values[change], 1)
    values[1:3, :, 20:32] *= (
        5  # react to noise of either strength, and to JPEG: a group, no specialists
    )
    values[3, :, 20:32] *= 5
    return values


def cells(found):
    return {(int(c), int(d)) for c, d in zip(*np.nonzero(found.named))}


def test_planted_specialists_and_groups_are_found_over_seeds():
    found = [find_specialists(planted(seed), NAMES) for seed in range(20)]
    assert sum(cells(one) == SPECIALISTS for one in found) >= 19
    for seed in range(2):
        groups = find_groups(relate_to_median(planted(seed)))
        together = groups.group[20:32]
        assert len(set(together)) == 1 and groups.agreement > 0.9
        assert not set(together) & set(groups.group[[*range(7), *range(11, 20), *range(32, 48)]])
        places = np.sort(np.argsort(groups.order)[20:32])
        assert places[-1] - places[0] == 11  # side by side


@pytest.mark.parametrize("units", [8, 24, 80])
def test_nothing_is_named_where_nothing_is_special(units):
    drawn = [draw_reactions(np.random.default_rng(seed), 5, units, 48) for seed in range(30)]
    assert not any(find_specialists(values, NAMES).named.any() for values in drawn)
    assert not any(find_groups(relate_to_median(values)).group is not None for values in drawn[:3])


def test_dimensions_at_the_border_are_named_no_more_often_than_the_rate():
    """Cells that are exactly 1.5 times the others, where a p-value is below a level at most as often as that level says."""
    hits = []
    for seed in range(60):
        values = np.random.default_rng(seed).lognormal(0, 0.3, (3, 30, 41))
        values[0, :, :4] *= 1.5
        hits.append(find_specialists(values, ("a", "b", "c")).p[0, :4])
    p = np.stack(hits)
    assert (p < 0.05).mean() <= 0.06 and (p < 0.01).mean() <= 0.015 and (p < 0.5).mean() > 0.05


def test_a_dimension_that_reacts_to_two_changes_is_no_specialist_of_either_and_strengths_are_one_change():
    values = np.random.default_rng(0).lognormal(0, 0.1, (5, 30, 40))
    values[[1, 2], :, 3] *= 6
    assert cells(find_specialists(values, NAMES)) == {(1, 3), (2, 3)}
    assert not find_specialists(values, ("flip", "noise", "blur", "jpeg", "shift")).named.any()


def test_what_videos_and_changes_have_as_a_whole_cancels():
    values = planted(3)
    scaled = values * np.random.default_rng(1).lognormal(0, 2, (len(NAMES), values.shape[1], 1))
    assert np.allclose(find_specialists(scaled, NAMES).p, find_specialists(values, NAMES).p)


def test_few_videos_missing_ones_and_constant_dimensions():
    values = planted(0, units=30)
    values[3, 4:] = np.nan  # JPEG in four videos alone
    values[0, 0, 11] = np.nan  # constant in one video
    values[2, 5] = 0  # a video in which nothing reacts
    found = find_specialists(values, NAMES)
    assert found.tested.tolist() == [True, True, True, False, True] and found.units.sum() == 29
    assert not found.units[5] and np.isnan(found.p[3]).all()
    assert np.isfinite(found.p[0, 11]) or np.isnan(found.p[:, 11]).all()
    few = find_specialists(planted(0, units=4), NAMES)
    assert np.isnan(few.p).all() and np.isfinite(few.times).all()
    cells_, units = 5 * 48, units_needed(5 * 48)
    assert smallest_p(units) * cells_ <= Q < smallest_p(units - 1) * cells_
    assert not find_specialists(
        planted(0, units=units - 3), NAMES
    ).named.any()  # three share the rate
    assert np.nanmin(relate_to_median(np.array([[[0.0, 1.0, 2.0]]]))) == pytest.approx(
        np.log(FLOOR)
    )


def test_agreement_and_the_adjusted_rand_index_equal_plain_computations():
    from scipy.stats import spearmanr

    values = np.random.default_rng(2).lognormal(0, 0.5, (9, 30)) * np.arange(1, 31)
    matrix = spearmanr(values, axis=1).statistic
    found = measure_agreement(values)
    assert found.value == pytest.approx(matrix[np.triu_indices(9, 1)].mean())
    assert found.low < found.value < found.high <= 1 and found.units == 9
    shuffled = [measure_agreement(np.random.default_rng(s).random((9, 30))) for s in range(60)]
    assert abs(np.mean([one.value for one in shuffled])) < 0.02
    assert np.mean([one.low <= 0 <= one.high for one in shuffled]) >= 0.8
    a, b = np.array([0, 0, 1, 1, 2, 2]), np.array([5, 5, 3, 3, 4, 4])
    assert adjusted_rand(a, b) == 1 and adjusted_rand(a, np.zeros(6, int)) == 0
    assert adjusted_rand(a, np.array([0, 0, 0, 1, 1, 1])) == pytest.approx(0.2424, abs=1e-4)


def blocks_of(store):
    return list(changes_report(store, ChangesOptions()))


def table(blocks, name):
    (found,) = (one.rows for one in blocks if isinstance(one, Table) and one.name == name)
    return found.to_pylist()


def test_the_report_names_what_was_planted(tmp_path):
    """Shift is one of the changes; windows that share no frame are what reactions are compared with, and no change."""
    store = synthetic_store(tmp_path / "store", videos=24, dim=48, slices=2, side=2)
    changes = [("flip", None), ("noise", 0.1), ("noise", 0.3), ("jpeg", 20.0), ("shift", 1.0), ("disjoint", None)]  # fmt: skip
    values = planted(0)
    apart = 2 * values.mean(0)[None]
    values[0, :, 40] = np.nan  # constant
    plant_reactions(store, changes, np.concatenate([values, apart]))
    blocks = blocks_of(store)
    said = "\n".join(block.markdown for block in blocks if isinstance(block, Text))
    assert "at a false discovery rate of 1% over all 240 cells of the matrix (24 videos)" in said
    assert "**flip**: 7" in said and ("**shift 1**: 9, 10" in said or "**shift 1**: 10, 9" in said)
    assert "agree on them with an adjusted Rand index of" in said
    rows = table(blocks, "dimensions_changes")
    assert len(rows) == 6 * 48
    named = {(row["what"], row["dim"]) for row in rows if row["kind"] == "specialist"}
    assert (
        named == {("flip", 7), ("shift 1", 9), ("shift 1", 10)}
        and len({r["kind"] for r in rows[:3]}) == 1
    )
    by_cell = {(row["what"], row["dim"]): row for row in rows}
    row = by_cell["noise 0.3", 5]
    assert row["reaction"] == pytest.approx(values[2, :, 5].mean(), rel=1e-4)
    assert (
        row["low"] < row["reaction"] < row["high"] and row["group"] != by_cell["flip", 25]["group"]
    )
    assert row["of_disjoint"] == pytest.approx(
        values[2, :, 5].mean() / apart[0, :, 5].mean(), rel=1e-4
    )
    assert by_cell["flip", 40]["reaction"] is None and by_cell["disjoint", 3]["p"] is None
    by_change = {row["what"]: row for row in table(blocks, "by_change")}
    assert by_change["shift 1"]["specialists"] == 2 and by_change["disjoint"]["specialists"] is None
    (picture,) = (b for b in blocks if isinstance(b, Picture) and b.name == "matrix")
    assert picture.drawing.names == ("flip", "jpeg 20", "noise 0.1", "noise 0.3", "shift 1")
    assert picture.drawing.values.shape == (5, 48) and ">noise 0.1</div>" in picture.drawing.html
    store.close()


def test_one_change_and_two_videos_say_what_cannot_be_concluded(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=4, dim=8, slices=2, side=2)
    values = draw_reactions(np.random.default_rng(0), 2, 4, 8)
    plant_reactions(store, [("flip", None)], values[:1])
    said = "\n".join(block.markdown for block in blocks_of(store) if isinstance(block, Text))
    assert "cannot be said: that needs two changes or more" in said
    assert "need two changes and 10 videos" in said
    plant_reactions(store, [("still", None)], values[1:])
    blocks = blocks_of(store)
    said = "\n".join(block.markdown for block in blocks if isinstance(block, Text))
    assert "cannot be said: 4 videos with every change, 5 are needed" in said
    assert all(row["low"] is None for row in table(blocks, "dimensions_changes"))
    store.close()
