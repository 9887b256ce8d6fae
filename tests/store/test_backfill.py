"""`tubelet backfill`: a statistic that a newcomer adds to the source, on stores made before it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.commands import ROOT, environment, run_here
from tests.stores import synthetic_store
from tubelet.store import Store
from tubelet.store.disk import tables
from tubelet.store.jobs import state
from tubelet.store.jobs.listing import list_jobs

PEAK = """

@statistic("largest component of the embedding")
def peak(grid: Array) -> Array:
    return array_namespace(grid).max(grid, axis=-1)
"""
SLOWLY = "import sys, tubelet.store.backfill as b, tubelet.cli; b.COMMIT_CLIPS = 1; tubelet.cli.main(sys.argv[1:], prog_name='tubelet')"


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source with one statistic more, added as the documentation says."""
    tree = tmp_path_factory.mktemp("newer")
    for room in ("store", "tubelet"):
        shutil.copytree(
            ROOT / room, tree / room, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    with (tree / "store/statistics.py").open("a") as file:
        file.write(PEAK)
    return tree


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Made before the statistic was thought of."""
    made = synthetic_store(tmp_path / "store", videos=6, clips=2)
    yield made
    made.close()


def start(newer: Path, *arguments: object, slowly: bool = False) -> subprocess.Popen:
    program = ["-c", SLOWLY] if slowly else ["-m", "tubelet"]
    command = [sys.executable, *program, *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=newer,
        env=environment() | {"PYTHONPATH": str(newer)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(newer: Path, *arguments: object) -> subprocess.CompletedProcess:
    process = start(newer, *arguments)
    said = process.communicate(timeout=120)
    return subprocess.CompletedProcess(arguments, process.returncode, *said)


def peaks(newer: Path, store: Store) -> list[tuple]:
    """Clip, address and value of every token, as the newer source reads them."""
    query = "SELECT clip_id, slice, y, x, peak, norm FROM token_stats ORDER BY ALL"
    done = run(newer, "sql", query, "--store", store.root, "--format", "csv")
    assert done.returncode == 0, done.stderr
    return [tuple(line.split(",")) for line in done.stdout.splitlines()[1:]]


def stored_peaks(store: Store) -> list[tuple]:
    """The same, as they lie on disk."""
    folder = store.layout.table("token_stats")
    held = tables.open_table(folder, store.snapshot().versions["token_stats"])
    rows = pa.concat_tables(map(pq.read_table, held.files), promote_options="default")
    names = ("clip_id", "slice", "y", "x", "peak", "norm")
    return list(zip(*(rows[name].to_pylist() for name in names)))


def refuse_unequal(store: Store, rows: list[tuple]) -> None:
    """Every token has the largest component of its stored embedding."""
    clips = {
        row["clip_id"]: store.grid(row["clip_id"]).astype(np.float32).max(axis=-1)
        for row in store.rows("FROM clips")
    }
    assert len(rows) == sum(grid.size for grid in clips.values())
    for clip, s, y, x, peak, _ in rows:
        assert float(peak) == pytest.approx(
            clips[clip.strip('"')][int(s), int(y), int(x)], rel=1e-6
        )


@pytest.mark.long
def test_a_statistic_added_later_is_computed_for_stored_clips_and_changes_nothing_else(
    newer: Path, store: Store
) -> None:
    before = (
        store.rows("FROM token_stats ORDER BY ALL"),
        store.rows("FROM slice_stats ORDER BY ALL"),
    )
    assert {row[4] for row in peaks(newer, store)} == {""}, "NULL in a store from before"
    done = run(newer, "backfill", "--statistic", "peak", "--store", store.root)
    assert (
        done.returncode == 0
        and "statistics of 12 clips computed" in done.stdout
        and "12 of 12 clips" in done.stderr
    ), done.stderr
    refuse_unequal(store, peaks(newer, store))
    assert (
        store.rows("FROM token_stats ORDER BY ALL"),
        store.rows("FROM slice_stats ORDER BY ALL"),
    ) == before
    means = run(newer, "sql", "SELECT max(abs(s.peak - m)) FROM slice_stats s JOIN (SELECT clip_id, slice, avg(peak) AS m FROM token_stats GROUP BY ALL) USING (clip_id, slice)",
                "--store", store.root, "--format", "csv")  # fmt: skip
    assert float(means.stdout.splitlines()[1]) < 1e-5
    assert run_here("check", "--store", store.root).returncode == 0
    again = run(newer, "backfill", "--store", store.root)
    assert again.returncode == 0 and "statistics of 0 clips computed" in again.stdout


@pytest.mark.long
def test_it_stops_at_ctrl_c_and_goes_on_where_it_was(newer: Path, store: Store) -> None:
    process = start(newer, "backfill", "--statistic", "all", "--store", store.root, slowly=True)
    assert process.stderr.readline() == "1 of 12 clips\n"
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 130 and "run the same command again" in out
    rows = stored_peaks(store)
    done = {row[0] for row in rows if row[4] is not None}
    assert 1 <= len(done) < 12 and {row[0] for row in rows if row[4] is None}.isdisjoint(done), (
        "clips are whole or as before"
    )
    again = run(newer, "backfill", "--statistic", "all", "--store", store.root)
    assert (
        again.returncode == 0 and f"statistics of {12 - len(done)} clips computed" in again.stdout
    )
    jobs = list_jobs(store)
    assert [job.status for job in jobs] == [state.DONE, state.STOPPED], "others see them as jobs"
    far = [job.progress for job in jobs if job.progress]
    assert [(one.done, one.total) for one in far] == [(12 - len(done),) * 2, (len(done), 12)]
    refuse_unequal(store, stored_peaks(store))


@pytest.mark.long
def test_killed_it_leaves_what_was_committed(newer: Path, store: Store) -> None:
    process = start(newer, "backfill", "--store", store.root, slowly=True)
    process.stderr.readline()
    process.kill()
    process.communicate()
    assert run_here("check", "--store", store.root).returncode == 0
    assert run(newer, "backfill", "--store", store.root).returncode == 0
    refuse_unequal(store, stored_peaks(store))


def test_clips_without_embeddings_and_damaged_files_are_named(newer: Path, tmp_path: Path) -> None:
    bare = synthetic_store(tmp_path / "bare", videos=1, embeddings=False)
    done = run(newer, "backfill", "--store", bare.root)
    assert done.returncode == 0 and "1 clip has no embeddings: ingest" in done.stdout
    harmed = synthetic_store(tmp_path / "harmed", videos=2)
    path = next(harmed.root.glob("embeddings/**/*.parquet"))
    path.write_bytes(path.read_bytes()[:-100])
    done = run(newer, "backfill", "--store", harmed.root)
    assert (
        done.returncode == 1
        and f"not computed: clip {path.stem}" in done.stdout
        and "statistics of 1 clip computed" in done.stdout
    )
    bare.close(), harmed.close()


def test_a_statistic_that_does_not_exist_is_refused(store: Store) -> None:
    done = run_here("backfill", "--statistic", "loudness", "--store", store.root)
    assert (
        done.returncode == 2
        and "--statistic loudness does not exist: choose all, norm" in done.stderr
    )
