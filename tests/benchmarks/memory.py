"""Peak memory of an ingest: a ten-minute video against a ten-second one, each in a process of its own."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import Row
from tests.commands import ROOT, environment
from tests.videos import make_video

PROGRAM = """
import json, resource, sys
from ingest.job import Job
job = Job.of(paths=[sys.argv[1]], encoder="toy", size="224")
summary = job.run(sys.argv[2]).execute(job.sources)
print(json.dumps([summary.clips, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        peaks = {minutes: _peak(Path(folder), minutes) for minutes in (10 / 60, 10)}
    (_, short), (clips, long) = peaks.values()
    yield Row(f"peak memory, 10-minute video ({clips:,} clips)", f"{long / 1e6:.0f} MB", f"10-second video {short / 1e6:.0f} MB", long / short, "does not grow")


def _peak(folder: Path, minutes: float) -> tuple[int, int]:
    frames = round(minutes * 60 * 25)
    video = make_video(folder / f"{frames}.mp4", frames=frames, height=240, width=320)
    arguments = [sys.executable, "-c", PROGRAM, str(video), str(folder / f"store{frames}")]
    process = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment(), cwd=ROOT)
    return tuple(json.loads(process.stdout.splitlines()[-1]))
