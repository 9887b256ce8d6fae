"""Pretraining: batches, the loss by hand, resumption to the bit, learning without collapse, and weights that an ingest can use."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.commands import tubelet
from tests.videos import make_folder
from tubelet.ingest import encoders, pretrained
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.errors import CheckpointError, UsageError
from tubelet.training.pretraining import batches, crops
from tubelet.training.pretraining.augmentation import augment
from tubelet.training.pretraining.bank import Bank
from tubelet.training.pretraining.objective import Networks, losses
from tubelet.training.pretraining.run import Pretraining
from tubelet.training.pretraining.settings import Settings
from tubelet.training.pretraining.trainer import JUDGED, CollapseError, Step, Trainer, mean_step

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
    "bank": 24,
    "whole": 4,
    "warmup": 5,
    "cooldown": 10,
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("videos"), 2, frames=40)


@pytest.fixture(scope="module")
def run(videos, tmp_path_factory):
    return Pretraining.of(
        [str(videos)], tmp_path_factory.mktemp("weights") / "w.safetensors", 60, None, CPU, **TINY
    )


@pytest.fixture(scope="module")
def bank(run):
    return run.bank()


def trainer_at(run, bank, step):
    trainer = Trainer(run.settings, CPU, run.steps)
    trainer.prepare(bank)
    return trainer, [
        trainer.learn(batches.batch(number, run.steps, bank)) for number in range(step)
    ]


def test_batches_come_in_order_and_are_those_of_their_number(bank):
    found = list(batches.from_step(3, 14, bank))
    assert len(found) == 11
    for step, made in enumerate(found, 3):
        again = batches.batch(step, 14, bank)
        assert torch.equal(made.seen, again.seen) and torch.equal(made.piece.ids, again.piece.ids)
        assert all(
            torch.equal(a.targets, b.targets) for a, b in zip(made.masks, again.masks, strict=True)
        )
    assert len({made.clips.shape for made in found}) > 3
    assert found[-1].clips.shape[1:] == (8, 3, 64, 64)  # the last steps see clips whole


def test_the_bank_fills_while_the_run_goes_on_and_every_clip_comes_as_soon_as_it_may():
    assert (
        batches.count_known(0, 512) == 128
        and batches.count_known(12, 512) == 129
        and batches.count_known(10**6, 512) == 512
    )
    generator = np.random.default_rng(0)
    for step in range(400, 424):
        chosen = batches._choose_clips(generator, 5, step, 512)
        assert len(set(chosen)) == 5 and max(chosen) < batches.count_known(step, 512)
        assert step % batches.EACH or chosen[0] == batches.count_known(step, 512) - 1


def test_a_clip_of_the_bank_is_made_once_and_follows_from_its_number_alone(run, tmp_path):
    banks = [Bank.of(tmp_path / name, run.footage, run.settings, None) for name in "ab"]
    first, taught = banks[0].clip(5)
    assert taught is None and first.shape == (8, 3, 64, 64) and first.dtype == np.uint8
    banks[1].clip(9)
    assert np.array_equal(first, banks[1].clip(5)[0])
    (file,) = (tmp_path / "a").rglob("*.npy")
    written = file.stat().st_mtime_ns
    banks[0].clip(5)
    assert file.stat().st_mtime_ns == written
    other = Bank.of(tmp_path / "a", run.footage, replace(run.settings, seed=1), None)
    assert other.folder != banks[0].folder and not np.array_equal(first, other.clip(5)[0])


def test_steps_between_masked_ones_predict_nothing(run, bank):
    rare = replace(
        bank, settings=replace(run.settings, teacher="efficientnet-lite0", masked_every=3)
    )
    assert [len(batches.batch(step, run.steps, rare).masks) for step in range(4)] == [1, 0, 0, 1]


def test_light_changes_only_where_the_teacher_is_imitated(run, bank):
    half = replace(
        bank, settings=replace(run.settings, teacher="efficientnet-lite0", masked_every=2)
    )
    masked, imitated = (batches.batch(step, run.steps, half) for step in (0, 1))
    assert torch.equal(masked.seen, masked.clips) and not torch.allclose(
        imitated.seen, imitated.clips, atol=5
    )
    calm, strong = (
        augment(np.random.default_rng(0), imitated.clips, 16, light) for light in (0.0, 1.0)
    )
    kept = calm != 127
    assert torch.allclose(calm[kept], imitated.clips[kept], atol=1e-3) and not torch.allclose(
        strong[kept], imitated.clips[kept], atol=20
    )


def test_the_student_sees_other_light_and_blanks_and_the_target_the_clip_itself():
    clips = torch.full((2, 8, 3, 64, 64), 100.0)
    shown = augment(np.random.default_rng(0), clips, 16)
    blank = (
        (shown == 127).flatten(2).unflatten(2, (3, 4, 16, 4, 16)).all(dim=6).all(dim=4).all(dim=2)
    )
    assert 0 < blank.float().mean() < 0.25 and (clips == 100).all()
    assert not torch.allclose(shown[~(shown == 127)], torch.tensor(100.0), atol=5)


def test_the_masked_loss_is_that_of_a_computation_by_hand(run, bank):
    batch = batches.batch(run.steps - 4, run.steps, bank)  # whole clips: pieces are tested below
    networks = Networks(run.settings, 1)
    with torch.no_grad():
        found = losses(networks, batch)
        mean, std = (
            torch.tensor(v).view(3, 1, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        )
        told = []
        for each in batch.masks:
            for clip in range(len(batch.clips)):
                inputs = [
                    (pixels[clip].transpose(0, 1) / 255 - mean) / std
                    for pixels in (batch.clips, batch.seen)
                ]
                levels = [
                    (level[0] - level[0].mean(-1, True))
                    / (level[0].var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
                    for level in networks.target(inputs[0][None])
                ]
                wanted = torch.cat(levels, -1)[each.targets[clip]]
                one = replace(
                    each,
                    context=each.context[clip : clip + 1],
                    targets=each.targets[clip : clip + 1],
                )
                context = torch.cat(networks.student(inputs[1][None], one.context), -1)
                told.append((networks.predictor(context, one)[0][0] - wanted).abs().mean())
    assert float(found.masked) == pytest.approx(float(torch.stack(told).mean()), rel=1e-3)
    assert found.distillation == found.similarity == 0


def test_crops_are_of_the_sizes_that_their_kinds_say_and_fill_a_batch(run):
    large = Settings()
    for step in range(60):
        crop = crops.choose(step, np.random.default_rng(step), large, whole=False)
        low, high = crops.WIDTHS[crop.kind]
        assert low <= crop.width <= high <= crop.picture and crop.kind == crops.CYCLE[step % 10]
        assert crop.slices == {"short": 2, "long": 8, "far": 32, "image": 1}[crop.kind]
        assert (
            crop.count * np.prod(crop.grid) <= large.tokens < (crop.count + 1) * np.prod(crop.grid)
        )
    assert crops.choose(0, np.random.default_rng(0), large, whole=True).grid == (8, 14, 14)


@pytest.mark.long
def test_it_learns_without_collapse_and_a_resumed_run_is_the_uninterrupted_one(run, bank):
    trainer, progress = trainer_at(run, bank, 24)
    with torch.no_grad():
        again = [
            float(losses(trainer.networks, batches.batch(step, run.steps, bank)).masked)
            for step in range(8)
        ]
    assert np.mean(again) < 0.98 * np.mean(
        [each.masked for each in progress[:8]]
    )  # on the same batches
    assert progress[-1].spread > 0.1 and progress[-1].rank > 2
    run.save(trainer)
    following = [trainer.learn(batches.batch(step, run.steps, bank)) for step in (24, 25, 26)]
    resumed = Trainer(run.settings, CPU, run.steps)
    run._resume(resumed)
    assert resumed.step == 24
    again = [resumed.learn(batches.batch(step, run.steps, bank)) for step in (24, 25, 26)]
    assert (
        again == following
    )  # losses, spread and rank, to the bit; from the second step on the optimizer's state shows, too
    run.checkpoint.unlink()


def test_lessons_are_calibrated_number_by_number(run):
    networks = Networks(run.settings, 3)
    networks.calibrate(torch.tensor([[1.0, 10.0, 5.0], [3.0, 30.0, 5.0]]))
    assert networks.taught_mean.tolist() == [
        2,
        20,
        5,
    ] and networks.taught_std.tolist() == pytest.approx([2**0.5, 200**0.5, 1e-3])
    assert {"taught_mean", "taught_std"} <= set(networks.state_dict())


def test_a_line_of_the_log_is_the_mean_of_its_steps_and_of_the_masked_ones_for_what_only_they_have():
    steps = [
        Step(
            step=n,
            frames=16,
            loss=2.0 * n,
            masked=0.6 * (n % 2),
            context=0.4 * (n % 2),
            distillation=0.3,
            similarity=1.0 * n,
            rate=1e-3,
            spread=0.5,
            rank=20.0,
        )
        for n in range(1, 5)
    ]
    found = mean_step(steps)
    assert (found.step, found.loss, found.similarity) == (4, 5.0, 2.5)
    assert found.masked == pytest.approx(0.6) and found.context == pytest.approx(0.4)
    assert mean_step(steps[1:2]).masked == 0


def test_collapse_stops_the_run_with_a_sentence(run, bank):
    trainer, _ = trainer_at(run, bank, 6)
    with pytest.raises(CollapseError, match=r"collapse at step \d+: all tokens have become alike"):
        for step in range(6, 6 + JUDGED):
            for weights in (
                *trainer.networks.target.parameters(),
                *trainer.networks.student.parameters(),
            ):
                weights.data.zero_()
            trainer.learn(batches.batch(step, run.steps, bank))


def test_one_batch_of_a_plain_wall_is_no_collapse(run, bank):
    trainer, progress = trainer_at(run, bank, 8)
    wall = replace(progress[-1], spread=0.0, rank=1.0)
    assert trainer._check(wall) == wall


@pytest.mark.long
def test_from_the_command_to_an_ingest(videos, tmp_path):
    output, store = tmp_path / "w.safetensors", tmp_path / "store"
    options = [
        "--size",
        "64",
        "--frames",
        "4",
        "--tokens",
        "64",
        "--device",
        "cpu",
        "--cooldown",
        "2",
        "--bank",
        "16",
    ]
    arguments = ["pretrain", videos, "-o", output, *options]
    process = tubelet(*arguments, "--steps", 4, check=True)
    assert "tubelet evaluate --weights" in process.stdout and "min left" in process.stderr
    (line,) = (tmp_path / "w.safetensors.log.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 4
    again = tubelet(*arguments, "--steps", 4)
    assert again.returncode == 2 and "exists: choose another -o" in again.stderr
    options = ["--encoder", "vjepa2.1-pretrained", "--size", "64", "--device", "cpu"]
    tubelet("ingest", videos, "--store", store, "--weights", output, *options, check=True)
    row = json.loads(
        tubelet(
            "sql", "--store", store, "SELECT * FROM encoders", "--format", "json", check=True
        ).stdout
    )[0]
    assert (
        row["name"] == "vjepa2.1-pretrained"
        and row["embed_dim"] == 192
        and "tubelet pretrain on 2 videos" in row["weights_source"]
    )


def test_weights_come_back_in_half_precision_with_their_shape(run, bank, tmp_path):
    trainer, _ = trainer_at(run, bank, 1)
    path = tmp_path / "w.safetensors"
    path.write_bytes(run.weights(trainer))
    facts, encoder = encoders.load("vjepa2.1-pretrained", LoadOptions(device=CPU, weights=path))
    assert (facts.dim, facts.patch) == (48, 16) and facts.parameters == sum(
        w.numel() for w in encoder.model.parameters()
    )
    for name, weights in trainer.networks.target.state_dict().items():
        assert torch.equal(encoder.model.state_dict()[name], weights.half().float()), name
    predictor = pretrained.load_predictor(path)
    assert predictor.config == run.settings.predictor
    for name, weights in trainer.networks.predictor.state_dict().items():
        assert torch.equal(predictor.state_dict()[name], weights.half().float()), name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="not a complete safetensors file"):
        pretrained.load(path)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"side": 60}, "not a multiple of the patch"),
        ({"frames": 7}, "even number"),
        ({"frames": 2}, "must be 4 or more"),
        ({"masked_every": 2}, "give --teacher"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, told):
    with pytest.raises(UsageError, match=told):
        Settings(**settings)


def test_a_run_without_a_readable_video_says_so(tmp_path):
    (tmp_path / "no.mp4").write_bytes(b"no video")
    with pytest.raises(UsageError, match="the only video cannot be used: no.mp4"):
        Pretraining.of([str(tmp_path)], tmp_path / "w", 10, None, CPU, **TINY)


def test_a_checkpoint_of_another_run_is_refused(run, bank, videos):
    trainer, _ = trainer_at(run, bank, 1)
    run.save(trainer)
    other = Pretraining.of([str(videos)], run.output, 60, None, CPU, **{**TINY, "dim": 24})
    with pytest.raises(CheckpointError, match=r"to another run \(different: dim\)"):
        other.execute()
    with pytest.raises(CheckpointError, match="already made 1 step: "):
        replace(run, steps=1).execute()
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="damaged"):
        run.execute()
    run.checkpoint.unlink()
