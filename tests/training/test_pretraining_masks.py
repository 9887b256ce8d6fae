"""The masks of pretraining: they split the tokens, keep the shares that Meta's own keep, and know how far the targets are."""

import numpy as np
import pytest
import torch
from conftest import shared

from tubelet.training.pretraining import token_masks
from tubelet.training.pretraining.token_masks import sample_masks


@pytest.mark.parametrize("kind", token_masks.KINDS)
@pytest.mark.parametrize("grid", [(2, 4, 4), (8, 14, 14), (1, 14, 14)])
def test_every_mask_splits_the_tokens_into_context_and_targets(kind, grid):
    if kind == "future" and grid[0] == 1:
        pytest.skip("an image has no future")
    found = sample_masks(kind, np.random.default_rng(0), grid, 1)
    both = torch.cat([found.context[0], found.targets[0]])
    assert sorted(both.tolist()) == list(range(np.prod(grid)))
    batch = sample_masks(kind, np.random.default_rng(1), grid, 5)
    for context, targets in zip(batch.context, batch.targets):
        assert not set(context.tolist()) & set(targets.tolist()) and len(
            set(context.tolist())
        ) == len(context)


@pytest.mark.parametrize(
    ("kind", "kept", "within"), [("short", 0.39, 0.04), ("long", 0.19, 0.04), ("image", 0.33, 0.04)]
)
def test_block_masks_keep_the_share_that_metas_generator_keeps(kind, kept, within):
    grid = (1, 16, 16) if kind == "image" else (8, 16, 16)
    generator = np.random.default_rng(0)
    shares = [
        sample_masks(kind, generator, grid, 1).context.shape[1] / np.prod(grid) for _ in range(200)
    ]
    assert np.mean(shares) == pytest.approx(
        kept, abs=within
    )  # the means of VJEPA.md, 300 draws of Meta's own generator


@pytest.mark.parametrize("kind", ["short", "long", "image"])
def test_metas_own_masks_are_tubes_of_the_same_share(kind):
    arrays = np.load(shared("golden") / "masks.npz")
    spread = {"short": (0.2, 0.6), "long": (0.02, 0.35), "image": (0.15, 0.5)}[kind]
    slices = 1 if kind == "image" else 8
    for call in range(3):
        context = arrays[f"{kind}/call{call}/enc"]
        assert spread[0] < context.shape[1] / (slices * 256) < spread[1]
        ours = sample_masks(kind, np.random.default_rng(call), (slices, 16, 16), 2).context
        for ids in (
            context[0],
            ours[0].numpy(),
        ):  # the same patches in every slice that was not cut
            first = set(ids[ids < 256].tolist())
            assert set((ids[ids < 256 * (slices - 1)] % 256).tolist()) <= first


def test_the_future_hides_the_last_slices_and_shows_all_or_half_of_those_before():
    shares, lasts = set(), set()
    for seed in range(12):
        future = sample_masks("future", np.random.default_rng(seed), (8, 14, 14), 1)
        last = int(future.context.max()) // 196
        assert set(range((last + 1) * 196, 8 * 196)) <= set(future.targets[0].tolist())
        shares.add(round(future.context.shape[1] / ((last + 1) * 196), 1))
        lasts.add(last)
    assert shares == {0.5, 1.0} and lasts == {3, 4, 5, 6}


def test_scatter_gives_each_slice_its_own():
    scatter = sample_masks("scatter", np.random.default_rng(0), (2, 14, 14), 1).context[0]
    assert set(scatter[scatter < 196].tolist()) != set((scatter[scatter >= 196] - 196).tolist())


def test_distances_to_the_nearest_target():
    found = token_masks.distances(
        token_masks.Masks(torch.tensor([[0, 3]]), torch.tensor([[1, 2]]), (1, 2, 3))
    )
    assert found[0].tolist() == pytest.approx([1.0, 2**0.5])
