"""Pretraining: batches, the loss by hand, resumption to the bit, learning without collapse, and weights that an ingest can use."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tubelet.ingest import encoders, pretrained
from tubelet.ingest.checkpoints import init_untrained
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.errors import CheckpointError, UsageError
from tubelet.training.pretraining import batches
from tubelet.training.pretraining.augmentation import augment
from tubelet.training.pretraining.objective import Networks, losses
from tubelet.training.pretraining.run import Pretraining
from tubelet.training.pretraining.settings import Settings
from tubelet.training.pretraining.attention_init import init_attention
from tubelet.training.pretraining.trainer import CollapseError, Trainer
from tubelet.training.pretraining.whitening import whiten
from tubelet.ingest.networks.vjepa import VisionTransformerConfig
from tubelet.ingest.networks.vjepa.positions import rotate
from tests.commands import tubelet
from tests.videos import make_folder

CPU = torch.device("cpu")
TINY = {
    "dim": 48,
    "depth": 4,
    "heads": 2,
    "predictor_dim": 32,
    "predictor_depth": 1,
    "side": 64,
    "frames": 8,
    "tokens": 128,
    "warmup": 5,
    "cooldown": 10,
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("videos"), 2, frames=40)


@pytest.fixture(scope="module")
def run(videos, tmp_path_factory):
    return Pretraining.of([str(videos)], tmp_path_factory.mktemp("weights") / "w.safetensors", 60, None, CPU, **TINY)


def trainer_at(run, step):
    trainer = Trainer(run.settings, CPU, run.steps)
    trainer.prepare([batches.batch(number, run.footage, run.settings) for number in range(4)])
    return trainer, [trainer.learn(batches.batch(number, run.footage, run.settings)) for number in range(step)]


def test_batches_come_in_order_and_are_those_of_their_number(run):
    found = list(batches.from_step(3, 12, run.footage, run.settings))
    assert [step for step, _ in found] == list(range(3, 12))
    for step, batch in found:
        again = batches.batch(step, run.footage, run.settings)
        assert torch.equal(batch.seen, again.seen)
        assert all(torch.equal(a.targets, b.targets) for a, b in zip(batch.masks, again.masks, strict=True))


def test_clips_are_seen_several_times_some_way_apart_each_time_in_another_light(run):
    thrice = replace(run.settings, repeats=3)
    numbers = [batches.source(step, thrice) for step in range(300)]
    later = [number for number in range(30, 60)]
    assert all(numbers.count(number) == 3 for number in later)
    apart = [np.diff([step for step, seen_number in enumerate(numbers) if seen_number == number]) for number in later]
    assert np.min(apart) >= 8 * 3
    first, again = (batches.batch(step, run.footage, thrice) for step in (30 * 3, (30 + 8) * 3 + 1))
    assert first.source == again.source == 30 and torch.equal(first.clips, again.clips) and not torch.equal(first.seen, again.seen)


def test_steps_between_masked_ones_foretell_nothing(run):
    rare = replace(run.settings, teacher="efficientnet-lite0", masked_every=3)
    assert [len(batches.batch(step, run.footage, rare).masks) for step in range(4)] == [2, 0, 0, 2]


def test_the_student_sees_other_light_and_blanks_and_the_target_the_clip_itself():
    clips = torch.full((2, 8, 3, 64, 64), 100.0)
    shown = augment(np.random.default_rng(0), clips, 16)
    blank = (shown == 127).flatten(2).unflatten(2, (3, 4, 16, 4, 16)).all(dim=6).all(dim=4).all(dim=2)
    assert 0 < blank.float().mean() < 0.25 and (clips == 100).all()
    assert not torch.allclose(shown[~(shown == 127)], torch.tensor(100.0), atol=5)


def test_the_masked_loss_is_that_of_a_computation_by_hand(run):
    batch = batches.batch(0, run.footage, run.settings)
    networks = Networks(run.settings, 1)
    with torch.no_grad():
        found = losses(networks, batch, None)
        mean, std = (torch.tensor(v).view(3, 1, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        told = []
        for each in batch.masks:
            for clip in range(len(batch.clips)):
                inputs = [(pixels[clip].transpose(0, 1) / 255 - mean) / std for pixels in (batch.clips, batch.seen)]
                levels = [
                    (level[0] - level[0].mean(-1, True)) / (level[0].var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
                    for level in networks.target(inputs[0][None])
                ]
                wanted = torch.cat(levels, -1)[each.targets[clip]]
                one = replace(each, context=each.context[clip : clip + 1], targets=each.targets[clip : clip + 1])
                context = torch.cat(networks.student(inputs[1][None], one.context), -1)
                told.append((networks.predictor(context, one)[0][0] - wanted).abs().mean())
    assert float(found.masked) == pytest.approx(float(torch.stack(told).mean()), rel=1e-3)
    assert found.missed == found.unlike == 0


def test_it_learns_without_collapse_and_a_resumed_run_is_the_uninterrupted_one(run):
    trainer, progress = trainer_at(run, 24)
    masked = [each.masked for each in progress]
    assert np.mean(masked[-4:]) < 0.94 * np.mean(masked[:3])
    assert progress[-1].spread > 0.1 and progress[-1].rank > 2
    run.save(trainer)
    following = [trainer.learn(batches.batch(step, run.footage, run.settings)) for step in (24, 25, 26)]
    resumed = Trainer(run.settings, CPU, run.steps)
    run._resume(resumed)
    assert resumed.step == 24
    again = [resumed.learn(batches.batch(step, run.footage, run.settings)) for step in (24, 25, 26)]
    assert again == following  # losses, spread and rank, to the bit; from the second step on the optimizer's state shows, too
    run.checkpoint.unlink()


def test_heads_start_by_looking_at_places_of_their_own_nearby():
    encoder = init_untrained(VisionTransformerConfig(192, 2, 3, 192))
    init_attention(encoder, np.random.default_rng(0), 14)
    grid, places = (3, 14, 14), set()
    ids = torch.arange(np.prod(grid))
    turns = encoder.config.generation.rotary.turns(ids[None, :, None, None], grid, 64)
    middle = 196 + 6 * 14 + 6
    for block in encoder.blocks:
        queries, keys, _ = block.attn.qkv.bias.view(3, 3, 64)
        turned = rotate(torch.stack([queries, keys]).expand(1, len(ids), 2, 3, 64), turns)[0]
        logits = torch.einsum("hd,nhd->hn", turned[middle, 0], turned[:, 1])
        for best in logits.argmax(1).tolist():
            slices, rows, columns = np.array(np.unravel_index(best, grid)) - (1, 6, 6)
            assert abs(slices) <= 1 and abs(rows) <= 2 and abs(columns) <= 2
            places.add((slices, rows, columns))
    assert len(places) > 3


def test_lessons_are_calibrated_number_by_number(run):
    networks = Networks(run.settings, 3)
    networks.calibrate(torch.tensor([[1.0, 10.0, 5.0], [3.0, 30.0, 5.0]]))
    assert networks.taught_mean.tolist() == [2, 20, 5] and networks.taught_std.tolist() == pytest.approx([2**0.5, 200**0.5, 1e-3])
    assert {"taught_mean", "taught_std"} <= set(networks.state_dict())


def test_collapse_stops_the_run_with_a_sentence(run):
    trainer, _ = trainer_at(run, 6)
    for weights in trainer.networks.target.parameters():
        weights.data.zero_()
    with pytest.raises(CollapseError, match="collapse at step 7: all tokens have become similar"):
        trainer.learn(batches.batch(6, run.footage, run.settings))


def test_from_the_command_to_an_ingest(videos, tmp_path):
    output, store = tmp_path / "w.safetensors", tmp_path / "store"
    arguments = ["pretrain", videos, "-o", output, "--size", 64, "--frames", 4, "--tokens", 64, "--device", "cpu", "--cooldown", 2]
    process = tubelet(*arguments, "--steps", 4, check=True)
    assert "tubelet evaluate --weights" in process.stdout and "min left" in process.stderr
    (line,) = (tmp_path / "w.safetensors.log.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 4
    again = tubelet(*arguments, "--steps", 4)
    assert again.returncode == 2 and "exists: choose another -o" in again.stderr
    ingest = ["ingest", videos, "--encoder", "vjepa2.1-pretrained", "--weights", output, "--size", 64, "--device", "cpu"]
    tubelet(*ingest, "--store", store, check=True)
    row = json.loads(tubelet("sql", "--store", store, "SELECT * FROM encoders", "--format", "json", check=True).stdout)[0]
    assert row["name"] == "vjepa2.1-pretrained" and row["dim"] == 192 and "tubelet pretrain on 2 videos" in row["weights_source"]


def test_weights_come_back_in_half_precision_with_their_shape(run, tmp_path):
    trainer, _ = trainer_at(run, 1)
    path = tmp_path / "w.safetensors"
    path.write_bytes(run.weights(trainer))
    facts, encoder = encoders.load("vjepa2.1-pretrained", LoadOptions(CPU, weights=path))
    assert (facts.dim, facts.patch) == (48, 16) and facts.parameters == sum(w.numel() for w in encoder.model.parameters())
    for name, weights in trainer.networks.target.state_dict().items():
        assert torch.equal(encoder.model.state_dict()[name], weights.half().float()), name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="not a complete safetensors file"):
        pretrained.load(path)


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"side": 60}, "not a multiple of the patch"), ({"frames": 7}, "even number"), ({"short_frames": 2}, "even number"), ({"masked_every": 2}, "pass --teacher")],
)
def test_settings_that_cannot_be_are_refused(settings, told):
    with pytest.raises(UsageError, match=told):
        Settings(**settings)


def test_a_run_without_a_readable_video_says_so(tmp_path):
    (tmp_path / "no.mp4").write_bytes(b"no video")
    with pytest.raises(UsageError, match="none of the 1 videos can be used; the first: no.mp4"):
        Pretraining.of([str(tmp_path)], tmp_path / "w", 10, None, CPU, **TINY)


def test_a_checkpoint_of_another_run_is_refused(run, videos):
    trainer, _ = trainer_at(run, 1)
    run.save(trainer)
    other = Pretraining.of([str(videos)], run.output, 60, None, CPU, **{**TINY, "dim": 24})
    with pytest.raises(CheckpointError, match=r"to another run \(different: dim\)"):
        other.execute()
    with pytest.raises(CheckpointError, match="already made 1 steps"):
        replace(run, steps=1).execute()
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="damaged"):
        run.execute()
    run.checkpoint.unlink()


def test_whitened_patches_have_unit_variance_and_stand_for_what_lasts_and_what_changes():
    generator = torch.Generator().manual_seed(0)
    coarse = torch.nn.functional.interpolate(torch.randn(12, 3, 8, 8, generator=generator), size=(128, 128), mode="bicubic")
    pixels = coarse[:, :, None] + 0.3 * torch.randn(12, 3, 4, 128, 128, generator=generator)
    encoder = init_untrained(VisionTransformerConfig(48, 1, 2, 96))
    whiten(encoder, pixels)
    tokens = encoder.patch_embed(pixels, (2, 8, 8)).flatten(0, 1)
    assert tokens.std(0).tolist() == pytest.approx([1.0] * 48, abs=0.1)
    still = encoder.patch_embed(pixels[:, :, :1].expand(-1, -1, 2, -1, -1), (1, 8, 8)).flatten(0, 1)
    assert still[:, 32:].abs().max() < 1e-4  # a third is silent where nothing moves
    moved = encoder.patch_embed(pixels[:, :, [1, 0, 3, 2]], (2, 8, 8)).flatten(0, 1)
    assert torch.allclose(moved[:, :32], tokens[:, :32], atol=1e-4) and torch.allclose(moved[:, 32:], -tokens[:, 32:], atol=1e-4)
    correlation = torch.corrcoef(encoder.patch_embed_img(pixels[:, :, :1], (1, 8, 8)).flatten(0, 1).T)
    assert (correlation - torch.eye(48)).abs().max() < 0.35
