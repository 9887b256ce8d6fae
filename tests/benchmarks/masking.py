"""The masking lab's answer: a mask of one window by the small network, as the page runs it, with a process that waits and without."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import Row, milliseconds, seconds
from tests.videos import make_video
from tubelet.dashboard.masking.running import SPARES
from tubelet.ingest.job import Job
from tubelet.store import Store
from tubelet.store.jobs.listing import find_job
from tubelet.store.jobs.starting import start_job
from tubelet.store.jobs.state import DONE

ALLOWED, WARMED_S, TURNS = 2.0, 30.0, 3
SMALL = {"encoder": "vjepa2.1-tiny", "size": "96", "frames": 16, "device": "cpu", "pairs": "0", "quiet": True}  # fmt: skip


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        video = make_video(Path(folder) / "a.mp4", frames=16, height=128, width=160)
        job = Job.of(paths=[str(video)], **SMALL)
        job.run(f"{folder}/store").execute(job.sources)
        store = Store(Path(folder) / "store")
        (clip,) = store.rows("SELECT clip_id FROM clips")
        cold = min(_run(store, clip["clip_id"], turn, False) for turn in range(TURNS))
        warm = min(_run(store, clip["clip_id"], turn + TURNS, True) for turn in range(TURNS))
        store.close()
    what = (
        "a mask of one window by vjepa2.1-tiny, 8 slices of 6 x 6 patches, until its job has ended"
    )
    yield Row(what, milliseconds(warm), f"without a process that waits {milliseconds(cold)}; allowed {ALLOWED:g} s", warm / ALLOWED, "1")  # fmt: skip


def _run(store: Store, clip_id: str, seed: int, warmed: bool) -> float:
    if warmed:
        SPARES.warm(os.environ)
        time.sleep(WARMED_S)
    words = ["mask", f"--store={store.root}", "--clip", clip_id, "--mask", "tube", "--seed", str(seed)]  # fmt: skip

    def run() -> None:
        job_id = start_job(store, words, store.root.parent, os.environ, SPARES if warmed else None)
        while find_job(store, job_id).live:
            time.sleep(0.02)
        assert find_job(store, job_id).status == DONE

    return seconds(run)
