"""Generated scenes: the object is where, as large and as lit as its motion says, and photographs are read from where they are."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests.tiers import thin
from tests.videos import make_video
from tubelet.ingest.errors import UsageError
from tubelet.ingest.flow import displacements
from tubelet.training.scenes import hard, motion, occlusion, outlines, photographs, scene


def gray(level: float, frames: int = 8, side: int = 128) -> torch.Tensor:
    return torch.full((frames, 3, side, side), float(level))


def disc(side: int = 40, level: float = 200.0) -> scene.Sprite:
    return scene.Sprite(torch.full((3, side, side), level), outlines.disc(side))


def center_of(mask: torch.Tensor) -> np.ndarray:
    return mask.nonzero().double().mean(0).numpy() + 0.5


def test_the_mask_lies_around_the_center_and_grows_with_the_scale():
    path = np.linspace([40.3, 30.8], [70.1, 95.2], 8)
    found = scene.compose(
        gray(50),
        [
            (
                disc(),
                motion.Motion(path, np.linspace(0, 2, 8), np.linspace(1, 1.5, 8), np.ones((8, 3))),
            )
        ],
    )
    for frame, mask in enumerate(found.masks):
        assert np.abs(center_of(mask) - path[frame]).max() < 0.3
        assert mask.sum() == pytest.approx(
            np.pi * (20 * np.linspace(1, 1.5, 8)[frame]) ** 2, rel=0.04
        )
    assert (found.frames[:, :, 0, 0] == 50).all() and (found.frames[0, :, 40, 30] == 200).all()


def test_a_texture_turns_with_its_object_as_a_camera_would_see_it():
    texture = torch.zeros(3, 41, 41)
    texture[:, 18:23, 30:35] = 255.0  # a spot to the right of the center
    quarter = motion.Motion(
        np.full((2, 2), 64.0), np.array([0.0, np.pi / 2]), np.ones(2), np.ones((2, 3))
    )
    found = scene.compose(gray(0, 2), [(scene.Sprite(texture, outlines.disc(41)), quarter)])
    right, turned = (center_of(frame[0] > 100) for frame in found.frames)
    assert right == pytest.approx([64, 76], abs=1) and turned == pytest.approx(
        [76, 64], abs=1
    )  # clockwise on the screen, y points down


def test_light_changes_colors_and_leaves_the_background():
    light = np.stack([np.ones(3), np.array([0.5, 1.0, 1.25])])
    found = scene.compose(
        gray(80, 2),
        [(disc(), motion.Motion(np.full((2, 2), 64.0), np.zeros(2), np.ones(2), light))],
    )
    assert found.frames[:, :, 64, 64].tolist() == [[200, 200, 200], [100, 200, 250]]
    assert (found.frames[:, :, 5, 5] == 80).all()


def test_masks_and_motion_are_those_of_the_last_object_and_an_object_may_leave_the_picture():
    outside = motion.plain(np.linspace([64.0, 120.0], [64.0, 160.0], 8))
    found = scene.compose(
        gray(10), [(disc(level=100.0), motion.plain(np.full((8, 2), 64.0))), (disc(), outside)]
    )
    assert (
        found.masks[0].any()
        and not found.masks[-1].any()
        and (found.frames[:, 0, 64, 64] == 100).all()
    )


def test_paths_stay_inside_and_straight_ones_go_their_way():
    generator = np.random.default_rng(0)
    for _ in range(20):
        path = motion.wandering(generator, 50, 224, 40, 7)
        assert (
            path.min() >= 40
            and path.max() <= 184
            and np.linalg.norm(np.diff(path, axis=0), axis=1).max() <= 7.001
        )
    for direction in range(motion.DIRECTIONS):
        steps = np.diff(motion.straight(generator, 8, 224, 40, 5.0, direction), axis=0)
        angle = np.arctan2(steps[:, 0], steps[:, 1]) % (2 * np.pi)
        assert np.allclose(angle, direction * np.pi / 4) and np.allclose(
            np.linalg.norm(steps, axis=1), 5
        )


def test_displacements_are_those_of_a_picture_that_moves():
    generator = np.random.default_rng(0)
    picture = photographs.generate_pictures(generator, 1)[0].float()
    for x, y in ((2, 0), (0, -3), (2, 1)):
        frames = torch.stack(
            [torch.roll(picture, (y * t, x * t), (1, 2))[:, 32:288, 32:288] for t in range(4)]
        )
        found = displacements(frames, 16)
        assert found.shape == (4, 16, 16, 2)
        assert found.mean((0, 1, 2)).tolist() == pytest.approx([x, y], abs=0.7)
    assert displacements(picture.expand(4, -1, -1, -1), 16).abs().max() == 0


def test_photographs_come_from_folders_and_videos_and_what_is_none_is_passed_over(tmp_path):
    with pytest.raises(UsageError, match="no picture below"):
        photographs.load_folder(tmp_path)
    Image.new("RGB", (700, 400), "red").save(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(b"none")
    (picture,) = photographs.load_folder(tmp_path)
    assert picture.shape == (3, 320, 560) and (picture[0] == 255).all()
    frames = photographs.load_videos(
        [make_video(tmp_path / "v.mp4", frames=60), tmp_path / "b.jpg"], each=2
    )
    assert len(frames) == 2 and min(frames[0].shape[1:]) == 320


@pytest.mark.parametrize("seed", range(4))
def test_an_occlusion_scene_differs_from_its_background_where_object_and_occluder_are_and_nowhere_else(
    seed,
):
    generator = np.random.default_rng(seed)
    pictures = [picture.numpy() for picture in photographs.generate_pictures(generator, 2)]
    for made in (
        occlusion.OcclusionScene.of(seed, pictures),
        occlusion.vary(generator, pictures),
    ):
        for frame, picture in enumerate(made.frames()):
            different = (picture != made.background).any(2)
            behind = np.zeros_like(different)
            behind[:, slice(*made.occluder)] = made.hides(frame)
            assert (
                not (different & ~made.visible(frame) & ~behind).any()
                and not (made.visible(frame) & behind).any()
            )
            assert (
                different[made.visible(frame)].mean() > 0.9 if made.visible(frame).any() else True
            )
            if made.visible(frame).sum() > 0.99 * made.shape.sum():
                assert center_of(torch.from_numpy(made.visible(frame))) == pytest.approx(
                    made.center(frame), abs=0.16 * made.radius + 1
                )


def test_the_scenes_of_the_page_leave_and_rest_and_those_of_training_differ_from_each_other():
    page = occlusion.OcclusionScene.of(0)
    steps = np.abs(np.diff(page.path, axis=0)).sum(1)
    assert (
        (steps[10:15] == 0).all()
        and not page.visible(43).any()
        and page.visible(0).sum() == page.shape.sum()
    )
    generator = np.random.default_rng(0)
    pictures = [picture.numpy() for picture in photographs.generate_pictures(generator, 2)]
    made = [occlusion.vary(generator, pictures) for _ in range(30)]
    assert len({one.radius for one in made}) > 8 and len({tuple(one.color) for one in made}) == 30
    away = [
        frame for one in made for frame in range(occlusion.FRAMES) if not one.visible(frame).any()
    ]
    still = [(np.abs(np.diff(one.path, axis=0)).sum(1) == 0).mean() for one in made]
    assert len(away) > 30 and np.mean(still) > 0.1


@pytest.fixture(scope="module")
def hard_ones():
    pictures = photographs.generate_pictures(np.random.default_rng(3), 3)
    return {one.kind: one for one in hard.hard_scenes(pictures, len(hard.KINDS))}, pictures


@pytest.mark.parametrize("kind", thin(hard.KINDS, 4))
def test_a_hard_scene_says_where_its_object_is(kind, hard_ones):
    scenes, pictures = hard_ones
    made, frames = scenes[kind], scenes[kind].frames()
    assert frames.shape == (occlusion.FRAMES, occlusion.SIDE, occlusion.SIDE, 3)
    assert frames.dtype == np.uint8
    seed = list(hard.KINDS).index(kind)
    assert np.array_equal(frames, hard.make_scene(kind, seed, pictures).frames())
    assert not np.array_equal(frames, hard.make_scene(kind, seed + 8, pictures).frames())
    inside = [n for n in range(64) if (abs(made.center(n) - 128) < 128 - hard.OBJECT // 2).all()]
    assert len(inside) > 30
    for frame in inside[::9]:
        middle = center_of(torch.from_numpy(made.visible(frame)))
        assert middle == pytest.approx(made.center(frame), abs=0.2 * hard.OBJECT), frame


def test_hard_scenes_are_hard_in_the_way_that_their_kind_says(hard_ones):
    scenes, _ = hard_ones
    areas = {
        kind: np.array([made.visible(frame).sum() for frame in range(64)])
        for kind, made in scenes.items()
    }
    grown = areas["scaling"].max() / areas["scaling"].min()
    assert grown == pytest.approx((1.5 / 0.6) ** 2, rel=0.1)
    assert (areas["leaving"] == 0).sum() > 10 and (areas["leaving"] > 4000).sum() > 20
    noise = scenes["noise"]
    on, off = (noise.frames()[5][noise.visible(5) == shown].mean() for shown in (True, False))
    assert abs(on - off) < 8, "no color tells them apart"
    lit = scenes["light"]
    brightness = [lit.frames()[n][lit.visible(n)].mean() for n in (16, 48)]
    assert brightness[0] > 1.8 * brightness[1]
    first, second = scenes["twins"].scene.motion.centers, scenes["twins"].frames()
    middle = first[32].astype(int)
    assert abs(middle[1] - 128) < 8 and second[0, :, 130:].std() > 10
    text = scenes["text"].frames()[0]
    assert (text.min(axis=2) < 90).mean() > 0.05 and (text.min(axis=2) > 150).mean() > 0.3
