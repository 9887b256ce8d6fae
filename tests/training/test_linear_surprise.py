"""Linear maps from the slices before: exact where the world is linear, and surprised when an object behind a bar does not come out."""

import numpy as np
import pytest
import torch

from tests.benchmarks.expectation import load_encode
from tests.calm_linear import fit_linear
from tests.calm_scenes import SceneTokens, encode_scenes, judge_scene, make_calm_scenes
from tubelet.store.intervals import share
from tubelet.training.scenes.events import make_event
from tubelet.training.scenes.photographs import generate_leaves

SEEDS = range(16)


def shift_noise(scenes: int, generator: torch.Generator) -> torch.Tensor:
    """Scenes (n, 12, 3, 5, 4) of two kinds: noise that moves by one column per slice and comes back, and the same with a wall in the middle."""
    first = torch.randn(scenes, 1, 3, 5, 4, generator=generator)
    tokens = torch.cat([first.roll(step, 3) for step in range(12)], 1)
    tokens[::2, :, :, 2] = 3.0
    return tokens


def test_linear_motion_is_foreseen_even_behind_a_wall():
    generator = torch.Generator().manual_seed(0)
    model = fit_linear(SceneTokens(list(shift_noise(400, generator))))
    assert model.explained > 0.99
    wrong = shift_noise(2, generator)
    wrong[:, 9:] = wrong[:, 8:9]  # it stops
    for scene in wrong:
        for context in (4, model.block):
            found = model.surprise(scene, context)
            curve = found.standard.mean((1, 2))
            assert found.first == context and found.l1.shape == (12 - context, 3, 5)
            assert context + int(curve.argmax()) == 9 and found.copy_squared[9 - context].max() == 0


@pytest.mark.long
def test_an_object_that_does_not_come_out_surprises_where_a_copy_sees_nothing():
    encode = load_encode("toy")
    model = fit_linear(encode_scenes(make_calm_scenes(900), encode))
    pictures = generate_leaves(np.random.default_rng(7), 12)
    judged = [judge_scene(model, encode, make_event("vanish", seed, pictures)) for seed in SEEDS]
    found, copied = (sum(one.is_found(name) for one in judged) for name in ("local", "copy_local"))
    assert share(found, len(SEEDS))[1] > 3 / 12, "not by chance: 3 of 12 slices are near enough"
    assert found >= copied + 6
