"""Every depth in one pass: an ingest that pools all blocks, beside one that pools the output alone."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.measure import Row
from tests.videos import make_folder
from tubelet.ingest.job import Job
from tubelet.store import Store

VIDEOS, FRAMES, SIDE, TURNS = 4, 32, 256, 3
ENCODER = "vjepa2.1-untrained"  # the smallest of its kind: statistics of its blocks cost more of a pass than those of any other


def rows() -> Iterator[Row]:
    """In CPU time, which a busy machine changes less; the median of ratios taken by turns."""
    with tempfile.TemporaryDirectory() as folder:
        videos = make_folder(Path(folder) / "videos", VIDEOS, frames=FRAMES)
        stores = (Path(folder) / f"store{number}" for number in range(1000))
        turns = []
        for _ in range(TURNS + 1):  # one to warm up
            taken = [_measure(lambda: _ingest(videos, next(stores), layer)) for layer in ("blocks:all", "last")]  # fmt: skip
            turns.append(taken)
    ratios = sorted((a / b, a, b) for a, b in turns[1:])
    ratio, figure, baseline = ratios[len(ratios) // 2]
    what = f"ingest with --layer blocks:all --keep pooled (6 blocks), {VIDEOS} videos of {FRAMES} frames at {SIDE} px, {ENCODER} (CPU time)"
    yield Row(what, f"{figure:.1f} s", f"--layer last {baseline:.1f} s", ratio, "1.10")


def _measure(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _ingest(videos: Path, root: Path, layer: str) -> None:
    asked = {"encoder": ENCODER, "size": str(SIDE), "layer": layer, "keep": "pooled", "pairs": "0"}
    job = Job.of(paths=[str(videos)], device="cpu", **asked)
    Store.create(root).close()
    run = job.run(str(root))
    summary = run.execute(job.sources)
    run.store.close()
    assert summary.clips >= VIDEOS and not summary.failures
