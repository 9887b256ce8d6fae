"""Peak memory of an ingest: a ten-minute video against shorter ones, each in a process of its own."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import Row
from tests.commands import ROOT, environment
from tests.videos import make_video

FPS = 25
PROGRAM = """
import json, sys
from tubelet.ingest.job import Job
from tubelet.ingest.probe import peak_memory
job = Job.of(paths=[sys.argv[1]], encoder="toy", size="224")
summary = job.run(sys.argv[2]).execute(job.sources)
print(json.dumps([summary.clips, peak_memory(job.device)]))
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        (_, short), (_, minute), (clips, long) = (
            _peak(Path(folder), seconds) for seconds in (10, 60, 600)
        )
    what = f"peak memory of an ingest, 10-minute video ({clips:,} clips)"
    for name, peak in (("10-second", short), ("1-minute", minute)):
        yield Row(
            what,
            f"{long / 1e6:.0f} MB",
            f"{name} video {peak / 1e6:.0f} MB",
            long / peak,
            "does not grow",
        )


def _peak(folder: Path, seconds: int) -> tuple[int, int]:
    frames = seconds * FPS
    video = make_video(folder / f"{frames}.mp4", frames=frames, height=240, width=320)
    arguments = [sys.executable, "-c", PROGRAM, str(video), str(folder / f"store{frames}")]
    process = subprocess.run(
        arguments, capture_output=True, text=True, check=True, env=environment(), cwd=ROOT
    )
    return tuple(json.loads(process.stdout.splitlines()[-1]))
