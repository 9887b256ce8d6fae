"""What ingest costs on top of the encoder: its wall time over the bare forward on the same clips."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from ingest import checkpoints
from ingest.encoders import Encoder
from ingest.job import Job
from ingest.messages import Clip
from ingest.progress import Progress
from ingest.reader import Known, Reader
from ingest.run import Run
from ingest.vjepa_encoder import VJEPAEncoder
from store import Store
from tests.benchmarks.measure import Row, by_turns, milliseconds
from tests.videos import make_folder

CLIPS = 8  # of 16 frames at 224 px: 1,568 tokens each
TURNS = 5


def rows() -> Iterator[Row]:
    config = checkpoints.RELEASED["vjepa2.1-vitb"].config
    encoder = VJEPAEncoder(checkpoints.untrained(config), torch.device("cpu"), "fp32")
    with tempfile.TemporaryDirectory() as folder:
        videos = make_folder(Path(folder) / "videos", CLIPS // 2, frames=32, height=480, width=640)
        job = replace(_job(videos), encoder=encoder)
        pixels = [item.pixels for source in job.sources for item in Reader(job.recipe, Known()).read(source) if isinstance(item, Clip)]
        assert len(pixels) == CLIPS
        stores = iter(range(1000))
        figure, baseline, ratio = by_turns(
            lambda: _ingest(job, Path(folder) / f"store{next(stores)}"), lambda: _forward(encoder, pixels), TURNS
        )
    what = f"ingest of {CLIPS} clips, ViT-B geometry, 16 frames at 224 px, from 480p H.264"
    yield Row(what, milliseconds(figure), f"bare forward {milliseconds(baseline)}", ratio, "1.10")


def _job(videos: Path) -> Job:
    """The recipe of the small untrained encoder; its windows and geometry are those of ViT-B."""
    return Job.of(paths=[str(videos)], encoder="vjepa2.1-untrained", device="cpu")


def _ingest(job: Job, root: Path) -> None:
    summary = Run(Store.create(root), job.recipe, job.encoder, Progress(len(job.sources), quiet=True)).execute(job.sources)
    assert summary.clips == CLIPS


def _forward(encoder: Encoder, clips: list[torch.Tensor]) -> None:
    with torch.inference_mode():
        for pixels in clips:
            encoder.encode(pixels[None])
