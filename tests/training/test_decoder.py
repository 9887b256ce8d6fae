"""Decoders: four clips are drawn at 30 dB, figures are of videos never seen, and tokens of another encoder are refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.commands import run_here
from tests.planted_probes import video_ids
from tests.planted_tokens import plant_tokens
from tests.planted_transitions import add_pictures, plant_linear, transition_store
from tubelet.latent.decoding.decoder import choose_decoder, describe_quality
from tubelet.latent.decoding.head import DecoderHead
from tubelet.latent.errors import LatentError
from tubelet.store.disk import removal
from tubelet.store.disk.integrity import check
from tubelet.training.decoder.learning import (
    FittedHead,
    fit_head,
    measure_error,
    start_as_mean,
)
from tubelet.training.decoder.measuring import HeadTest
from tubelet.training.decoder.network import make_decoder
from tubelet.training.decoder.options import DecoderOptions
from tubelet.training.decoder.run import find_pictured, fit_decoder
from tubelet.training.decoder.similarity import PerceptualDistance, measure_psnr, measure_ssim
from tubelet.training.fitting.errors import FitError
from tubelet.training.fitting.pixels import join_patches
from tubelet.training.fitting.tokens import StretchOptions, find_places

CPU = torch.device("cpu")
SHORT = DecoderOptions(steps=60, width=16, pixels=4, batch=4, device="cpu")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = transition_store(tmp_path_factory.mktemp("decoder") / "store", videos=8)
    add_pictures(made, plant_linear(made))
    yield made
    made.close()


@pytest.fixture(scope="module")
def fitted(store):
    return fit_decoder(store, "linear", SHORT)


@pytest.mark.long
def test_four_clips_are_overfitted_to_30_db(store) -> None:
    """Learned from and tested on the same: what a head of this size can draw of tokens that differ."""
    wide = [np.random.default_rng(n).standard_normal((6, 2, 2, 32)) for n in range(8)]
    add_pictures(store, plant_tokens(store, "wide", wide))
    ((place, _),) = find_places(store, ["wide"])
    options = DecoderOptions(steps=100, width=64, batch=4, rate=4e-3, device="cpu")
    clips, four = find_pictured(store, place, 8), range(4)
    head = fit_head(clips, (four, four), options, CPU)
    scores = HeadTest(head, clips, four, four).measure(4, CPU)
    assert len(scores) == 4 and min(one["psnr"] for one in scores.values()) >= 30
    assert max(one["mean_psnr"] for one in scores.values()) < 30
    assert all(one["ssim"] > one["mean_ssim"] for one in scores.values())


def test_a_fit_keeps_its_figures_of_videos_never_seen(store, fitted) -> None:
    assert fitted.fitted and not fit_decoder(store, "linear", SHORT).fitted
    (row,) = store.rows("FROM decoders")
    scores = store.rows("FROM decoder_scores")
    assert (row["train_videos"], row["test_videos"], len(scores)) == (6, 2, 2)
    for name in ("psnr", "ssim", "perceptual", "mean_psnr"):
        assert row[name] == pytest.approx(np.mean([one[name] for one in scores]))
    assert row["psnr_low"] is None  # of two videos
    assert {one["drawn_slices"] for one in scores} == {8}
    said = describe_quality(fitted.row)
    assert f"On 2 videos it never saw: PSNR {row['psnr']:.1f} (no interval) dB (mean picture {row['mean_psnr']:.1f} dB), SSIM" in said  # fmt: skip
    assert "(EfficientNet-Lite0;" in said
    poor = "No better than the mean picture: what it draws says little."
    assert describe_quality(replace(fitted.row, psnr=fitted.row.mean_psnr)).endswith(poor)
    assert not describe_quality(replace(fitted.row, psnr=fitted.row.mean_psnr + 1)).endswith(poor)
    assert list(check(store)) == []


def test_a_head_starts_as_the_mean_patch_and_is_kept_where_nothing_is_better(store) -> None:
    """Tokens that say nothing of the pictures: what is kept is never worse than the mean on the videos held back."""
    ((place, _),) = find_places(store, ["linear"])
    clips, reading = find_pictured(store, place, 4), StretchOptions(4, 8, CPU)
    head = fit_head(clips, ([0, 1], [6, 7]), SHORT, CPU)
    blank = make_decoder(4, 16, 4, seed=0)
    start_as_mean(blank, clips, [0, 1], reading)
    pixels = torch.cat([clips.read_pixels(number, 0, 8) for number in (0, 1)]).flatten(0, 2)
    torch.testing.assert_close(blank(torch.randn(1, 2, 2, 4))[0, 1, 1], pixels.mean(0))
    kept, mean = (measure_error(clips, [6, 7], FittedHead(network=one, scaling=head.scaling, steps=0, best_step=0), reading) for one in (head.network, blank))  # fmt: skip
    assert kept <= mean


def test_numpy_draws_what_torch_draws(store, fitted) -> None:
    network = make_decoder(5, 6, 3, seed=1)
    mean, std = torch.randn(5), torch.rand(5) + 0.5
    tokens = torch.randn(2, 3, 4, 5)
    tensors = {"scaling.mean": mean.numpy(), "scaling.std": std.numpy()}
    tensors |= {name: value.numpy() for name, value in network.state_dict().items()}
    with torch.no_grad():
        wanted = join_patches(network((tokens - mean) / std), 3).clamp(0, 1) * 255
    found = DecoderHead(tensors, 3).draw(tokens.numpy())
    assert found.shape == (2, 9, 12, 3) and found.dtype == np.uint8
    assert np.abs(found - wanted.numpy()).max() <= 0.51


def test_a_decoder_draws_its_encoder_alone(store, fitted) -> None:
    decoder = choose_decoder(store, fitted.row.encoder_id)
    (clip, *_) = store.rows("FROM clips WHERE encoder_id = $1 ORDER BY clip_id", [fitted.row.encoder_id])  # fmt: skip
    assert decoder.draw(store, clip["clip_id"]).shape == (12, 8, 8, 3)
    other = plant_tokens(store, "other", [store.grid(clip["clip_id"])] * 8)
    (stranger, *_) = store.rows("FROM clips WHERE encoder_id = $1", [other])
    with pytest.raises(LatentError, match=f"draws tokens of {fitted.row.encoder_id} .layer last., and clip {stranger['clip_id']} has those of {other}: fit one with"):  # fmt: skip
        decoder.draw(store, stranger["clip_id"])
    with pytest.raises(LatentError, match=f"no decoder draws tokens of {other}: fit one with `tubelet decoder fit --encoder {other}"):  # fmt: skip
        choose_decoder(store, other)
    with pytest.raises(FitError, match=f"no clip of {other} has slice pictures"):
        fit_decoder(store, "other", SHORT)


def test_the_picture_says_what_the_decoder_reached(store, fitted, tmp_path) -> None:
    (clip, *_) = store.rows("FROM clips WHERE encoder_id = $1 ORDER BY clip_id", [fitted.row.encoder_id])  # fmt: skip
    done = run_here("decoder", "show", "--store", store.root, "--clip", clip["clip_id"], "-o", tmp_path / "drawn.png")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert describe_quality(fitted.row) in done.stdout
    with Image.open(tmp_path / "drawn.png") as image:
        assert image.width == 12 * 132 + 4 and image.height > 2 * 128
        seen, drawn = (np.asarray(image.crop((0, top, image.width, top + 128))) for top in (14, 160))  # fmt: skip
    assert seen.std() > 5 and drawn.std() > 5 and not np.array_equal(seen, drawn)


def test_similarities_are_those_of_their_definitions() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand((2, 3, 32, 32), generator=generator)
    noisy = truth + 0.1
    assert measure_psnr(noisy, truth).tolist() == pytest.approx([20, 20], abs=1e-3)
    assert measure_psnr(truth, truth).tolist() == pytest.approx([100, 100])
    assert measure_ssim(truth, truth).tolist() == pytest.approx([1, 1], abs=1e-5)
    flat = torch.full_like(truth, 0.5)
    means = torch.stack([flat * 0.8, flat])[:, 0]
    light = (2 * 0.4 * 0.5 + 1e-4) / (
        0.4**2 + 0.5**2 + 1e-4
    )  # what is left of SSIM without structure
    assert float(measure_ssim(means[:1], means[1:])[0]) == pytest.approx(light, abs=1e-4)
    distance = PerceptualDistance.find(CPU)
    assert distance is not None
    same, far = (float(distance.measure(one, truth)[0]) for one in (truth, 1 - truth))
    near = float(distance.measure(truth * 0.95, truth)[0])
    assert same == pytest.approx(0, abs=1e-6) and 0 < near < far


@pytest.mark.long
def test_removing_a_video_or_the_decoder_leaves_nothing(tmp_path) -> None:
    made = transition_store(tmp_path / "store", videos=4)
    add_pictures(made, plant_linear(made))
    outcome = fit_decoder(made, "linear", DecoderOptions(steps=1, width=4, pixels=2, device="cpu"))
    (tested,) = made.rows("SELECT video_id FROM decoder_scores")
    removal.remove(made, removal.choose(made, "videos", [tested["video_id"]], None))
    assert made.rows("FROM decoder_scores") == [] and len(made.rows("FROM decoders")) == 1
    removal.remove(made, removal.choose(made, "decoders", [outcome.row.decoder_id], None))
    assert made.rows("FROM decoders") == [] and list((made.root / "models").iterdir()) == []
    with pytest.raises(FitError, match="are too few: 3 are needed"):
        removal.remove(made, removal.choose(made, "videos", [video_ids(made)[0]], None))
        fit_decoder(made, "linear", SHORT)
    made.close()
