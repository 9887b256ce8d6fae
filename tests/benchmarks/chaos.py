"""Ingests into a bucket while the server and the processes fail at random, by seed: every store must equal one that nothing disturbed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests import buckets
from tests.benchmarks.measure import Row
from tests.chaos import TOY, Outcome, compare_with, ingest_in_chaos
from tests.contents import contents
from tests.videos import make_folder
from tubelet.ingest.job import Job

RUNS = int(os.environ.get("TUBELET_CHAOS_RUNS", "100"))
FIRST = int(os.environ.get("TUBELET_CHAOS_SEED", "1"))
KILLS = 2


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        videos = make_folder(folder / "videos", 4, frames=40)
        job = Job.of(paths=[str(videos)], **TOY)
        run = job.run(str(folder / "store"))
        clips = run.execute(job.sources).clips
        run.store.close()
        whole = contents(folder / "store")
        outcomes = [_disturb(videos, folder / str(seed), seed, whole) for seed in _seeds()]
    again = [outcome.encoded - clips for outcome in outcomes]
    faults, killed = (sum(map(of, outcomes)) for of in (lambda o: o.faults, lambda o: o.killed))
    yield Row(
        f"{len(outcomes)} ingests of {clips} clips into a bucket by 2 processes, {faults:,} faults of the server, {killed} kills",
        f"{len(outcomes)} sound stores, equal to the undisturbed one",
        f"undisturbed {clips} clips encoded",
        max(again) / clips + 1,
        f"1 (clips that were encoded again: {sum(max(0, n) for n in again)})",
    )


def _seeds() -> range:
    return range(FIRST, FIRST + RUNS)


def _disturb(videos: Path, folder: Path, seed: int, whole: dict[str, list[tuple]]) -> Outcome:
    """One run; its seed and what happened are a line, so that one that fails can be run again alone."""
    folder.mkdir()
    with buckets.serve_faulty() as server:
        outcome = ingest_in_chaos(server, videos, folder, seed, KILLS)
        print(f"seed {seed}: {outcome}", flush=True)
        compare_with(whole)
    shutil.rmtree(folder)
    return outcome
