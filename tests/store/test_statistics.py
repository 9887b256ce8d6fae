"""Every token statistic against a plain loop, on NumPy arrays and on torch tensors."""

import numpy as np
import pytest
import torch

from tubelet.store.disk.derived import clip_rows
from tubelet.store.schema import SLICE_STATS, TOKEN_STATS
from tubelet.store.statistics import TOKEN_STATISTICS, dimension_statistics, token_statistics


def cosine(a, b):
    return float(a @ b / np.sqrt(a @ a) / np.sqrt(b @ b))


def plain(grid, s, y, x):
    """The statistics of one token, as their meaning says."""
    vector = grid[s, y, x].astype(np.float64)
    inside = [(y + dy, x + dx) for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)) if 0 <= y + dy < grid.shape[1] and 0 <= x + dx < grid.shape[2]]
    deviations = vector - vector.mean()
    return {
        "norm": np.sqrt(vector @ vector),
        "mean": vector.mean(),
        "std": np.sqrt((deviations**2).mean()),
        "kurtosis": (deviations**4).mean() / (deviations**2).mean() ** 2,
        "previous_cosine": cosine(vector, grid[s - 1, y, x].astype(np.float64)) if s else np.nan,
        "neighbour_cosine": np.mean([cosine(vector, grid[s, j, i].astype(np.float64)) for j, i in inside]),
    }


@pytest.fixture(scope="module")
def grid():
    return np.random.default_rng(3).normal(0.3, 2, (3, 4, 5, 24)).astype(np.float32)


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_every_statistic_equals_a_plain_loop(grid, convert):
    values = {name: np.asarray(value) for name, value in token_statistics(convert(grid)).items()}
    assert set(values) == set(TOKEN_STATISTICS)
    for s, y, x in np.ndindex(grid.shape[:3]):
        for name, expected in plain(grid, s, y, x).items():
            assert values[name][s, y, x] == pytest.approx(expected, rel=2e-4, abs=1e-5, nan_ok=True), (name, s, y, x)


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_dimension_statistics_are_over_the_patches_of_a_slice(grid, convert):
    values = {name: np.asarray(value) for name, value in dimension_statistics(convert(grid)).items()}
    tokens = grid.reshape(3, 20, 24)
    for name, expected in {"mean": tokens.mean(1), "std": tokens.std(1), "min": tokens.min(1), "max": tokens.max(1)}.items():
        assert np.allclose(values[name], expected, atol=1e-5), name


def test_what_is_not_defined_is_null_and_does_not_spoil_a_mean():
    grid = np.zeros((2, 1, 1, 8), np.float32)  # zero vectors, no neighbors
    with np.errstate(all="ignore"):
        statistics = token_statistics(grid)
    rows = clip_rows("00000000deadbeef", statistics, dimension_statistics(grid), grid.astype(np.float16))
    assert rows["token_stats"]["neighbour_cosine"].null_count == 2
    assert rows["token_stats"]["norm"].to_pylist() == [0, 0]
    assert rows["slice_stats"]["previous_cosine"].null_count == 2


def test_slice_statistics_are_means_over_the_defined_patches(grid):
    statistics = token_statistics(grid)
    rows = clip_rows("00000000deadbeef", statistics, dimension_statistics(grid), grid.astype(np.float16))["slice_stats"].to_pylist()
    assert rows[0]["previous_cosine"] is None
    assert rows[2]["previous_cosine"] == pytest.approx(statistics["previous_cosine"][2].mean(), rel=1e-5)
    assert rows[1]["norm"] == pytest.approx(statistics["norm"][1].mean(), rel=1e-5)


def test_a_statistic_has_a_column_with_its_meaning():
    for table in (TOKEN_STATS, SLICE_STATS):
        assert {c.name for c in table.columns} >= set(TOKEN_STATISTICS)
        assert all(c.meaning for c in table.columns)


def test_samples_are_the_same_everywhere_and_drawn_once_each(grid):
    half = grid.astype(np.float16)
    names = "00000000deadbeef", "00000000deadbeef", "1111111100000000"
    made = [clip_rows(name, token_statistics(grid), dimension_statistics(grid), half)["token_samples"] for name in names]
    assert made[0] == made[1]
    addresses = list(zip(*(made[0][name].to_pylist() for name in ("slice", "y", "x"))))
    assert len(set(addresses)) == len(addresses) == 32
    assert addresses != list(zip(*(made[2][name].to_pylist() for name in ("slice", "y", "x"))))
    first = addresses[0]
    assert np.frombuffer(made[0]["embedding"][0].as_py(), "<f2").tolist() == half[first].tolist()
