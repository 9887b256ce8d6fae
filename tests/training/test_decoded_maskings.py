"""A kept masking as a decoder draws it: predictions in the space that it was fitted to, beside target and mean, never without what it reached."""

import re
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.commands import run_here
from tests.dashboard.test_dashboard import open_page, text
from tests.ingest.test_surprise_store import ingest
from tests.videos import make_video
from tubelet.latent.decoding.decoder import choose_decoder, describe_quality
from tubelet.latent.decoding.head import normalize_levels
from tubelet.latent.decoding.maskings import MEAN, PREDICTED, SEEN, TARGET, draw_masking
from tubelet.latent.decoding.pictures import read_pictures
from tubelet.latent.errors import LatentError
from tubelet.store import Store
from tubelet.training.decoder.options import DecoderOptions
from tubelet.training.decoder.run import fit_decoder
from tubelet.training.fitting import tokens
from tubelet.training.masking.options import MaskOptions
from tubelet.training.masking.run import measure_masks

PIXELS = 4


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    for seed, name in enumerate("abc"):
        make_video(folder / f"videos/{name}.mp4", frames=10, height=64, width=64, seed=seed)
    ingest(folder / "videos", folder / "store", size="64")
    made = Store(folder / "store")
    measure_masks(made, MaskOptions(device="cpu", mask="tube", ratio=0.5, limit=1))
    yield made
    made.close()


@pytest.fixture(scope="module")
def decoder(store):
    options = DecoderOptions(steps=20, width=8, pixels=PIXELS, batch=3, device="cpu")
    fit_decoder(store, "vjepa2.1-untrained", options)
    return choose_decoder(store, store.rows("SELECT encoder_id FROM encoders")[0]["encoder_id"])


@pytest.fixture(scope="module")
def masking(store):
    return store.rows("FROM maskings")[0]


def test_parts_of_a_token_are_normalized_alike_in_numpy_and_torch() -> None:
    grid = torch.randn(2, 3, 4, 12, generator=torch.Generator().manual_seed(0)) * 3 + 1
    for levels in (0, 1, 3):
        wanted = tokens.normalize_levels(grid, levels).numpy()
        assert normalize_levels(grid.numpy(), levels) == pytest.approx(wanted, abs=1e-5)
    assert normalize_levels(grid.numpy(), 3).reshape(2, 3, 4, 3, 4).mean(-1) == pytest.approx(0, abs=1e-5)  # fmt: skip


def test_predictions_are_drawn_as_the_tokens_that_the_store_holds(store, decoder, masking) -> None:
    """The target under a mask is the stored window, so both are one picture; predictions stand only where they reach."""
    assert decoder.head.levels == 1
    drawn = draw_masking(store, decoder, masking["clip_id"], masking["masking_id"], most=16)
    rows = dict(drawn.rows)
    assert list(rows) == [SEEN, TARGET, PREDICTED, MEAN] and drawn.slices == (0, 1, 2, 3, 4)
    own = decoder.draw(store, masking["clip_id"])
    assert np.abs(rows[TARGET].astype(int) - own).max() <= 2  # half precision
    hidden = (rows[SEEN] == 128).all(-1)
    assert hidden.mean() == pytest.approx(0.5)
    assert not np.array_equal(rows[PREDICTED][hidden], rows[MEAN][hidden])
    assert draw_masking(store, decoder, masking["clip_id"], masking["masking_id"], most=2).slices == (0, 4)  # fmt: skip
    (gap,) = re.findall(r"PSNR .* dB from the predictions, (.*) dB from the target", drawn.quality)
    truth = read_pictures(store, store.clip(masking["clip_id"]), own.shape[1:3], range(5))
    error = np.square(own[hidden].astype(float) - truth[hidden]).mean()
    assert float(gap) == pytest.approx(10 * np.log10(255**2 / error), abs=0.15)


def test_the_command_and_the_page_say_what_the_decoder_reached(store, decoder, masking, tmp_path) -> None:  # fmt: skip
    named = "--clip", masking["clip_id"], "--masking", masking["masking_id"]
    done = run_here("decoder", "show", "--store", store.root, *named, "-o", tmp_path / "drawn.png")
    assert done.returncode == 0, done.stderr
    said = describe_quality(decoder.row)
    assert said in done.stdout and "dB from the mean of the seen tokens." in done.stdout
    with Image.open(tmp_path / "drawn.png") as image:
        assert image.width == 5 * 132 + 4 and image.height > 4 * 128
    alone = run_here("decoder", "show", "--store", store.root, *named[2:], "--direction", "1", "-o", tmp_path / "no.png")  # fmt: skip
    assert alone.returncode == 2 and "--masking is a run on a clip" in alone.stderr
    asked = {"mask": "tube", "mask-percent": "50", "clip": masking["clip_id"]}
    page = open_page("masking", store, **asked)
    assert not page.exception and "Drawn by a decoder. On the hidden patches" in text(page)
    pictures = [one.value for one in page.get("html") if "as decoder " in one.value]
    assert len(pictures) == 1 and "PSNR" in pictures[0] and "it never saw: PSNR" in pictures[0]


def test_decoders_of_other_tokens_are_refused(store, decoder, masking) -> None:
    where = masking["clip_id"], masking["masking_id"], 16
    raw = replace(decoder, head=replace(decoder.head, levels=0))
    with pytest.raises(LatentError, match="was fitted to tokens as they are stored, and predictions are of layer-normalized ones: fit another"):  # fmt: skip
        draw_masking(store, raw, *where)
    several = replace(decoder, head=replace(decoder.head, levels=4))
    with pytest.raises(LatentError, match="and the predictor answers 7"):
        draw_masking(store, several, *where)
    other = replace(decoder, row=replace(decoder.row, encoder_id="other-1"))
    with pytest.raises(LatentError, match="draws tokens of other-1"):
        draw_masking(store, other, *where)


@pytest.mark.parametrize("name", ["vitg-decoder.pt", "files/head.safetensors"])
def test_a_decoder_of_meta_is_refused_in_a_sentence(tmp_path, name) -> None:
    said = f"decoder {name} is a file, and only decoders that were fitted in this store are read .Meta has released no decoder"
    with closing(Store.create(tmp_path / "store")) as empty, pytest.raises(LatentError, match=said):
        choose_decoder(empty, "vjepa2-vitg", name)
