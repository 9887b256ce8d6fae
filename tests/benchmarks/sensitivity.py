"""The sensitivity report on simulated measurements of 100 to 10,000 videos: time, memory, and its ranking against NumPy."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.benchmarks.measure import Row, by_turns, milliseconds
from tests.commands import ROOT, environment
from tests.planted import Planted, add_planted, planted_store
from tubelet.reports.sensitivity.request import SensitivityOptions, resolve_request, scope
from tubelet.store import Store
from tubelet.store.questions import sensitivity as queries

ALLOWED = {100: 3.0, 1000: 3.0, 10_000: 15.0}  # seconds for a whole report
MADE = Planted(
    dim=768, specialists=(3, 17, 40, 200, 600), stable=0.2, controls=3
)  # 19 shared slices, a pair a video, 4 x 4 patches
COMMITS = 300  # of a video each
PROGRAM = """
import json, resource, sys, time
from pathlib import Path
from tubelet.reports.catalogue import report
from tubelet.reports.sensitivity.request import SensitivityOptions
from store import Store
started, used = time.perf_counter(), time.process_time()
report("sensitivity").write(Store(sys.argv[1]), SensitivityOptions(), Path(sys.argv[2]))
taken, cpu, peak = time.perf_counter() - started, time.process_time() - used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([taken, cpu, peak, Path(sys.argv[2]).stat().st_size]))
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        for videos, allowed in ALLOWED.items():
            store = planted_store(Path(folder) / str(videos), **{**vars(MADE), "videos": videos})
            store.compact()
            yield _report(store, videos, allowed)
        yield from _ranking(store)
        store.close()
        yield _commits(Path(folder))


def _report(store: Store, videos: int, allowed: float) -> Row:
    """In a process of its own, imports not counted: its time, its memory, and its size."""
    arguments = [
        sys.executable,
        "-c",
        PROGRAM,
        str(store.root),
        str(store.root.with_suffix(".html")),
    ]
    environment_ = {
        name: value for name, value in environment().items() if name != "OMP_NUM_THREADS"
    }
    process = subprocess.run(
        arguments, capture_output=True, text=True, check=True, env=environment_, cwd=ROOT
    )
    taken, cpu, peak, size = json.loads(process.stdout.splitlines()[-1])
    what = f"the whole sensitivity report, {videos:,} videos x 768 dimensions: {size / 1e6:.2f} MB of HTML, peak memory {peak / 1e6:.0f} MB"
    return Row(
        what,
        f"{milliseconds(taken)} ({milliseconds(cpu)} of CPU)",
        f"allowed {allowed:g} s",
        taken / allowed,
        "1",
    )


def _ranking(store: Store) -> Iterator[Row]:
    question = queries.dimension_ranking(scope(store, resolve_request(store, SensitivityOptions())))
    sql = """SELECT d.dim, d.edge, d.middle, d.pair_std FROM dim_sensitivity d JOIN pairs p USING (pair_id) WHERE p.kind = 'shifted'"""
    columns = {
        name: column.to_numpy()
        for name, column in zip(("dim", "edge", "middle", "pair_std"), store.query(sql).columns)
    }
    columns["dim"] = columns["dim"].astype(np.int64)
    expected = dict(zip(*_numpy(columns)))
    assert all(
        np.isclose(expected[row["dim"]], row["relative"], rtol=1e-4)
        for row in question.answer(store).to_pylist()
    )
    figure, baseline, ratio = by_turns(lambda: question.answer(store), lambda: _numpy(columns), 7)
    what = f"ranking of 768 dimensions alone, {len(columns['dim']):,} rows"
    yield Row(
        what,
        milliseconds(figure),
        f"NumPy, columns in memory {milliseconds(baseline)}",
        ratio,
        "1.5, under 0.5 s",
    )


def _numpy(columns: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What the query says: means of the relative edge, the edge and the middle, their ratio, and the share that varies; strongest first."""
    dim, varies = columns["dim"], columns["pair_std"] > 0
    relative = np.divide(
        columns["edge"], columns["pair_std"], out=np.zeros_like(columns["edge"]), where=varies
    )
    counted, varying = np.bincount(dim), np.bincount(dim, varies)
    mean = np.bincount(dim, relative) / varying
    edge, middle = (
        np.bincount(dim, columns["edge"]) / counted,
        np.bincount(dim, columns["middle"]) / counted,
    )
    assert np.isfinite(edge / middle).all()
    order = np.argsort(-mean)
    return order, mean[order]


def _commits(folder: Path) -> Row:
    """The same videos committed one by one, then compacted, and all at once."""
    made = replace(MADE, dim=64, specialists=(3, 17), controls=0)
    at_once = planted_store(folder / "at-once", **{**vars(made), "videos": COMMITS})
    one_by_one = Store.create(folder / "one-by-one")
    for number in range(COMMITS):
        add_planted(one_by_one, replace(made, videos=1), first=number)
    one_by_one.compact()
    asked = [
        queries.dimension_ranking(scope(store, resolve_request(store, SensitivityOptions())))
        for store in (one_by_one, at_once)
    ]
    figure, baseline, ratio = by_turns(
        lambda: asked[0].answer(one_by_one), lambda: asked[1].answer(at_once), 15
    )
    one_by_one.close(), at_once.close()
    what = f"the ranking of {COMMITS} videos x 64 dimensions, committed one by one and compacted"
    return Row(what, milliseconds(figure), f"in one commit {milliseconds(baseline)}", ratio, "")
