"""The named choices of pretraining: each does what it says, and what cannot be trained is refused in a sentence."""

import platform
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.training.test_pretraining import TINY
from tests.videos import make_folder
from tubelet.ingest import pretrained
from tubelet.ingest.errors import UsageError
from tubelet.ingest.prediction.networks import EncoderWithPredictor
from tubelet.ingest.vjepa_encoder import VJEPAEncoder
from tubelet.training.pretraining import batches
from tubelet.training.pretraining.objective import Networks, cut_pixels, losses
from tubelet.training.pretraining.run import Pretraining
from tubelet.training.pretraining.settings import Settings
from tubelet.training.pretraining.token_masks import sample_masks
from tubelet.training.pretraining.trainer import Trainer, has_bf16

CPU = torch.device("cpu")


def test_a_share_of_patches_or_tokens_is_hidden():
    for kind in ("tubes", "scatter"):
        for share in (0.25, 0.7, 0.9):
            found = sample_masks(kind, np.random.default_rng(0), (4, 10, 10), 2, share)
            assert found.targets.shape[1] / 400 == pytest.approx(share)
    assert sample_masks("tubes", np.random.default_rng(0), (4, 2, 2), 1, 0.99).context.shape[1] == 4
    assert sample_masks("tubes", np.random.default_rng(0), (4, 2, 2), 1, 0.05).targets.shape[1] == 4


def test_a_cpu_trains_in_bf16_where_it_has_instructions_for_it():
    about = Path("/proc/cpuinfo")
    if not about.exists() or platform.machine() != "x86_64":
        pytest.skip("reads the flags that Linux lists of an x86 processor")
    flags = next(line for line in about.read_text().splitlines() if line.startswith("flags"))
    assert has_bf16(CPU) == bool({"avx512_bf16", "amx_bf16"} & set(flags.split()))
    assert has_bf16(torch.device("cuda"))


def test_the_momentum_is_constant_or_rises_to_one():
    constant = Settings(**TINY)
    assert constant.momentum_at(0, 100) == 0.1
    assert constant.momentum_at(9_000, 10_000) == constant.momentum_at(99_000, 10_000) == 0.998
    cosine = Settings(**TINY, momentum=0.996, ema="cosine")
    found = [cosine.momentum_at(step, 10_000) for step in (2_300, 5_000, 10_000)]
    assert found[0] > 0.996 and found[1] == pytest.approx(0.998) and found[2] == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"mask_kinds": "short,stripes"}, "--mask-kinds stripes: choose short, long"),
        ({"mask_kinds": ""}, "--mask-kinds is empty"),
        ({"mask_kinds": "short", "masks": 2}, "--masks 2 draws more than --mask-kinds names"),
        ({"predictor_dim": 100}, "--predictor-dim 100 is not a multiple of 32"),
        ({"level_weights": "1,1"}, "--level-weights 1,1: write 4 numbers"),
        ({"level_weights": "0,0,0,0"}, "write 4 numbers from 0 on, not all 0"),
        ({"level_weights": "a,b,c,d"}, "write 4 numbers"),
        ({"level_weights": "1,1,1,1", "objective": "pixels"}, "--level-weights are for latents"),
        ({"objective": "audio"}, "--objective"),
        ({"ema": "linear"}, "--ema"),
    ],
)
def test_choices_that_are_none_are_refused(asked, said):
    with pytest.raises(UsageError, match=said):
        Settings(**{**TINY, **asked})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chosen")
    videos = make_folder(folder / "videos", 1, frames=40)
    chosen = {"mask_kinds": "tubes", "mask_ratio": 0.5, "objective": "pixels", "ema": "cosine"}
    return Pretraining.of([str(videos)], folder / "w.safetensors", 8, None, CPU, **TINY, **chosen)


@pytest.fixture(scope="module")
def bank(run):
    return run.bank()


def test_only_the_named_masks_are_drawn(run, bank):
    made = next(
        one
        for one in (batches.batch(step, 8, bank) for step in range(12))
        if one.masks and one.clips.shape[1] > 2
    )
    hidden = made.masks[0].targets[0] % (made.masks[0].grid[1] * made.masks[0].grid[2])
    per_slice = len(hidden) // made.masks[0].grid[0]
    assert len(set(hidden.tolist())) == per_slice, "the same patches in every slice"


def test_pixels_are_those_of_each_token(run):
    config = run.settings.encoder
    clips = torch.rand(2, 4, 3, 32, 48, generator=torch.Generator().manual_seed(0)) * 255
    cells = cut_pixels(clips, config)
    assert cells.shape == (2, 2 * 2 * 3, 3 * 2 * 16 * 16)
    part = clips[1, 2:4, :, 16:32, 32:48].transpose(0, 1).flatten()
    assert torch.allclose(cells[1, 11], F.layer_norm(part, part.shape), atol=1e-5)
    assert cut_pixels(clips[:, :1], config).shape == (2, 6, 3 * 2 * 16 * 16)


def test_pixels_are_learned_saved_and_refused_as_surprise(run, bank):
    trainer = Trainer(run.settings, CPU, 8)
    trainer.prepare(bank)
    made = [trainer.learn(batches.batch(step, 8, bank)) for step in range(8)]
    assert all(np.isfinite(step.loss) for step in made)
    run.output.write_bytes(run.weights(trainer))
    predictor = pretrained.load_predictor(run.output)
    assert predictor.config.outputs == 3 * 2 * 16 * 16
    encoder = VJEPAEncoder(trainer.networks.target, CPU, "fp32")
    with pytest.raises(UsageError, match="trained with --objective pixels and predicts pixels"):
        EncoderWithPredictor(encoder, predictor)


def test_weights_choose_which_levels_are_learned(bank):
    batch = next(one for one in (batches.batch(step, 8, bank) for step in range(12)) if one.masks)
    found = {}
    for weights in (None, "1,0,0,0", "0,0,0,1", "1,1,1,1"):
        networks = Networks(Settings(**TINY, level_weights=weights), 1)
        found[weights] = float(losses(networks, batch).masked.detach())
    assert found[None] == pytest.approx(found["1,1,1,1"])
    assert found["1,0,0,0"] != pytest.approx(found["0,0,0,1"])
