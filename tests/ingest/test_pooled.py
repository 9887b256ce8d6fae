"""Pooled states: what `--keep pooled` stores, what it leaves out, and how it goes with embeddings and statistics."""

from pathlib import Path

import numpy as np
import pytest

from tests.videos import make_folder
from tubelet.ingest.errors import UsageError
from tubelet.ingest.job import Job
from tubelet.store import Store
from tubelet.store.disk import integrity, removal

NAME, BLOCKS, DIM, SLICES = "vjepa2.1-untrained", 6, 192, 2


def job(videos: Path, **asked: object) -> Job:
    small = {"encoder": NAME, "size": "48", "frames": 4, "layer": "blocks:all", "device": "cpu"}
    return Job.of(paths=[str(videos)], **{**small, **asked})


def ingest(videos: Path, store: Path, **asked: object):
    made = job(videos, **asked)
    run = made.run(str(store))
    summary = run.execute(made.sources)
    run.store.close()
    assert not summary.failures, summary.failures
    return summary


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    return make_folder(tmp_path_factory.mktemp("pooled") / "videos", 2, frames=8)


@pytest.fixture
def store(videos, tmp_path):
    """Pooled states of every block, and nothing else."""
    ingest(videos, tmp_path / "store", keep="pooled")
    opened = Store(tmp_path / "store")
    yield opened
    opened.close()


def count(store: Store, table: str) -> int:
    return store.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"]


def kept(store: Store) -> set[tuple]:
    columns = "embedding_path IS NOT NULL AS tokens, has_statistics, pooled_layers"
    return {tuple(row.values()) for row in store.rows(f"SELECT {columns} FROM clips")}


def states(store: Store) -> dict[tuple, np.ndarray]:
    rows = store.rows("FROM pooled")
    return {
        (row["clip_id"], row["slice"], row["layer"], name): np.array(row[f"pooled_{name}"])
        for row in rows
        for name in ("mean", "max", "std")
    }


def test_pooled_states_alone_are_a_row_per_clip_slice_and_layer(store, videos) -> None:
    layers = store.rows("SELECT layer, count(*) AS n FROM pooled GROUP BY layer ORDER BY layer")
    assert layers == [{"layer": f"block:{n}", "n": 4 * SLICES} for n in range(BLOCKS)]
    assert kept(store) == {(False, False, BLOCKS)}
    assert [count(store, name) for name in ("token_stats", "dim_stats", "token_samples")] == [0] * 3
    assert count(store, "pairs") == 0 and list(integrity.check(store)) == []
    again = ingest(videos, store.root, keep="pooled")
    assert (again.clips, again.clips_kept, again.videos_decoded) == (0, 4, 0)


def test_pooled_states_are_those_of_the_tokens(store, videos, tmp_path) -> None:
    ingest(videos, tmp_path / "tokens", keep="embeddings,pooled", pairs="0")
    whole = Store(tmp_path / "tokens")
    assert kept(whole) == {(True, True, BLOCKS)} and list(integrity.check(whole)) == []
    ours, theirs = states(store), states(whole)
    assert ours.keys() == theirs.keys() and len(ours) == 4 * SLICES * BLOCKS * 3
    for key, value in ours.items():
        np.testing.assert_array_equal(value, theirs[key])
        clip_id, slice_, layer, name = key
        block = int(layer.removeprefix("block:"))
        tokens = whole.grid(clip_id)[slice_, ..., block * DIM : (block + 1) * DIM]
        wanted = getattr(tokens.astype(np.float32).reshape(-1, DIM), name)(axis=0)
        np.testing.assert_allclose(value, wanted, atol=4e-3, rtol=2e-3)
    whole.close()


@pytest.mark.long
def test_all_layers_pooled_take_less_than_the_tokens_of_one(videos, tmp_path) -> None:
    """At 224 px, where a slice has 196 patches: six layers of three vectors."""
    pooled, one = (
        job(videos, size="224", pairs="0", **asked).plan().disk_bytes
        for asked in ({"keep": "pooled"}, {"keep": "embeddings", "layer": "block:5"})
    )
    assert pooled < one / 2


@pytest.mark.long
def test_what_is_asked_for_later_is_added_and_nothing_is_lost(store, videos) -> None:
    before = states(store)
    added = ingest(videos, store.root, keep="embeddings", pairs="0")
    assert added.clips == 4 and kept(store) == {(True, True, BLOCKS)}
    after = states(store)
    assert after.keys() == before.keys()
    assert all(np.array_equal(after[key], before[key]) for key in before)
    files = {path: path.stat().st_mtime_ns for path in store.root.glob("embeddings/*/*/*.parquet")}
    assert len(files) == 4 and list(integrity.check(store)) == []
    assert ingest(videos, store.root, keep="pooled").clips == 0
    assert {path: path.stat().st_mtime_ns for path in files} == files


@pytest.mark.long
def test_embeddings_stay_where_pooled_states_are_added(videos, tmp_path) -> None:
    ingest(videos, tmp_path / "store", layer="block:2", pairs="0")
    opened = Store(tmp_path / "store")
    columns = "SELECT clip_id, embedding_sha256, embedding_path FROM clips ORDER BY ALL"
    before = opened.rows(columns), count(opened, "token_stats")
    assert ingest(videos, tmp_path / "store", layer="block:2", keep="pooled").clips == 4
    assert (opened.rows(columns), count(opened, "token_stats")) == before
    assert kept(opened) == {(True, True, 1)} and count(opened, "pooled") == 4 * SLICES
    assert list(integrity.check(opened)) == []
    opened.close()


def test_pooled_states_go_with_their_clips_and_survive_compaction(store) -> None:
    store.compact()
    assert count(store, "pooled") == 4 * SLICES * BLOCKS
    (first, *_) = store.query("SELECT clip_id FROM clips ORDER BY ALL")["clip_id"].to_pylist()
    removal.remove(store, {"clips": [first]})
    assert count(store, "pooled") == 3 * SLICES * BLOCKS and list(integrity.check(store)) == []


def test_missing_rows_are_found_and_restored(store, videos) -> None:
    (lost, *_) = store.query("SELECT clip_id FROM clips ORDER BY ALL")["clip_id"].to_pylist()
    store.commit({}, {"pooled": [lost]})
    (problem,) = integrity.check(store)
    assert problem.clip_id == lost and "pooled has 0 of its 12 rows" in str(problem)
    integrity.repair(store, [problem])
    assert ingest(videos, store.root, keep="pooled").clips == 1
    assert list(integrity.check(store)) == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"keep": "vectors"}, "--keep is vectors: vectors is unknown: choose embeddings"),
        ({"keep": "pooled,"}, "nothing is unknown"),
        ({"keep": "pooled", "pairs": "2"}, "--keep pooled measures no pairs of windows"),
        ({"keep": "pooled", "shift": 1}, "--keep pooled,statistics"),
    ],
)
def test_what_cannot_be_kept_is_refused(asked, told, videos) -> None:
    with pytest.raises(UsageError, match=told):
        job(videos, **asked)
