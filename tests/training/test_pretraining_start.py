"""Where pretraining starts: attention that looks nearby, and whitened patches."""

import numpy as np
import pytest
import torch

from tubelet.ingest.checkpoints import init_untrained
from tubelet.ingest.networks.vjepa import VisionTransformerConfig
from tubelet.ingest.networks.vjepa.positions import rotate
from tubelet.training.pretraining.attention_init import init_attention
from tubelet.training.pretraining.whitening import whiten


def test_heads_start_by_looking_at_places_of_their_own_nearby():
    encoder = init_untrained(VisionTransformerConfig(dim=192, depth=2, heads=3, mlp=192))
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


def test_whitened_patches_have_unit_variance_and_stand_for_what_lasts_and_what_changes():
    generator = torch.Generator().manual_seed(0)
    coarse = torch.nn.functional.interpolate(
        torch.randn(12, 3, 8, 8, generator=generator), size=(128, 128), mode="bicubic"
    )
    pixels = coarse[:, :, None] + 0.3 * torch.randn(12, 3, 4, 128, 128, generator=generator)
    encoder = init_untrained(VisionTransformerConfig(dim=48, depth=1, heads=2, mlp=96))
    whiten(encoder, pixels)
    tokens = encoder.patch_embed(pixels, (2, 8, 8)).flatten(0, 1)
    assert tokens.std(0).tolist() == pytest.approx([1.0] * 48, abs=0.1)
    still = encoder.patch_embed(pixels[:, :, :1].expand(-1, -1, 2, -1, -1), (1, 8, 8)).flatten(0, 1)
    assert still[:, 32:].abs().max() < 1e-4  # a third is silent where nothing moves
    moved = encoder.patch_embed(pixels[:, :, [1, 0, 3, 2]], (2, 8, 8)).flatten(0, 1)
    assert torch.allclose(moved[:, :32], tokens[:, :32], atol=1e-4) and torch.allclose(
        moved[:, 32:], -tokens[:, 32:], atol=1e-4
    )
    correlation = torch.corrcoef(
        encoder.patch_embed_img(pixels[:, :, :1], (1, 8, 8)).flatten(0, 1).T
    )
    assert (correlation - torch.eye(48)).abs().max() < 0.35
