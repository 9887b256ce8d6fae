"""What ingest costs on top of the encoder: its wall time over the bare forward on the same clips."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from tests.benchmarks.measure import Row, by_turns, milliseconds
from tests.videos import make_video
from tubelet.ingest import checkpoints
from tubelet.ingest.contract import Encoder
from tubelet.ingest.job import Job
from tubelet.ingest.networks.vjepa import VARIANTS
from tubelet.ingest.pipeline.messages import DecodedClip
from tubelet.ingest.pipeline.progress import Progress
from tubelet.ingest.pipeline.reader import Known, Reader
from tubelet.ingest.pipeline.run import Run
from tubelet.ingest.vjepa_encoder import VJEPAEncoder
from tubelet.store import Store

CONFIG = VARIANTS["vjepa2.1-vitb"].encoder
SIDE, TURNS = 384, 3  # a clip of 16 frames is 4,608 tokens
HEIGHTS = (480, 720, 720, 1080)  # of the videos, a clip each


def rows() -> Iterator[Row]:
    encoder = VJEPAEncoder(checkpoints.init_untrained(CONFIG), torch.device("cpu"), "fp32")
    with tempfile.TemporaryDirectory() as folder:
        videos = Path(folder) / "videos"
        for number, height in enumerate(HEIGHTS):
            make_video(
                videos / f"{number}.mp4",
                frames=16,
                height=height,
                width=height * 16 // 9 // 2 * 2,
                seed=number,
            )
        job = replace(_job(videos), encoder=encoder)
        pixels = [
            item.pixels
            for source in job.sources
            for item in Reader(job.recipe, Known()).read(source)
            if isinstance(item, DecodedClip)
        ]
        assert len(pixels) == len(HEIGHTS)
        stores = iter(range(1000))
        figure, baseline, ratio = by_turns(
            lambda: _ingest(job, Path(folder) / f"store{next(stores)}"),
            lambda: _forward(encoder, pixels),
            TURNS,
        )
    what = f"ingest of {len(HEIGHTS)} clips, ViT-B geometry in fp32, 16 frames at {SIDE} px, from H.264 of 480p to 1080p"
    yield Row(what, milliseconds(figure), f"bare forward {milliseconds(baseline)}", ratio, "1.08")


def _job(videos: Path) -> Job:
    """The recipe of the small untrained encoder with ViT-B's dimensions; its windows and geometry are those of ViT-B."""
    job = Job.of(paths=[str(videos)], encoder="vjepa2.1-untrained", device="cpu", size=str(SIDE))
    facts = replace(job.recipe.encoder, dim=CONFIG.dim)
    return replace(job, recipe=replace(job.recipe, encoder=facts))


def _ingest(job: Job, root: Path) -> None:
    summary = Run(
        Store.create(root), job.recipe, job.encoder, Progress(len(job.sources), quiet=True)
    ).execute(job.sources)
    assert summary.clips == len(HEIGHTS)


def _forward(encoder: Encoder, clips: list[torch.Tensor]) -> None:
    with torch.inference_mode():
        for pixels in clips:
            encoder.encode(pixels[None])
