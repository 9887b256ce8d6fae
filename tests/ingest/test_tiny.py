"""The encoder in the box: its file is whole, small and the one of its card, and its tokens are the same on every machine."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.commands import ROOT, run_here
from tests.videos import make_video
from tubelet.ingest import encoders, pretrained
from tubelet.ingest.arguments import DEFAULT_ENCODER
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.errors import UsageError
from tubelet.ingest.vjepa_rows import TINY_WEIGHTS
from tubelet.store import Store

MOST_BYTES = 12_000_000
TOLERANCE = 5e-4
CARD = ROOT / "docs/vjepa2.1-tiny.md"
TOKENS = Path(__file__).parent / "vjepa2.1-tiny.npy"  # (4, 192): every 49th token of the clip
EVERY = 49
CPU = torch.device("cpu")


def gradient_clip() -> torch.Tensor:
    """``(1, 8, 3, 112, 112)`` in uint8: colored waves that move, from integers alone."""
    t, y, x = np.ogrid[:8, :112, :112]
    planes = [(3 * x + 5 * t) % 256, (2 * y + x * y // 16 + 7 * t) % 256, (x + y + 9 * t) % 256]
    frames = np.stack([np.broadcast_to(plane, (8, 112, 112)) for plane in planes], 1)
    return torch.from_numpy(frames.astype(np.uint8))[None]


def test_the_file_is_small_and_the_one_of_the_card():
    digest = hashlib.sha256(TINY_WEIGHTS.read_bytes()).hexdigest()
    assert TINY_WEIGHTS.stat().st_size <= MOST_BYTES
    assert digest in CARD.read_text(), "docs/vjepa2.1-tiny.md names the file by its SHA-256"


def test_it_holds_an_encoder_and_its_predictor_and_nothing_else():
    encoder, predictor = pretrained.load(TINY_WEIGHTS), pretrained.load_predictor(TINY_WEIGHTS)
    assert predictor is not None and predictor.config.inputs == 4 * encoder.config.dim
    row = encoders.row(DEFAULT_ENCODER)
    assert (row.dim, row.parameters, row.depth.levels) == (
        encoder.config.dim,
        encoder.config.parameters,
        len(encoder.config.levels),
    )


def test_its_tokens_are_the_same_on_every_machine():
    _, encoder = encoders.load(DEFAULT_ENCODER, LoadOptions(device=CPU, precision="fp32"))
    with torch.inference_mode():
        tokens = encoder.encode(gradient_clip()).embeddings.flatten(0, 3).numpy()
    expected = np.load(TOKENS)
    assert tokens[::EVERY].shape == expected.shape
    assert np.abs(tokens[::EVERY] - expected).max() < TOLERANCE
    assert tokens.std(axis=0).min() > 0.01, "no dimension is constant"


def test_other_weights_are_refused_with_the_encoder_that_takes_them(tmp_path):
    with pytest.raises(UsageError, match="pass --encoder vjepa2.1-pretrained"):
        encoders.load(
            DEFAULT_ENCODER,
            LoadOptions(device=CPU, precision="fp32", weights=tmp_path / "other.safetensors"),
        )


def test_an_ingest_without_an_encoder_takes_it_and_says_so(tmp_path):
    make_video(tmp_path / "videos/one.mp4")
    done = run_here("ingest", tmp_path / "videos", "--store", tmp_path / "store", "--size", "64")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("No --encoder: using vjepa2.1-tiny") == 1
    store = Store(tmp_path / "store")
    (row,) = store.rows("SELECT name, weights_source FROM encoders")
    assert row["name"] == DEFAULT_ENCODER and row["weights_source"].startswith(TINY_WEIGHTS.name)
    store.close()
    named = run_here("plan", tmp_path / "videos", "--encoder", "toy", "--size", "64")
    assert "No --encoder" not in named.stderr
