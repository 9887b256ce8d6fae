"""Every token statistic against a plain loop, on NumPy arrays and on torch tensors."""

import math

import numpy as np
import pytest
import torch

from tubelet.store.disk.derived import clip_rows
from tubelet.store.schema import SLICE_STATS, TOKEN_STATS
from tubelet.store.statistics import (
    TOKEN_STATISTICS,
    Statistic,
    dimension_statistics,
    token_statistics,
)


def cosine(a, b):
    return float(a @ b / np.sqrt(a @ a) / np.sqrt(b @ b))


def deviations(vector):
    return vector - sum(vector) / len(vector)


def neighbors(grid, s, y, x):
    """The tokens above, below, left and right of one, where the grid has them."""
    _, height, width, _ = grid.shape
    return [
        grid[s, y + dy, x + dx]
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))
        if 0 <= y + dy < height and 0 <= x + dx < width
    ]


# The statistics of one token of a float64 grid, as their meaning says: a new statistic needs a row here, too.
PLAIN = {
    "norm": lambda grid, s, y, x: math.sqrt(sum(v * v for v in grid[s, y, x])),
    "mean": lambda grid, s, y, x: sum(grid[s, y, x]) / grid.shape[3],
    "std": lambda grid, s, y, x: math.sqrt(
        sum(d * d for d in deviations(grid[s, y, x])) / grid.shape[3]
    ),
    "kurtosis": lambda grid, s, y, x: (
        (deviations(grid[s, y, x]) ** 4).mean() / (deviations(grid[s, y, x]) ** 2).mean() ** 2
    ),
    "previous_cosine": lambda grid, s, y, x: (
        cosine(grid[s, y, x], grid[s - 1, y, x]) if s else math.nan
    ),
    "neighbour_cosine": lambda grid, s, y, x: np.mean(
        [cosine(grid[s, y, x], other) for other in neighbors(grid, s, y, x)]
    ),
}


@pytest.fixture(scope="module")
def grid():
    return np.random.default_rng(3).normal(0.3, 2, (3, 4, 5, 24)).astype(np.float32)


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize("name", TOKEN_STATISTICS)
def test_every_statistic_equals_a_plain_loop(grid, convert, name):
    refuse_unequal(TOKEN_STATISTICS[name], convert(grid), grid)


def refuse_unequal(statistic, given, grid):
    """A statistic is a number per token, in the grid's precision, and that of its plain loop."""
    assert statistic.name in PLAIN, f"write what {statistic.name} of one token is as a row of PLAIN"
    values = np.asarray(statistic.compute(given))
    assert (values.shape, values.dtype) == (grid.shape[:3], grid.dtype)
    exact = grid.astype(np.float64)
    for s, y, x in np.ndindex(grid.shape[:3]):
        expected = PLAIN[statistic.name](exact, s, y, x)
        assert values[s, y, x] == pytest.approx(expected, rel=2e-4, abs=1e-5, nan_ok=True), (
            f"{statistic.name} of the token at slice {s}, row {y}, column {x} is not what its row of PLAIN says"
        )


@pytest.mark.parametrize(
    "name, compute",
    [
        ("peak", lambda grid: grid.max(axis=-1)),
        ("norm", lambda grid: np.abs(grid).sum(axis=-1)),
        ("norm", lambda grid: np.linalg.norm(grid, axis=-1).mean(axis=(1, 2))),
        ("norm", lambda grid: np.linalg.norm(grid.astype(np.float64), axis=-1)),
    ],
    ids=["no loop", "another number", "per slice", "another precision"],
)
def test_a_wrong_statistic_is_noticed(grid, name, compute):
    with pytest.raises(AssertionError):
        refuse_unequal(Statistic(name, "made up", "", compute), grid, grid)


def test_all_statistics_are_computed_at_once(grid):
    assert set(token_statistics(grid)) == set(TOKEN_STATISTICS)


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_dimension_statistics_are_over_the_patches_of_a_slice(grid, convert):
    values = {
        name: np.asarray(value) for name, value in dimension_statistics(convert(grid)).items()
    }
    tokens = grid.reshape(3, 20, 24)
    for name, expected in {
        "dim_mean": tokens.mean(1),
        "dim_std": tokens.std(1),
        "dim_min": tokens.min(1),
        "dim_max": tokens.max(1),
    }.items():
        assert np.allclose(values[name], expected, atol=1e-5), name


def test_what_is_not_defined_is_null_and_does_not_spoil_a_mean():
    grid = np.zeros((2, 1, 1, 8), np.float32)  # zero vectors, no neighbors
    with np.errstate(all="ignore"):
        statistics = token_statistics(grid)
    rows = clip_rows(
        "00000000deadbeef", statistics, dimension_statistics(grid), grid.astype(np.float16)
    )
    assert rows["token_stats"]["neighbour_cosine"].null_count == 2
    assert rows["token_stats"]["norm"].to_pylist() == [0, 0]
    assert rows["slice_stats"]["previous_cosine"].null_count == 2


def test_slice_statistics_are_means_over_the_defined_patches(grid):
    statistics = token_statistics(grid)
    rows = clip_rows(
        "00000000deadbeef", statistics, dimension_statistics(grid), grid.astype(np.float16)
    )["slice_stats"].to_pylist()
    assert rows[0]["previous_cosine"] is None
    assert rows[2]["previous_cosine"] == pytest.approx(
        statistics["previous_cosine"][2].mean(), rel=1e-5
    )
    assert rows[1]["norm"] == pytest.approx(statistics["norm"][1].mean(), rel=1e-5)


def test_a_statistic_has_a_column_with_its_meaning():
    for table in (TOKEN_STATS, SLICE_STATS):
        assert {c.name for c in table.columns} >= set(TOKEN_STATISTICS)
        assert all(c.meaning for c in table.columns)


def test_samples_are_the_same_everywhere_and_drawn_once_each(grid):
    half = grid.astype(np.float16)
    names = "00000000deadbeef", "00000000deadbeef", "1111111100000000"
    made = [
        clip_rows(name, token_statistics(grid), dimension_statistics(grid), half)["token_samples"]
        for name in names
    ]
    assert made[0] == made[1]
    addresses = list(zip(*(made[0][name].to_pylist() for name in ("slice", "y", "x"))))
    assert len(set(addresses)) == len(addresses) == 32
    assert addresses != list(zip(*(made[2][name].to_pylist() for name in ("slice", "y", "x"))))
    first = addresses[0]
    assert np.frombuffer(made[0]["embedding"][0].as_py(), "<f2").tolist() == half[first].tolist()
