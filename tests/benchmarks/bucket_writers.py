"""Writers that commit to one bucket at once: what it costs, and that nothing is lost."""

import logging
import os
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import Queue, get_context

from tests import buckets
from tests.benchmarks.measure import Row
from tests.stores import Recipe, add_videos
from tubelet.store import Store
from tubelet.store.disk import integrity

WRITERS = int(os.environ.get("TUBELET_WRITERS", "8"))
COMMITS = int(os.environ.get("TUBELET_COMMITS", "200"))
ONE = Recipe(videos=1, clips=1, slices=2, side=2, dim=8, embeddings=False)


def rows() -> Iterator[Row]:
    with buckets.serve_faulty(), tempfile.TemporaryDirectory() as folder:
        yield _write(folder)


def _write(folder: str) -> Row:
    Store.create(buckets.URL, {"cache": f"{folder}/first"}).close()
    spawn = get_context("spawn")
    counted: Queue = spawn.Queue()
    writers = [
        spawn.Process(target=_commit_often, args=(folder, number, counted))
        for number in range(WRITERS)
    ]
    started = time.monotonic()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    seconds = time.monotonic() - started
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    retries = sum(counted.get() for _ in writers)
    store = Store(buckets.URL, fresh=True)
    found = store.rows("SELECT count(*) AS n, count(DISTINCT video_id) AS d FROM videos")[0]
    problems = list(integrity.check(store))
    store.close()
    assert found == {"n": WRITERS * COMMITS, "d": WRITERS * COMMITS} and not problems
    return Row(
        f"{WRITERS} writers x {COMMITS} commits to a bucket (moto)",
        f"{found['n']:,} of {WRITERS * COMMITS:,} rows, {found['n'] / seconds:.2g} commits/s",
        "",
        retries / found["n"],
        "the ratio is the retries per commit",
    )


def _commit_often(folder: str, number: int, counted: Queue) -> None:
    retries = Counting()
    logging.getLogger("tubelet").addHandler(retries)
    logging.getLogger("tubelet").setLevel(logging.DEBUG)
    store = Store(buckets.URL, options={"cache": f"{folder}/{number}"})
    for commit in range(COMMITS):
        add_videos(store, ONE, first=number * COMMITS + commit)
    store.close()
    counted.put(retries.count)


class Counting(logging.Handler):
    """Counts commits that are made again."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += "made again" in record.getMessage()
