"""Evaluation: every measure against a computation of another kind, and the command over real videos."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from tests.commands import run_here
from tests.scenes import thin_material
from tests.videos import make_folder
from tubelet.cli import main
from tubelet.ingest import encoders
from tubelet.ingest.checkpoints import init_untrained
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.networks.vjepa import PredictorConfig, VisionTransformerConfig
from tubelet.ingest.precision import resolve_precision
from tubelet.store.intervals import interval
from tubelet.training.evaluation import direction, evaluation, foreground, shifting, tracking
from tubelet.training.evaluation.baselines import GradientMotion, RawPixels
from tubelet.training.evaluation.material import (
    FRAMES,
    SIDE,
    Size,
    make_direction_scene,
    make_tracking_scene,
    page_scenes,
)
from tubelet.training.evaluation.measures import BOUNDS, MEANINGS, measure_encoder
from tubelet.training.evaluation.page_scenes import measure_scenes
from tubelet.training.evaluation.prediction import PredictedTokens, find_moving, prepare_prediction
from tubelet.training.evaluation.spectrum import effective_rank
from tubelet.training.scenes import occlusion, photographs


@pytest.fixture(scope="module")
def textures():
    return photographs.generate_pictures(np.random.default_rng(0), 6)


@pytest.fixture(scope="module")
def scene(textures):
    return make_tracking_scene(3, textures, textures, strength=1.0)


def ideal(scene, patch=16):
    """Tokens that say whether the object covers their patch, and how far from its center they lie."""
    covered = foreground.mark_covered(scene, patch, FRAMES // 2).float()
    centers = (
        torch.from_numpy(scene.motion.centers).reshape(FRAMES // 2, 2, 2).mean(1) / patch - 0.5
    )
    axis = torch.arange(SIDE // patch)
    places = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)
    away = places - centers[:, None, None]
    return torch.cat([away, torch.ones_like(away[..., :1]), covered[..., None]], -1).float()


def test_tracking_is_perfect_for_tokens_that_know_the_object_and_chance_for_noise(scene):
    found = tracking.track(ideal(scene), scene, 16)
    assert found.near == 1
    noise = [
        tracking.track(
            torch.randn(8, 14, 14, 32, generator=torch.Generator().manual_seed(n)), scene, 16
        ).near
        for n in range(40)
    ]
    assert np.mean(noise) < 0.12  # nine patches of 196, fewer at the border


def test_tracking_finds_the_patch_by_an_independent_search(scene):
    grid = torch.randn(8, 14, 14, 5, generator=torch.Generator().manual_seed(0))
    truth = tracking.positions(scene, 16, 8)
    hits = near = 0
    query = grid[0, truth[0, 0], truth[0, 1]]
    for s in range(1, 8):
        cosines = {
            (y, x): float(torch.cosine_similarity(query, grid[s, y, x], 0))
            for y in range(14)
            for x in range(14)
        }
        y, x = max(cosines, key=cosines.get)
        center = scene.motion.centers[2 * s : 2 * s + 2].mean(0) // 16
        hits += (y, x) == tuple(center)
        near += max(abs(y - center[0]), abs(x - center[1])) <= 1
    found = tracking.track(grid, scene, 16)
    assert (found.exact, found.near) == pytest.approx((hits / 7, near / 7))


def test_auc_is_the_share_of_pairs_in_order():
    generator = torch.Generator().manual_seed(0)
    scores, positive = (
        torch.randint(0, 9, (60,), generator=generator).float(),
        torch.rand(60, generator=generator) < 0.3,
    )
    pairs = [
        (a > b) + (a == b) / 2
        for a in scores[positive].tolist()
        for b in scores[~positive].tolist()
    ]
    assert foreground.auc(scores, positive) == pytest.approx(np.mean(pairs))


def test_principal_components_are_those_of_a_full_decomposition():
    grid = torch.randn(2, 7, 7, 30, generator=torch.Generator().manual_seed(0)) * torch.linspace(
        4, 0.1, 30
    )
    tokens = grid.flatten(0, 2).double().numpy()
    _, _, axes = np.linalg.svd(tokens - tokens.mean(0), full_matrices=False)
    truth = (tokens - tokens.mean(0)) @ axes[:3].T
    found = foreground.principal(grid).flatten(0, 2).double().numpy()
    assert np.allclose(np.abs(found), np.abs(truth), atol=0.05 * truth.std())


def test_foreground_is_one_for_tokens_that_know_the_object_and_low_for_noise(scene):
    assert foreground.foreground(ideal(scene)[..., 2:], scene, 16) == 1
    assert (
        foreground.foreground(
            torch.randn(8, 14, 14, 16, generator=torch.Generator().manual_seed(0)), scene, 16
        )
        < 0.65
    )


def test_the_probe_reads_a_linear_direction_and_nothing_from_noise():
    generator = np.random.default_rng(0)
    ways = np.arange(240) % 8
    angles = ways * np.pi / 4
    mixing = generator.normal(size=(2, 20))
    told = np.stack([np.cos(angles), np.sin(angles)], 1) @ mixing + 0.1 * generator.normal(
        size=(240, 20)
    )
    assert np.mean(direction.probe(list(told), ways)) > 0.9
    assert np.mean(direction.probe(list(generator.normal(size=(240, 20))), ways)) == pytest.approx(
        0.125, abs=0.06
    )


@pytest.mark.long
def test_the_control_tells_the_direction_of_scenes_from_the_motion_of_pixels(textures):
    scenes = [make_direction_scene(seed, textures, textures) for seed in range(64)]
    control = GradientMotion(16, 2)
    right = direction.probe(
        [
            direction.mean_token(control.encode(scene.frames[None]).embeddings[0])
            for scene, _ in scenes
        ],
        [way for _, way in scenes],
    )
    assert np.mean(right) > 0.5


def test_the_shift_of_windows_and_its_edges():
    earlier = torch.randn(6, 3, 3, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [1.0, 10.0, 0.1, 1.0]
    )
    later = earlier.roll(-1, 0).clone()
    later[0] += 0.5 * torch.tensor([1.0, 10.0, 0.1, 1.0])  # the first shared slice alone differs
    found = shifting.shift(earlier, later)
    spread = np.concatenate([earlier.numpy(), later.numpy()]).reshape(-1, 4).std(0, ddof=1)
    assert found.relative.shape == (5, 4) and found.relative[0] == pytest.approx(
        0.5 * np.array([1, 10, 0.1, 1]) / spread, rel=1e-5
    )
    assert found.relative[1:].max() == 0 and found.edges_over_middle > 1e6
    assert found.size == pytest.approx(found.relative.mean())


def test_consistency_is_one_for_the_same_ranking_zero_for_unrelated_ones_and_nothing_where_nothing_changes():
    generator = np.random.default_rng(0)
    relative = generator.random((7, 300))
    same = [shifting.Shift(relative * scale) for scale in (1, 2, 5)]
    assert shifting.consistency(same) == pytest.approx([1, 1, 1])
    unrelated = [shifting.Shift(generator.random((7, 300))) for _ in range(6)]
    assert np.mean(shifting.consistency(unrelated)) == pytest.approx(0, abs=0.08)
    assert shifting.consistency([shifting.Shift(np.zeros((7, 300)))] * 3) == []


def test_the_effective_rank_counts_equal_dimensions():
    tokens = torch.randn(4000, 24, generator=torch.Generator().manual_seed(0))
    tokens[:, 6:] = 0
    assert effective_rank(tokens) == pytest.approx(6, abs=0.05)
    assert effective_rank(torch.outer(torch.arange(50.0), torch.ones(8))) == pytest.approx(
        1, abs=1e-6
    )


def test_an_interval_is_reproducible_and_covers_its_mean():
    found = interval(np.random.default_rng(0).normal(3, 1, 400))
    assert (
        found == interval(np.random.default_rng(0).normal(3, 1, 400))
        and found.low < found.mean < found.high
    )
    assert (found.high - found.low) == pytest.approx(4 / 400**0.5, rel=0.15) and str(
        interval([])
    ) == "none"


@pytest.mark.parametrize("name", MEANINGS)
def test_no_interval_reaches_where_its_measure_cannot(name):
    lowest, highest = BOUNDS[name]
    found = interval([0.99, 0.02, 0.97], lowest, highest)
    assert lowest <= found.low < found.mean < found.high <= highest


def test_raw_pixels_are_the_pixels_of_a_tubelet(scene):
    tokens = RawPixels(16, 2).encode(scene.frames[None]).embeddings[0]
    assert tokens.shape == (8, 14, 14, 1536)
    patch = scene.frames[6:8, :, 32:48, 48:64].float() / 255
    mean, std = (
        torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    assert torch.allclose(tokens[3, 2, 3], ((patch - mean) / std).flatten(), atol=1e-5)


def test_scenes_are_the_same_with_and_without_a_change_but_for_the_object(textures):
    plain, changed = (
        make_tracking_scene(5, textures, textures, strength) for strength in (0.0, 1.0)
    )
    assert (
        np.array_equal(plain.motion.centers, changed.motion.centers)
        and (plain.motion.scales == 1).all()
    )
    outside = ~(plain.masks | changed.masks)
    difference = (plain.frames.int() - changed.frames.int()).abs().amax(1)
    assert (
        difference[outside].float().mean() < 0.5
        and difference[8:][plain.masks[8:]].float().mean() > 5
    )


def all_knowing(scene):
    """Tokens that say where on the object their patch lies, whether the occluder stands there, and else where in the picture."""
    tokens = []
    for number in range(occlusion.FRAMES // 2):
        frame = 2 * number
        patches = np.stack(np.indices((16, 16)), -1) * 16 + 8.0
        shown = scene.visible(frame)[8::16, 8::16]
        columns = patches[..., 1]
        hidden = scene.hides(frame) & (scene.occluder[0] <= columns) & (columns < scene.occluder[1])
        onto = (patches - scene.center(frame)) / 16
        kinds = np.stack([shown, hidden, ~(shown | hidden)], -1) * 6.0
        places = np.where(shown[..., None], onto, 0)
        tokens.append(
            np.concatenate([kinds, places, np.where(shown[..., None], 0, patches / 64)], -1)
        )
    return torch.from_numpy(np.stack(tokens)).float()


def test_the_page_is_solved_by_tokens_that_know_the_scene_and_not_by_noise(textures):
    scenes = page_scenes(textures, 3)
    known = {scene.frames().tobytes(): all_knowing(scene) for scene in scenes}
    found = measure_scenes(
        lambda frames: known[frames.permute(0, 2, 3, 1).contiguous().numpy().tobytes()], scenes
    )
    assert (
        np.mean(found.tracked) > 0.95 and np.mean(found.lost) > 0.9 and np.mean(found.kept) > 0.95
    )
    assert min(found.first) > 0.75 and min(np.array(found.corrected) - found.first) > -0.02
    generator = torch.Generator().manual_seed(0)
    chance = measure_scenes(lambda frames: torch.randn(32, 16, 16, 24, generator=generator), scenes)
    assert np.mean(chance.tracked) < 0.2 and np.mean(chance.first) < 0.3


def test_a_prediction_is_measured_beside_a_copy_of_the_last_slice_and_the_mean_token():
    seen = torch.zeros(6, 2, 2, 3)
    seen[-1] = 2.0
    are, moving = torch.full((2, 2, 2, 3), 4.0), torch.zeros(2, 2, 2, dtype=torch.bool)
    are[1, 0, 1], moving[1, 0, 1] = 10.0, True
    found = PredictedTokens(are, torch.full((2, 2, 2, 3), 3.0), seen, moving)
    assert found.over_copying == pytest.approx((7 * 1 + 7) / (7 * 2 + 8))
    assert found.moving_over_copying == pytest.approx(
        7 / 8
    ) and found.moving_over_mean == pytest.approx(7 / (10 - 2 / 6))


def test_tokens_move_where_their_pixels_change():
    frames = torch.zeros(16, 3, 64, 64, dtype=torch.uint8)
    frames[12:14, :, 16:32, 32:48] = 11  # of the first hidden slice
    frames[15, :, :16, :16] = 30
    frames[2, :, 48:, 48:] = 200  # long before
    found = find_moving(frames, 2, 16)
    assert found.nonzero().tolist() == [[0, 1, 2], [1, 0, 0]]


def test_a_predictor_answers_from_the_seen_slices_alone_in_the_encoders_last_level(textures):
    encoder = init_untrained(
        VisionTransformerConfig(dim=48, depth=4, heads=2, mlp=96, levels=(0, 1, 2, 3))
    )
    predictor = init_untrained(
        PredictorConfig(
            inputs=192,
            outputs=192,
            depth=2,
            heads=1,
            mask_tokens=1,
            dim=32,
            mlp=64,
            interpolated=True,
        )
    )
    predict = prepare_prediction(encoder, predictor)
    frames = make_tracking_scene(0, textures, textures, 0.0).frames[:, :, :64, :64]
    found = predict(frames)
    assert found.are.shape == found.predicted.shape == (2, 4, 4, 48) and found.seen.shape == (
        6,
        4,
        4,
        48,
    )
    pixels = (
        frames.float() / 255 - torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
    ) / torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)
    with torch.inference_mode():
        alone, whole = (encoder(each.transpose(0, 1)[None])[-1] for each in (pixels[:12], pixels))
    for tokens, said in ((alone[0], found.seen), (whole[0, 96:], found.are)):
        scaled = (tokens - tokens.mean(-1, keepdim=True)) / tokens.std(
            -1, correction=0, keepdim=True
        )
        assert torch.allclose(scaled.flatten(), said.flatten(), atol=1e-3)
    changed = frames.clone()
    changed[12:] = 0
    assert torch.equal(predict(changed).predicted, found.predicted) and not torch.equal(
        predict(changed).are, found.are
    )


@pytest.mark.long
def test_everything_is_measured_of_every_encoder(textures, tmp_path):
    folder = make_folder(tmp_path, 2, frames=60)
    found = measure_encoder(
        "raw",
        lambda frames: RawPixels(16, 2).encode(frames[None]).embeddings[0],
        thin_material(sorted(folder.iterdir()), textures, Size(2, 16, 2)),
        16,
    )
    assert set(found.intervals) == set(MEANINGS) and found.dim == 1536 and found.curve == [0.0] * 7
    assert (
        found.intervals["window shift"].mean == 0
        and found.intervals["shift consistency"].count == 0
    )
    assert (
        found.intervals["page, IoU"].count == 2 and found.intervals["prediction, videos"].count == 0
    )
    assert found.intervals["hard, tracked"].count == found.intervals["hard, IoU"].count == 1
    assert found.intervals["hard, lost"].count == 0, "its one scene shows the object throughout"
    assert (
        found.intervals["tracking, plain"].count == 2 and found.intervals["direction"].count == 16
    )


@pytest.mark.long
def test_the_command_prints_a_table_and_json(tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "videos", 1, frames=60)
    monkeypatch.setattr(evaluation, "material", thin_material)
    arguments = ("--encoder", "toy", "--videos", folder, "--scenes", 1, "--device", "cpu", "--json")
    done = CliRunner().invoke(main, ["evaluate", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    text = json.loads(done.stdout)
    names = [each["name"] for each in text["measures"]]
    assert names == ["toy", "untrained", "raw pixels"] and text["videos"] == ["video_000.mp4"]
    assert 0 <= text["measures"][1]["intervals"]["page, tracked"]["mean"] <= 1
    assert 0 <= text["measures"][1]["intervals"]["tracking, plain"]["mean"] <= 1
    refused = run_here("evaluate", "--weights", tmp_path / "absent")
    assert (
        refused.returncode == 2
        and "is not a file: give the path of weights that `tubelet pretrain` wrote"
        in refused.stderr
    )


def test_rivals_are_the_same_network_untrained_the_toy_encoder_and_raw_pixels():
    setting = LoadOptions(
        device=torch.device("cpu"), precision=resolve_precision("fp32", torch.device("cpu"))
    )
    facts, encoder = encoders.load("vjepa2.1-untrained", setting)
    untrained = evaluation._load_untrained(encoder, setting)
    assert untrained.model.config == encoder.model.config and untrained is not encoder
    assert list(evaluation._simple(facts, setting)) == ["toy", "raw pixels"]


def test_lines_name_every_measure_and_every_encoder(textures):
    raw = measure_encoder(
        "raw",
        lambda frames: RawPixels(16, 2).encode(frames[None]).embeddings[0],
        thin_material([], textures, Size(1, 8, 0)),
        16,
    )
    lines = evaluation.Evaluation(
        measures=[raw, replace(raw, name="other")],
        control=interval([1.0, 0.0]),
        scenes=2,
        videos=[],
        seconds=3.0,
    ).lines()
    assert "raw (1536)" in lines[0] and "other (1536)" in lines[0]
    assert all(any(line.startswith(name) for line in lines) for name in MEANINGS)
