"""How far a store goes past one machine: what its commits carry, what a slice costs out of a bucket, and what pages cost over 100,000 videos."""

import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests import buckets
from tests.benchmarks.measure import Row, by_turns, milliseconds, seconds
from tests.benchmarks.one_clip import TOKENS, make_token_rows
from tests.benchmarks.scale import make_clips
from tests.stores import Recipe, fill_store, synthetic_store
from tubelet.store import Store, ids
from tubelet.store.schema import TABLES

AT_ONCE, COMMITS = 64, 6  # clips of a commit, as an ingest makes them
VIDEOS, PER_COMMIT = 100_000, 25_000
LARGE = Recipe(videos=2, clips=1, slices=22, side=24, dim=768)
ONE = Recipe(videos=1, clips=2, slices=4, side=4, dim=16, embeddings=False)
COPIED = "videos", "places", "clips", "slice_stats", "pairs", "dim_sensitivity", "slice_sensitivity"
OWN = {"video_id", "clip_id", "clip_a", "clip_b", "pair_id", "place_id"}
PAGES = "corpus", "video", "sensitivity", "sql"


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        yield _commit_in_folder(Path(folder))
    with tempfile.TemporaryDirectory() as folder, buckets.serve_bucket():
        yield _commit_in_bucket(Path(folder))
        yield _read_slices(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        yield from _open_pages(Path(folder))


def _commit_in_folder(folder: Path) -> Row:
    store = Store.create(folder / "store")
    took, used = _commit(store)
    store.close()
    return _carried("a folder", took, used)


def _commit_in_bucket(folder: Path) -> Row:
    store = Store.create(buckets.URL, {"cache": str(folder / "writer")})
    took, used = _commit(store)
    store.close()
    return _carried("a bucket (moto in the same process)", took, used)


def _carried(where: str, took: float, used: float) -> Row:
    clips = AT_ONCE * COMMITS
    return Row(
        f"commits of {AT_ONCE} clips of {TOKENS:,} tokens, with their token statistics, into {where}",
        f"{clips / took:.3g} clips/s",
        f"{clips / used:.3g} clips per second of CPU",
        used / took,
        "",
    )


def _commit(store: Store) -> tuple[float, float]:
    """Seconds, and seconds of CPU, of many commits whose rows are made before."""
    took = used = 0.0
    for number in range(COMMITS):
        numbers = range(number * AT_ONCE, (number + 1) * AT_ONCE)
        tables = {"clips": make_clips(numbers), "token_stats": make_token_rows(numbers)}
        before = _cpu()
        took += seconds(lambda: store.commit(tables))
        used += _cpu() - before
    return took, used


def _cpu() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


def _read_slices(folder: Path) -> Row:
    """A slice of a clip on a machine that has its file, against one that has not."""
    buckets.clear()
    writer = Store.create(buckets.URL, {"cache": str(folder / "other")})
    fill_store(writer, LARGE)
    reader = Store(buckets.URL, options={"cache": str(folder / "reader")})
    clip_id = reader.rows("SELECT clip_id FROM clips ORDER BY ALL LIMIT 1")[0]["clip_id"]
    path = reader.layout.embedding_path(reader.clip(clip_id).embedding_path)

    def read_fresh() -> None:
        path.unlink(missing_ok=True)
        reader.grid(clip_id, 3, 4)

    held, fresh, ratio = by_turns(lambda: reader.grid(clip_id, 3, 4), read_fresh, 9)
    writer.close(), reader.close()
    return Row(
        "a slice of a clip of 22 x 24 x 24 x 768 out of a bucket (moto in the same process), its file in the cache",
        milliseconds(held),
        f"not in the cache {milliseconds(fresh)}",
        ratio,
        "",
    )


def _open_pages(folder: Path) -> Iterator[Row]:
    """First paint of pages, each in a session of its own, in a process that has drawn another store's before."""
    small, large = (make_corpus(folder / str(videos), videos) for videos in (10, VIDEOS))
    for page in PAGES:
        _open(page, small)
        before = _cpu()
        took = seconds(lambda: _open(page, large))
        used = _cpu() - before
        yield Row(
            f"page {page} at {VIDEOS:,} videos, first paint",
            f"{used:.3g} s of CPU ({took:.3g} s passed)",
            "allowed 2 s",
            used / 2,
            "1",
        )
    small.close(), large.close()


def _open(page: str, store: Store) -> None:
    from tests.dashboard.test_dashboard import open_page

    assert not open_page(page, store).exception


def make_corpus(root: Path, videos: int) -> Store:
    """A store of one synthetic video, many times under other ids."""
    store = synthetic_store(root.with_suffix(".one"), **vars(ONE))
    made = Store.create(root)
    made.commit({"encoders": store.query("FROM encoders")})
    rows = {name: store.query(f"FROM {name}").cast(TABLES[name].arrow) for name in COPIED}
    for start in range(0, videos, PER_COMMIT):
        numbers = range(start, min(start + PER_COMMIT, videos))
        made.commit({name: _multiply(table, numbers) for name, table in rows.items()})
    made.compact(whole=True)
    store.close()
    return made


def _multiply(rows: pa.Table, numbers: range) -> pa.Table:
    """Rows of one video for each of many numbers."""
    many = rows.take(pa.array(np.tile(np.arange(len(rows)), len(numbers))))
    for at, name in enumerate(rows.column_names):
        if name in OWN:
            old = rows[name].to_pylist()
            new = [ids.hash_parts(one, number) for number in numbers for one in old]
            many = many.set_column(at, many.schema.field(at), pa.array(new, pa.string()))
        if name in ("name", "path"):
            new = [f"{number:06}{one[-4:]}" for number in numbers for one in rows[name].to_pylist()]
            many = many.set_column(at, many.schema.field(at), pa.array(new, pa.string()))
    return many
