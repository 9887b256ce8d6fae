"""Models of a basis on plain arrays: components, layouts, thresholds and colors, against scikit-learn and by hand."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tests.commands import environment
from tubelet.latent import (
    clusters,
    colors,
    foreground,
    half,
    linear,
    manifold,
)
from tubelet.latent.clips import Clip


def test_every_half_precision_number_is_widened_exactly():
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    assert np.array_equal(half.widen(finite), finite.astype(np.float32))
    assert np.array_equal(half.widen(every), every.astype(np.float32), equal_nan=True)


@pytest.mark.parametrize(
    ("tokens", "dim", "components"), [(500, 24, 24), (700, 200, 5), (300, 1664, 8), (40, 64, 16)]
)
def test_pca_is_scikit_learns_with_its_signs_turned_our_way(tokens, dim, components):
    rng = np.random.default_rng(dim)
    vectors = (rng.standard_normal((tokens, dim)) * rng.lognormal(0, 1, dim) + 50).astype(
        np.float32
    )
    ours, variance = linear.pca(vectors, components)
    theirs = PCA(components, svd_solver="full").fit(vectors.astype(np.float64))
    agreement = np.einsum("kd,kd->k", ours.components, theirs.components_)
    assert np.allclose(np.abs(agreement), 1, atol=1e-4)
    assert np.allclose(
        ours.transform(vectors),
        theirs.transform(vectors) * np.sign(agreement),
        atol=2e-3 * vectors.std(),
    )
    assert np.allclose(variance.explained, theirs.explained_variance_, rtol=1e-4)
    assert np.isclose(
        variance.total, vectors.astype(np.float64).var(axis=0, ddof=1).sum(), rtol=1e-5
    )
    assert (
        ours.components[np.arange(components), np.abs(ours.components).argmax(axis=1)] > 0
    ).all()


def test_umap_lays_out_no_more_than_a_draw_and_keeps_the_rest_beside_their_neighbors(monkeypatch):
    monkeypatch.setattr(manifold, "LAID_OUT", 300)
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(6), 150)
    vectors = (rng.standard_normal((6, 60))[groups] * 8 + rng.standard_normal((900, 60))).astype(
        np.float32
    )
    fitted, _ = manifold.umap(vectors, 3, 15, seed=0)
    assert fitted.coordinates.shape == (300, 3)
    placed = fitted.transform(vectors)
    middles = np.stack([placed[groups == g].mean(axis=0) for g in range(6)])
    nearest = np.linalg.norm(placed[:, None] - middles, axis=2).argmin(axis=1)
    assert np.mean(nearest == groups) > 0.99


THREADS_AROUND_UMAP = """
import numpy as np, torch
from tubelet.latent import manifold
before = torch.get_num_threads()
manifold.umap(np.random.default_rng(0).standard_normal((100, 8), np.float32), 2, 5, seed=0)
print(before, torch.get_num_threads())
"""


def test_umap_leaves_torch_its_number_of_threads_on_which_last_digits_depend():
    words = [sys.executable, "-c", THREADS_AROUND_UMAP]
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), check=True)
    assert done.stdout.split() == ["1", "1"]


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_foreground_is_the_side_that_keeps_from_the_border(sign):
    rng = np.random.default_rng(0)
    y, x = np.indices((20, 20)).reshape(2, -1)
    inside = (abs(y - 9) < 5) & (abs(x - 11) < 5)
    vectors = (
        rng.standard_normal((400, 30)) * 0.2 + sign * inside[:, None] * np.linspace(-1, 2, 30)
    ).astype(np.float32)
    border = (y % 19 == 0) | (x % 19 == 0)
    assert np.array_equal(foreground.first_component(vectors, border).mask(vectors), inside)


def test_otsu_parts_two_heaps_in_the_middle():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, 900), rng.normal(10, 1, 100)])
    assert 3 < foreground.otsu(values) < 7
    levels = np.linspace(values.min(), values.max(), 2000)[1:-1]
    within = [
        values[values <= t].var() * (values <= t).sum()
        + values[values > t].var() * (values > t).sum()
        for t in levels
    ]
    level = foreground.otsu(values)
    assert (
        values[values <= level].var() * (values <= level).sum()
        + values[values > level].var() * (values > level).sum()
        <= min(within) * 1.01
    )


def test_colors_span_the_quantiles_and_leave_gray_what_is_not_defined():
    rng = np.random.default_rng(0)
    coordinates = rng.standard_normal((5000, 2)).astype(np.float32)
    coordinates[0] = 1e6
    limits = colors.ranges(coordinates)
    assert np.allclose(limits, np.quantile(coordinates, (0.005, 0.995), axis=0).T)
    pixels = colors.to_rgb(coordinates, limits, (0, None, 1))
    assert pixels[0].tolist() == [255, 128, 255] and (pixels[:, 1] == 128).all()
    expected = np.clip(
        (coordinates[1] - limits[:, 0]) / (limits[:, 1] - limits[:, 0]) * 255, 0, 255
    )
    assert np.abs(pixels[1, [0, 2]] - expected).max() <= 0.51
    assert colors.to_rgb(np.array([[np.nan, 0.0]]), np.array([[0.0, 1], [3, 3]])).tolist() == [
        [128, 128, 128]
    ]


def test_tokens_that_are_not_finite_are_left_out_and_dimensions_that_are_constant_do_no_harm():
    rng = np.random.default_rng(0)
    grid = rng.standard_normal((3, 4, 4, 8)).astype(np.float16)
    grid[..., 5] = 1
    whole, _ = linear.pca(half.widen(grid.reshape(-1, 8)), 8)
    assert np.allclose(whole.components[:7, 5], 0, atol=1e-5)
    grid[1, 2, 3, 0], grid[2, 0, 0, 1] = np.nan, np.inf
    basis = linear_basis(grid)
    coordinates = basis.coordinates(Clip("c", "v", "e", grid))
    undefined = np.isnan(coordinates).all(axis=-1)
    assert undefined.sum() == 2 and undefined[1, 2, 3] and undefined[2, 0, 0]
    numbers = clusters.kmeans(half.widen(grid[0].reshape(-1, 8)), 3, 0).transform(
        half.widen(grid[1].reshape(-1, 8))
    )
    assert np.isnan(numbers[11, 0]) and np.isnan(numbers).sum() == 1


def linear_basis(grid):
    """A basis on the finite tokens of a grid, made without a store."""
    from tubelet.latent.basis import Basis
    from tubelet.latent.preparation import Preparation

    tokens = half.widen(grid.reshape(-1, grid.shape[-1]))
    model, variance = linear.pca(tokens[np.isfinite(tokens).all(axis=1)], 3)
    return Basis(
        basis_id="b",
        encoder_id="e",
        kind="pca",
        scope="clip",
        scope_id="c",
        parameters={},
        preparation=Preparation(),
        foreground=None,
        model=model,
        limits=np.zeros((3, 2), np.float32),
        explained=variance.explained,
        total=variance.total,
        tokens=1,
        clip_ids=("c",),
    )
