"""The GPU benchmark where there is no GPU: it says so, counts operations as torch counts them, and its files are films."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.benchmarks import gpu
from tubelet.ingest import checkpoints
from tubelet.ingest.sources import Source
from tubelet.media.video import open_video


@pytest.mark.skipif(torch.cuda.is_available(), reason="would run the benchmark")
def test_without_cuda_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["gpu"])
    gpu.main()
    assert "no CUDA device here" in capsys.readouterr().out


def test_operations_are_counted_as_torch_counts_them(monkeypatch):
    monkeypatch.setattr(gpu, "SIDE", 64)
    case = gpu.Case("small", checkpoints.UNTRAINED, 8, torch.device("cpu"))
    model = checkpoints.init_untrained()
    with torch.inference_mode(), gpu.eager_attention(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, 8, 64, 64))
    assert case.tokens == 64 and case.flops == counter.get_total_flops()


def test_eager_attention_gives_the_same_tokens_and_is_gone_afterwards():
    model, pixels = checkpoints.init_untrained(), torch.randn(1, 3, 4, 64, 64)
    with torch.inference_mode():
        fused = model(pixels)[-1]
        with gpu.eager_attention():
            assert torch.allclose(model(pixels)[-1], fused, atol=1e-4)
        assert torch.equal(model(pixels)[-1], fused)


def test_copies_are_different_files_with_the_same_film(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "FILES", 1)
    monkeypatch.setattr(gpu, "FRAMES_A_FILE", 5)
    paths = gpu.copies(tmp_path, 3)
    assert len({Source(path=path, label=None).reading({}).video_id for path in paths}) == 3
    for path in paths:
        with open_video(path) as video:
            assert [frame.displayed for frame in video.frames()] == [(720, 1280)] * 5
