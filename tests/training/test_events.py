"""Scenes with an event: pixels are as they should be up to the moment and not from it on; the box's encoder notices those that it can."""

import numpy as np
import pytest
import torch

from tests.benchmarks.surprise import is_found, load_networks, read_curve
from tubelet.ingest.arguments import DEFAULT_ENCODER
from tubelet.ingest.prediction.contexts import SurpriseMeter, list_tasks
from tubelet.training.scenes.events import EVENTS, make_event
from tubelet.training.scenes.photographs import generate_pictures

FRAMES, SIDE, SEEDS = 24, 96, 2


@pytest.fixture(scope="module")
def pictures() -> list[torch.Tensor]:
    return generate_pictures(np.random.default_rng(1), 4)


def steps(frames: torch.Tensor) -> np.ndarray:
    """How much each frame differs from the one before it."""
    return frames.float().diff(dim=0).abs().mean((1, 2, 3)).numpy()


@pytest.mark.parametrize("event", EVENTS)
def test_a_scene_is_the_same_for_the_same_seed_and_its_moment_is_a_frame_of_it(event, pictures):
    scene, again = (make_event(event, 3, pictures, FRAMES, SIDE) for _ in range(2))
    assert scene.frames.shape == (FRAMES, 3, SIDE, SIDE) and scene.frames.dtype == torch.uint8
    assert torch.equal(scene.frames, again.frames) and scene.frame == again.frame
    assert (scene.frame is None) is (event in ("steady", "hidden"))
    assert scene.frame is None or 8 <= scene.frame < FRAMES


@pytest.mark.parametrize("event", ["teleport", "color"])
def test_pixels_change_most_at_the_moment(event, pictures):
    for seed in range(4):
        scene = make_event(event, seed, pictures, FRAMES, SIDE)
        changes = steps(scene.frames)
        assert int(changes.argmax()) + 1 == scene.frame
        assert changes.max() > 1.3 * np.median(changes)


def test_nothing_happens_where_nothing_should(pictures):
    scene = make_event("steady", 3, pictures, FRAMES, SIDE)
    assert steps(scene.frames).max() < 1.3 * np.median(steps(scene.frames))


def test_behind_the_bar_the_object_comes_out_or_does_not(pictures):
    gone, back = (make_event(event, 5, pictures, FRAMES, SIDE) for event in ("vanish", "hidden"))
    assert gone.frame is not None
    alike = (gone.frames == back.frames).flatten(1).all(1).numpy()
    assert alike[: gone.frame].all() and not alike[gone.frame + 1 :].any()
    assert not steps(gone.frames)[gone.frame :].any(), "only the background is left"


def test_the_second_half_runs_backwards(pictures):
    scene = make_event("reverse", 1, pictures, FRAMES, SIDE)
    assert torch.equal(scene.frames, scene.frames.flip(0)) and scene.frame == FRAMES // 2


def test_the_encoder_in_the_box_notices_a_jump_and_a_new_color_and_is_calm_without(pictures):
    """Not what only a lasting memory of the object tells: docs/prediction.md has the figures of every event."""
    meter = SurpriseMeter(load_networks(DEFAULT_ENCODER), 2)
    tasks = list_tasks(4, 1, FRAMES // 2)
    for event in ("teleport", "color"):
        for seed in range(SEEDS):
            scene = make_event(event, seed, pictures, FRAMES, SIDE)
            measured = list(meter.measure(scene.frames, tasks))
            assert all(is_found(scene, measured, name) for name in ("l1", "cosine")), (event, seed)
    calm = list(meter.measure(make_event("steady", 0, pictures, FRAMES, SIDE).frames, tasks))
    curve = read_curve(calm, "l1")
    assert curve.max() < 1.1 * np.median(curve)
