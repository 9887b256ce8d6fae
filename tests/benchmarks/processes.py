"""One ingest on two devices of a CPU against the same on one: clips per second between the first commit and the last."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path

from tests.benchmarks.measure import Row
from tests.commands import ROOT, environment
from tests.videos import make_folder

TURNS, VIDEOS, FRAMES = 3, 12, 200


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        videos = make_folder(Path(folder) / "videos", VIDEOS, frames=FRAMES, height=240, width=320)
        number = count()

        def rate(device: str) -> float:
            return _rate(videos, Path(folder) / str(next(number)), device)

        pairs = [(rate("cpu,cpu"), rate("cpu")) for _ in range(TURNS)]
    ratios = sorted(two / one for two, one in pairs)
    two, one = pairs[0]
    yield Row(
        f"`toy`, {VIDEOS} videos, 2 processes",
        f"{two:.3g} clips/s",
        f"1 process {one:.3g} clips/s",
        ratios[TURNS // 2],
        f"1.7 ({ratios[0]:.2f} to {ratios[-1]:.2f} in {TURNS} turns)",
    )


def _rate(videos: Path, root: Path, device: str) -> float:
    """Clips per second from the first to the last line of the log that says a video ended."""
    log = root.with_suffix(".jsonl")
    arguments = ("--encoder", "toy", "--frames", "4", "--pairs", "0", "--no-pictures", "--quiet")
    command = ["ingest", videos, "--store", root, *arguments, "--device", device, "--log", log]
    subprocess.run(
        [sys.executable, "-m", "tubelet", *map(str, command)],
        check=True,
        capture_output=True,
        env={**environment(), "OMP_WAIT_POLICY": "PASSIVE", **dict(os.environ)},
        cwd=ROOT,
    )
    ended = [line for line in map(json.loads, log.read_text().splitlines()) if "outcome" in line]
    times = [datetime.fromisoformat(line["at"]) for line in ended]
    return sum(line["clips"] for line in ended[1:]) / (times[-1] - times[0]).total_seconds()
