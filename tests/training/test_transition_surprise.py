"""Surprise of a transition model: errors by hand, and a model that learned calm scenes alone tells when something happens in others."""

import numpy as np
import pytest
import torch

from tests.benchmarks.expectation import load_encode
from tests.calm_scenes import encode_scenes, fit_transition, judge_scene, make_calm_scenes
from tubelet.store.intervals import share
from tubelet.training.fitting.errors import FitError
from tubelet.training.fitting.scaling import Scaling
from tubelet.training.scenes.events import make_event
from tubelet.training.scenes.photographs import generate_leaves
from tubelet.training.transition.network import NetworkShape, SliceTransformer
from tubelet.training.transition.options import TransitionOptions
from tubelet.training.transition.surprise import measure_surprise, measure_usual_errors

SIZE = {"frames": 24, "side": 96}
SMALL = TransitionOptions(block=4, width=48, depth=1, steps=240, rate=4e-3, device="cpu")
SEEDS = range(10)


def test_a_model_that_is_a_copy_is_surprised_by_every_change_as_a_copy_is():
    """An unfitted model copies: errors are differences of neighboring slices, in standard deviations."""
    network = SliceTransformer(NetworkShape(dim=3, width=8, depth=1, heads=1, block=2, side=2))
    scaling = Scaling(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 4.0]))
    tokens = torch.randn(13, 2, 2, 3, generator=torch.Generator().manual_seed(0))
    found = measure_surprise(network.eval(), scaling, tokens, context=2)
    by_hand = (tokens[2:] - tokens[1:-1]).abs() / scaling.std
    assert found.first == 2 and found.l1.shape == (11, 2, 2)
    assert torch.allclose(found.copy_l1, by_hand.mean(-1), atol=1e-6)
    assert torch.allclose(found.l1, found.copy_l1, atol=1e-6)
    assert torch.equal(found.standard, found.squared)


def test_standard_errors_are_one_on_average_where_they_are_as_usual():
    """Each dimension counts as much as another, however badly it is predicted; a shift of one dimension by ten usual errors adds 100 / 3."""
    network = SliceTransformer(NetworkShape(dim=3, width=8, depth=1, heads=1, block=2, side=2))
    scaling = Scaling(torch.zeros(3), torch.ones(3))
    noise = torch.randn(2000, 2, 2, 3, generator=torch.Generator().manual_seed(0))
    tokens = noise * torch.tensor([1.0, 0.1, 0.01])
    usual = measure_usual_errors(network.eval(), scaling, [tokens[:1000]], context=2)
    assert torch.allclose(usual.ours, torch.tensor([2.0, 0.02, 0.0002]), rtol=0.1)
    calm = measure_surprise(network, scaling, tokens[1000:], 2, usual)
    assert calm.standard.mean() == pytest.approx(1, abs=0.05)
    tokens[1500:, ..., 2] += 10 * usual.ours[2].sqrt()
    shifted = measure_surprise(network, scaling, tokens[1000:], 2, usual).standard - calm.standard
    assert shifted[498].mean() == pytest.approx(100 / 3, abs=8) and shifted[499:].abs().max() < 0.01
    assert shifted[:498].abs().max() == 0
    with pytest.raises(FitError, match="no clip"):
        measure_usual_errors(network, scaling, [], context=2)


@pytest.mark.parametrize(("context", "slices"), [(0, 5), (3, 5), (2, 2)])
def test_a_context_that_the_model_does_not_see_or_that_leaves_nothing_is_refused(context, slices):
    network = SliceTransformer(NetworkShape(dim=3, width=8, depth=1, heads=1, block=2, side=2))
    scaling = Scaling(torch.zeros(3), torch.ones(3))
    with pytest.raises(FitError, match=f"a context of {context} slices: .* up to 2, .* {slices}"):
        measure_surprise(network, scaling, torch.zeros(slices, 2, 2, 3), context)


def test_a_model_of_calm_scenes_tells_when_an_object_jumps_or_changes_color_over_other_pictures():
    encode = load_encode("toy")
    model = fit_transition(encode_scenes(make_calm_scenes(128, **SIZE), encode), SMALL)
    pictures = generate_leaves(np.random.default_rng(7), 12)

    def judge(event: str):
        return [judge_scene(model, encode, make_event(event, n, pictures, **SIZE)) for n in SEEDS]

    calm = judge("steady")
    for event in ("teleport", "color"):
        judged = judge(event)
        found = sum(one.is_found("standard") for one in judged)
        assert share(found, len(SEEDS))[1] > 3 / 8, "not by chance: 3 of 8 slices are near enough"
        assert found >= 9, event
        higher = sum(a.is_higher_than(b, "standard") for a, b in zip(judged, calm))
        assert higher >= 9, f"{event}: the peak is no higher than in the same scenes without it"
    assert (
        np.mean([one.read_curve("l1").mean() / one.read_curve("copy_l1").mean() for one in calm])
        < 0.9
    )
    assert np.mean([one.compare_peak("l1") for one in calm]) < 1.5
