"""Ingests into a bucket while the server fails at random and processes are killed at random."""

import random
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tests import buckets
from tests.buckets import Fault, FaultyServer
from tests.contents import columns_of
from tests.forks import fork
from tubelet.store import Store
from tubelet.store.disk import integrity
from tubelet.store.schema import TABLES

TOY = {"encoder": "toy", "size": "64", "frames": 4, "device": "cpu", "quiet": True}
FAULTY = 0.04  # of the requests
MACHINES = 2
MOST_FAILED = 50  # of many, each is of the same cause


@dataclass(frozen=True)
class Outcome:
    """What happened in one run."""

    killed: int
    failed: list[
        int
    ]  # exit codes of processes that ended too early, and were started again; 3: with a sentence
    faults: int
    encoded: int  # clips, by processes that ended


def ingest_in_chaos(
    server: FaultyServer, videos: Path, folder: Path, seed: int, kills: int
) -> Outcome:
    """Ingest on two machines until both have ended in order; `kills` processes are killed before."""
    chance, faults = random.Random(seed), []

    def choose(method: str, path: str) -> Fault | None:
        if chance.random() > FAULTY:
            return None
        faults.append(path)
        return chance.choice([Fault.SLOW_DOWN, Fault.CUT, Fault.LOST, Fault.SLOW])

    server.choose = choose
    running = {name: _start(videos, folder, name) for name in range(MACHINES)}
    killed, failed = 0, list[int]()
    next_kill = time.monotonic() + chance.uniform(0.5, 3)
    while running:
        time.sleep(0.05)
        if killed < kills and time.monotonic() > next_kill:
            killed += 1
            next_kill = time.monotonic() + chance.uniform(0.5, 3)
            name = chance.choice(list(running))
            running[name].kill()
        for name, process in list(running.items()):
            if process.exitcode == 0:
                del running[name]
            elif process.exitcode is not None:
                failed += [process.exitcode] if process.exitcode != -signal.SIGKILL else []
                assert len(failed) < MOST_FAILED, _read_errors(folder)
                running[name] = _start(videos, folder, name)
    server.choose = lambda method, path: None
    encoded = sum(int(file.read_text()) for file in folder.glob("*.clips"))
    return Outcome(killed, failed, len(faults), encoded)


def _read_errors(folder: Path) -> str:
    """What the last processes said that ended too early."""
    return "\n".join(file.read_text() for file in sorted(folder.glob("*.error"))[-3:])


def compare_with(whole: dict[str, list[tuple]]) -> None:
    """Fail unless the store in the bucket is sound, and holds what a store does that nothing disturbed."""
    store = Store(buckets.URL, fresh=True)
    assert [str(problem) for problem in integrity.check(store)] == []
    for name in TABLES:
        found = store.rows(f"SELECT {columns_of(name)} FROM {name} ORDER BY ALL")
        assert [tuple(map(str, row.values())) for row in found] == whole[name], name
    shutil.rmtree(store.root)
    store.close()


def _start(videos: Path, folder: Path, name: int):
    return fork(_ingest, str(videos), str(folder), name)


def _ingest(videos: str, folder: str, name: int) -> None:
    from tubelet.ingest.job import Job
    from tubelet.ingest.pipeline import writer
    from tubelet.store.errors import StoreError
    from tubelet.store.jobs import claims

    writer.COMMIT_SECONDS = 0.5  # more commits to be hit
    claims.BEAT_S, claims.EXPIRY_S = 0.5, 20.0  # else a slow machine is taken for a dead one
    job = Job.of(paths=[videos], **TOY)
    try:
        run = job.run(buckets.URL, options={"cache": f"{folder}/cache-{name}"})
        summary = run.execute(job.sources)
    except StoreError as error:
        (Path(folder) / f"{time.time_ns()}.error").write_text(str(error))
        raise SystemExit(3) from None
    assert not summary.failures, summary.failures
    (Path(folder) / f"{time.time_ns()}.clips").write_text(str(summary.clips))
