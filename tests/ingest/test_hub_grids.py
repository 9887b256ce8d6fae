"""Encoders through transformers whose tokens are no sequence from end to end: their grids are their own hidden states."""

import pytest
import torch
import transformers

from tests.ingest.test_hub import SIZE, load
from tests.videos import make_video
from tubelet.ingest.errors import UsageError
from tubelet.ingest.job import Job
from tubelet.ingest.networks.hub.shapes import IMAGENET


def test_a_grid_at_the_end_of_stages_is_that_of_the_last_one(tmp_path):
    """ConvNeXt: two stages, 8 pixels per token; checked against its own last feature map, normed."""
    torch.manual_seed(0)
    config = transformers.DINOv3ConvNextConfig(hidden_sizes=[16, 32], depths=[1, 1], image_size=32, layer_scale_init_value=0.5)  # fmt: skip
    model = transformers.DINOv3ConvNextModel(config).eval().requires_grad_(False)
    model.save_pretrained(tmp_path / "convnext")
    facts, encoder = load(tmp_path / "convnext")
    frames = torch.randint(0, 256, (2, 3, 3, 24, 40), dtype=torch.uint8)
    mean, std = (torch.tensor(part).view(3, 1, 1) for part in IMAGENET)
    with torch.inference_mode():
        grids = encoder.encode(frames).embeddings
        maps = model.model((frames.flatten(0, 1).float() / 255 - mean) / std).last_hidden_state
        wanted = model.layer_norm(maps.permute(0, 2, 3, 1)).reshape(2, 3, 3, 5, 32)
    assert (facts.dim, facts.patch, facts.family) == (32, 8, "DINOv3 ConvNeXt")
    torch.testing.assert_close(grids, wanted, rtol=0, atol=2e-5)
    with pytest.raises(UsageError, match="block:0"):
        Job.of(paths=[str(make_video(tmp_path / "a.mp4", frames=4))], encoder=str(tmp_path / "convnext"), layer="block:0", frames=4)  # fmt: skip


def test_videoprism_is_its_own_hidden_states_a_slice_per_frame(tmp_path):
    torch.manual_seed(0)
    config = transformers.VideoPrismVisionConfig(**SIZE, image_size=32, num_frames=4, tubelet_size=(1, 8, 8), num_spatial_layers=2, num_temporal_layers=1)  # fmt: skip
    model = transformers.VideoPrismVisionModel(config).eval().requires_grad_(False)
    for tensor in model.parameters():
        tensor.add_(torch.randn_like(tensor) * 0.1)
    model.save_pretrained(tmp_path / "prism")
    facts, encoder = load(tmp_path / "prism")
    frames = torch.randint(0, 256, (2, 4, 3, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        grids = encoder.encode(frames).embeddings
        wanted = model(pixel_values_videos=frames.float() / 255).last_hidden_state
    assert (facts.dim, facts.patch, facts.tubelet, facts.family) == (32, 8, 1, "VideoPrism")
    assert grids.shape == (2, 4, 4, 4, 32)
    torch.testing.assert_close(grids, wanted.reshape(grids.shape), rtol=0, atol=2e-5)
    alone = torch.cat([encoder.encode(frames[i : i + 1]).embeddings for i in range(2)])
    torch.testing.assert_close(grids, alone, rtol=0, atol=2e-5)
