"""What is measured of a pair, against plain NumPy in float64, on arrays and on tensors; and what must be exactly zero."""

from datetime import datetime

import numpy as np
import pytest
import torch

from tubelet.store.errors import MeasurementError
from tubelet.store.pairs.measurement import Side, measure
from tubelet.store.pairs.rows import DISJOINT, LIVE, REPEATED, SHIFTED, Pair, pair_rows
from tubelet.store.schema import MEASUREMENTS

AT = datetime(2026, 11, 1)
SHIFT = 2


def grids(slices=6, height=3, width=4, dim=10):
    """Two grids that share all but `SHIFT` slices, with a difference; the last dimension never varies, the first token of A is zero."""
    rng = np.random.default_rng(3)
    scale = rng.lognormal(0, 1, dim)
    a = rng.standard_normal((slices, height, width, dim)) * scale + 3
    b = np.concatenate(
        [a[SHIFT:], rng.standard_normal((SHIFT, height, width, dim)) * scale]
    ) + 0.1 * rng.standard_normal((slices, height, width, dim))
    a[SHIFT, 0, 0], a[..., -1], b[..., -1] = 0, 0.1, 0.1
    a[SHIFT, 0, 0, -1] = 0.1
    return a.astype(np.float32), b.astype(np.float32)


def plain(a, b, shift):
    """Everything again in float64, value by value."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    n = len(a) - shift
    difference = np.stack([b[k] - a[k + shift] for k in range(n)])
    mean_abs = np.abs(difference).mean(axis=(1, 2))
    std = np.concatenate([a, b]).reshape(-1, a.shape[-1]).std(axis=0)
    std[-1] = 0
    lengths_a, lengths_b = np.linalg.norm(a[shift:], axis=-1), np.linalg.norm(b[:n], axis=-1)
    l2 = np.linalg.norm(difference, axis=-1)
    cosine = np.einsum("shwd,shwd->shw", a[shift:], b[:n]) / (lengths_a * lengths_b)
    return {
        "sensitivity": {
            "mean_abs": mean_abs,
            "rms": np.sqrt((difference**2).mean(axis=(1, 2))),
            "mean_signed": difference.mean(axis=(1, 2)),
            "max_abs": np.abs(difference).max(axis=(1, 2)),
        },
        "dim_sensitivity": plain_by_dimension(difference, std),
        "slice_sensitivity": {
            "mean_abs": mean_abs.mean(axis=1),
            "relative": (mean_abs[:, :-1] / std[:-1]).mean(axis=1),
            "q25": np.quantile(mean_abs, 0.25, axis=1),
            "q50": np.median(mean_abs, axis=1),
            "q75": np.quantile(mean_abs, 0.75, axis=1),
            "token_cosine": cosine.mean(axis=(1, 2)),
            "relative_l2": (2 * l2 / (lengths_a + lengths_b)).mean(axis=(1, 2)),
        },
        "token_sensitivity": {"l2": l2, "cosine": cosine},
    }


def plain_by_dimension(difference, std):
    mean_abs, signed = np.abs(difference).mean(axis=(1, 2)), difference.mean(axis=(1, 2))
    edge = (mean_abs[0] + mean_abs[-1]) / 2
    middle = {4: [1, 2], 6: [2, 3], 1: [0], 2: [0, 1], 3: [1], 5: [1, 2, 3]}[len(mean_abs)]
    return {
        "first": mean_abs[0],
        "last": mean_abs[-1],
        "edge": edge,
        "middle": mean_abs[middle].mean(axis=0),
        "overall": mean_abs.mean(axis=0),
        "edge_signed": (signed[0] - signed[-1]) / 2,
        "pair_std": std,
        "relative_edge": np.append(edge[:-1] / std[:-1], np.nan),
    }


def pair(kind=SHIFTED, shift=SHIFT):
    return Pair(
        video_id="v" * 16,
        encoder_id="e",
        clip_a="a" * 16,
        clip_b="b" * 16,
        kind=kind,
        shift=shift,
        source=LIVE,
        precision="fp32",
    )


@pytest.mark.parametrize("shift", [0, 1, SHIFT, 3, 5])
@pytest.mark.parametrize("array", [np.asarray, torch.from_numpy])
def test_every_measurement_is_the_plain_one(array, shift):
    a, b = grids()
    tables = pair_rows(pair(shift=shift), measure(Side.of(array(a)), Side.of(array(b)), shift), AT)
    expected = plain(a, b, shift)
    for name, columns in expected.items():
        for column, values in columns.items():
            found = tables[name][column].to_numpy()
            np.testing.assert_allclose(
                found, values.ravel(), rtol=2e-5, atol=2e-6, err_msg=f"{name}.{column}"
            )


def test_rows_have_their_addresses():
    tables = pair_rows(pair(), measure(*map(Side.of, grids()), SHIFT), AT)
    assert set(tables) == {table.name for table in MEASUREMENTS}
    row = tables["sensitivity"].to_pylist()[27]
    assert (row["shared_slice"], row["slice_a"], row["slice_b"], row["dim"]) == (2, 4, 2, 7)
    assert tables["token_sensitivity"].to_pylist()[17] | {"l2": 0, "cosine": 0} == {
        "pair_id": pair().pair_id, "shared_slice": 1, "y": 1, "x": 1, "l2": 0, "cosine": 0,
    }  # fmt: skip
    (row,) = tables["pairs"].to_pylist()
    assert (row["shared_slices"], row["shift"], row["kind"], row["source"], row["precision"]) == (
        4,
        2,
        "shifted",
        "live",
        "fp32",
    )


@pytest.mark.parametrize("array", [np.asarray, torch.from_numpy])
def test_the_same_grid_twice_differs_by_exactly_nothing(array):
    a, _ = grids()
    tables = pair_rows(
        pair(REPEATED, 0), measure(Side.of(array(a)), Side.of(array(a.copy())), 0), AT
    )
    for name in ("mean_abs", "rms", "mean_signed", "max_abs"):
        assert (tables["sensitivity"][name].to_numpy() == 0).all()
    assert (tables["token_sensitivity"]["l2"].to_numpy() == 0).all()
    assert tables["pairs"]["shared_slices"].to_pylist() == [6]


def test_disjoint_windows_are_compared_position_by_position():
    a, b = grids()
    measured = measure(Side.of(a), Side.of(b), pair(DISJOINT, 9).offset)
    assert measured.mean_abs.shape == (6, 10)
    row = pair_rows(pair(DISJOINT, 9), measured, AT)["sensitivity"].to_pylist()[-1]
    assert (row["slice_a"], row["slice_b"]) == (5, 5)


def test_dimensions_that_never_vary_are_left_out_of_what_is_relative_and_zero_vectors_of_cosines():
    a = np.full((2, 1, 2, 3), 0.1, np.float32)
    tables = pair_rows(pair(shift=1), measure(Side.of(a), Side.of(a), 1), AT)
    assert tables["dim_sensitivity"]["pair_std"].to_pylist() == [0, 0, 0]
    assert tables["dim_sensitivity"]["relative_edge"].to_pylist() == [None, None, None]
    assert tables["slice_sensitivity"]["relative"].to_pylist() == [None]
    a[:, 0, 0] = 0
    tables = pair_rows(pair(shift=1), measure(Side.of(a), Side.of(a), 1), AT)
    assert tables["token_sensitivity"]["cosine"].to_pylist()[0] is None
    assert tables["slice_sensitivity"]["token_cosine"].to_pylist()[0] == pytest.approx(1)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_differences_that_are_not_finite_are_refused(value):
    a, b = grids()
    b[1, 0, 0, 0] = value
    with pytest.raises(MeasurementError, match="not finite"), np.errstate(all="ignore"):
        measure(Side.of(a), Side.of(b), SHIFT)


def test_grids_that_do_not_fit_are_refused():
    a, b = grids()
    for other, shift in ((b[:, :2], 1), (b, 6), (b, -1)):
        with pytest.raises(ValueError, match="one shape"):
            measure(Side.of(a), Side.of(other), shift)
