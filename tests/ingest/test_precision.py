"""Precision: weights rounded once are what autocast rounds at every call, and the cost of rounding is computed as it is told."""

import pytest
import torch

from tests.benchmarks.precision import Cost
from tubelet.ingest import checkpoints
from tubelet.ingest.vjepa_encoder import VJEPAEncoder

CPU = torch.device("cpu")


@pytest.mark.parametrize("precision,dtype", [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_weights_rounded_once_give_the_tokens_of_autocast_bit_for_bit(precision, dtype):
    encoder = VJEPAEncoder(checkpoints.init_untrained(), CPU, precision)
    whole = VJEPAEncoder(checkpoints.init_untrained(), CPU, "fp32")
    frames = torch.randint(0, 256, (2, 4, 3, 64, 64), dtype=torch.uint8)
    with torch.inference_mode():
        ours = encoder.encode(frames).embeddings
        theirs = _autocast(whole, frames, dtype)
        exact = whole.encode(frames).embeddings
    assert torch.equal(ours, theirs) and not torch.equal(ours, exact)
    kinds = {
        type(m).__name__: m.weight.dtype
        for m in encoder.model.modules()
        if isinstance(m, torch.nn.Linear | torch.nn.LayerNorm)
    }
    assert kinds == {"Linear": dtype, "LayerNorm": torch.float32}


def _autocast(encoder, frames, dtype):
    """The float32 model under torch's own autocast."""
    pixels = (frames.transpose(1, 2) - encoder._mean) / encoder._std
    with torch.autocast("cpu", dtype):
        tokens = encoder.model(pixels)[-1]
    return tokens.float().unflatten(1, encoder.model.config.grid(*pixels.shape[2:]))


def test_the_cost_of_vectors_worked_out_by_hand():
    exact = torch.tensor([[[3.0, 4.0], [1.0, 0.0]]])
    cost = Cost.of(exact, torch.tensor([[[3.0, 4.0], [1.0, 1.0]]]))
    assert (cost.worst_cosine, cost.worst_error) == (pytest.approx(0.5**0.5), 1.0)
    assert (cost.mean_cosine, cost.mean_error) == (pytest.approx((1 + 0.5**0.5) / 2), 0.5)


def test_bf16_and_fp16_stay_close_to_fp32():
    frames = torch.randint(0, 256, (1, 8, 3, 96, 96), dtype=torch.uint8)
    grids = {}
    for precision in ("fp32", "bf16", "fp16"):
        with torch.inference_mode():
            grids[precision] = (
                VJEPAEncoder(checkpoints.init_untrained(), CPU, precision).encode(frames).embeddings
            )
    bf16, fp16 = (Cost.of(grids["fp32"], grids[precision]) for precision in ("bf16", "fp16"))
    assert (
        bf16.worst_cosine > 0.99
        and fp16.worst_cosine > 0.9999
        and fp16.mean_error < bf16.mean_error / 4
    )
