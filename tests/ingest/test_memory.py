"""The memory plan: arithmetic against a measured clip, refusals with settings that then fit, and limits that are really there."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.videos import make_video
from tubelet.ingest import encoders, memory
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.errors import UsageError
from tubelet.ingest.job import Job
from tubelet.ingest.memory import Budget, ClipSize, ControlGroups
from tubelet.ingest.precision import resolve_precision

CPU = torch.device("cpu")
CLIP = ClipSize(16, 384, 384)


@pytest.fixture(scope="module")
def facts():
    return encoders.load("vjepa2.1-untrained", LoadOptions(device=CPU))[0]


@pytest.fixture
def scarce(monkeypatch):
    """A machine with so many bytes free."""
    return lambda bytes_: monkeypatch.setattr(memory, "free", lambda device: bytes_)


def test_memory_is_read_in_bytes_and_unknown_where_the_system_does_not_tell(tmp_path):
    status = tmp_path / "status"
    assert memory.read_bytes(status, "VmHWM") is None
    status.write_text("VmRSS:\t    1980 kB\n")
    assert memory.read_bytes(status, "VmRSS") == 1980 * 1024
    assert memory.read_bytes(status, "VmHWM") is None


def test_a_budget_is_that_of_arithmetic_where_the_peak_is_unknown(facts, monkeypatch):
    monkeypatch.setattr(memory, "STATUS", Path("/nowhere"))
    encoder = encoders.load("vjepa2.1-untrained", LoadOptions(device=CPU))[1]
    budget = Budget(facts, half=False)
    assert budget.calibrate(encoder, ClipSize(2, 32, 32)) == budget


def test_arithmetic_grows_with_tokens_and_pixels_and_shrinks_in_half_precision(facts):
    budget = Budget(facts, half=False)
    assert CLIP.tokens(facts) == 8 * 24 * 24
    assert budget.clip_bytes(replace(CLIP, frames=32)) == 2 * budget.clip_bytes(CLIP)
    assert budget.clip_bytes(replace(CLIP, height=768)) == 2 * budget.clip_bytes(CLIP)
    assert Budget(facts, half=True).clip_bytes(CLIP) < budget.clip_bytes(CLIP)


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="measures a process's peak as Linux tells it"
)
def test_the_measured_clip_corrects_the_arithmetic_which_was_not_far_off(facts):
    encoder = encoders.load("vjepa2.1-untrained", LoadOptions(device=CPU))[1]
    budget = Budget(facts, half=False).calibrate(encoder, ClipSize(8, 256, 256))
    assert 1.0 <= budget.correction < 4

    class Wasteful:
        device = CPU

        def encode(self, frames):
            torch.ones(2**29, dtype=torch.uint8)
            return encoder.encode(frames)

    wasteful = Budget(facts, half=False).calibrate(Wasteful(), ClipSize(8, 256, 256))
    assert wasteful.clip_bytes(ClipSize(8, 256, 256)) == pytest.approx(
        2**29 + budget.clip_bytes(ClipSize(8, 256, 256)), rel=0.3
    )


def test_a_batch_that_does_not_fit_is_refused_with_settings_that_fit(facts, scarce):
    budget = Budget(facts, half=False)
    scarce(int(2.5 * budget.clip_bytes(CLIP)))
    assert budget.batch("auto", CLIP, CPU) == 1 and budget.batch("2", CLIP, CPU) == 2
    with pytest.raises(UsageError) as error:
        budget.batch("6", CLIP, CPU)
    text = str(error.value)
    assert (
        "6 clips of 16 frames at 384 x 384 px need about" in text and "vjepa2.1-untrained" in text
    )
    batch, frames, size = (
        int(re.search(rf"--{name} (\d+)", text)[1]) for name in ("batch", "frames", "size")
    )
    assert budget.batch(str(batch), CLIP, CPU) == batch == 2
    assert budget.batch("6", replace(CLIP, frames=frames), CPU) == 6
    assert budget.batch("6", replace(CLIP, height=size, width=size), CPU) == 6
    with pytest.raises(UsageError):
        budget.batch("6", replace(CLIP, height=size + 16, width=size + 16), CPU)


def test_auto_fills_a_gpu_only_as_far_as_it_gains_and_as_it_fits(facts, scarce):
    budget, gpu = Budget(facts, half=True), torch.device("cuda")
    scarce(10**12)
    assert budget.batch("auto", CLIP, gpu) == 8  # 32,768 tokens are eight clips of 4,608
    assert budget.batch("auto", ClipSize(2, 32, 32), gpu) == memory.AUTO_CLIPS
    scarce(int(3.5 * budget.clip_bytes(CLIP)))
    assert budget.batch("auto", CLIP, gpu) == 3
    scarce(budget.clip_bytes(CLIP) // 2)
    with pytest.raises(UsageError, match="--frames"):
        budget.batch("auto", CLIP, gpu)
    with pytest.raises(UsageError, match="--precision bf16"):
        scarce(int(1.2 * budget.clip_bytes(CLIP)))
        Budget(facts, half=False).batch("auto", CLIP, gpu)


def test_weights_that_cannot_fit_are_refused_before_they_are_read(scarce):
    scarce(3 * 10**9)
    memory.check_weights(700_000_000, False, CPU)
    with pytest.raises(UsageError, match="the weights need 4.0 GB, and 3.0 GB are free on cpu"):
        memory.check_weights(1_000_000_000, False, CPU)


def test_plan_and_ingest_refuse_before_anything_is_written(scarce, tmp_path):
    video = make_video(tmp_path / "a.mp4", frames=8)
    job = Job.of(paths=[str(video)], encoder="vjepa2.1-untrained", size="4096", frames=8)
    scarce(10**9)
    for act in (job.plan, lambda: job.run(str(tmp_path / "store"))):
        with pytest.raises(
            UsageError, match="8 frames at 4096 x 4096 px need about .* use .*--size"
        ):
            act()
    assert not (tmp_path / "store").exists()


def test_the_tightest_limit_on_the_way_to_the_own_group_counts_without_the_page_cache(
    tmp_path, monkeypatch
):
    own = tmp_path / "a" / "b"
    own.mkdir(parents=True)
    groups = ControlGroups(
        root=str(tmp_path),
        name=r"^\d+:none:(.*)$",
        limit="max",
        used="current",
        cache="inactive_file",
    )
    monkeypatch.setattr(memory.re, "findall", lambda *_: ["/a/b"])
    for folder, limit, used, cache in ((own, "max", 5, 0), (own.parent, "1000", 700, 200)):
        (folder / "max").write_text(limit)
        (folder / "current").write_text(str(used))
        (folder / "memory.stat").write_text(f"anon 3\ninactive_file {cache}\n")
    assert groups.list_free() == [500]


def test_what_is_free_here_is_positive_and_less_than_the_machine_has():
    total = int(re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())[1]) * 1024
    assert 0 < memory.free(CPU) < total


def test_auto_precision_on_a_cpu_is_fp32():
    assert resolve_precision("auto", CPU) == "fp32" and resolve_precision("bf16", CPU) == "bf16"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_auto_is_bf16_and_a_batch_is_the_clips_alone():
    gpu = torch.device("cuda")
    assert resolve_precision("auto", gpu) == (
        "bf16" if torch.cuda.get_device_capability() >= (8, 0) else "fp32"
    )
    exact, rounded = (
        encoders.load("vjepa2.1-untrained", LoadOptions(device=gpu, precision=precision))[1]
        for precision in ("fp32", resolve_precision("auto", gpu))
    )
    frames = torch.randint(0, 256, (4, 8, 3, 128, 128), dtype=torch.uint8)
    with torch.inference_mode():
        together, single = (
            exact.encode(frames).embeddings,
            torch.cat([exact.encode(clip[None]).embeddings for clip in frames]),
        )
        half = rounded.encode(frames).embeddings
    cpu = encoders.load("vjepa2.1-untrained", LoadOptions(device=CPU))[1].encode(frames).embeddings
    assert together.device.type == "cuda" and not torch.backends.cudnn.allow_tf32
    assert (
        float((together - single).abs().max()) < 1e-4
        and float((together.cpu() - cpu).abs().max()) < 1e-3
    )
    assert (
        float(torch.cosine_similarity(half, exact.encode(frames).embeddings, dim=-1).mean()) > 0.999
    )
    assert (
        Budget(encoders.load("vjepa2.1-untrained", LoadOptions(device=CPU))[0], half=False)
        .calibrate(exact, ClipSize(8, 128, 128))
        .correction
        < 3
    )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_an_ingest_on_cuda_gives_the_tokens_of_the_cpu(tmp_path):
    from tests.videos import make_folder
    from tubelet.store import Store

    videos, stores = make_folder(tmp_path / "videos", 4, frames=24), {}
    for device, batch in (("cpu", "1"), ("cuda", "4")):
        job = Job.of(
            paths=[str(videos)],
            encoder="vjepa2.1-untrained",
            size="64",
            frames=8,
            device=device,
            precision="fp32",
            batch=batch,
        )
        assert job.run(str(tmp_path / device)).execute(job.sources).clips == 12
        stores[device] = Store(tmp_path / device)
    for row in stores["cpu"].rows("FROM clips"):
        a, b = (store.grid(row["clip_id"]).astype("f4") for store in stores.values())
        assert abs(a - b).max() < 1e-2
