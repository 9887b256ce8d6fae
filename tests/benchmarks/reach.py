"""How far a store goes past one machine: what its commits carry, what a slice costs out of a bucket, and what a million clips cost a reader."""

import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from deltalake.transaction import AddAction

from tests import buckets
from tests.benchmarks.measure import Row, by_turns, milliseconds, seconds
from tests.benchmarks.one_clip import TOKENS, make_token_rows
from tests.benchmarks.scale import make_clips
from tests.stores import Recipe, fill_store, synthetic_store
from tubelet.store import Store, ids
from tubelet.store.disk import tables
from tubelet.store.disk.clustering import FILE_ROWS
from tubelet.store.disk.key_ranges import describe_rows
from tubelet.store.schema import TABLES

AT_ONCE, COMMITS = 64, 6  # clips of a commit, as an ingest makes them
VIDEOS, PER_COMMIT = 100_000, 25_000
LARGE = Recipe(videos=2, clips=1, slices=22, side=24, dim=768)
ONE = Recipe(videos=1, clips=2, slices=4, side=4, dim=16, embeddings=False)
COPIED = "videos", "places", "clips", "slice_stats", "pairs", "dim_sensitivity", "slice_sensitivity"
OWN = {"video_id", "clip_id", "clip_a", "clip_b", "pair_id", "place_id"}
TABLE, FILES = TABLES["token_stats"], (120, 12_000)  # of 10,000 clips, and of 1,000,000
PAGES = "corpus", "video", "sensitivity", "sql"


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        yield _commit_in_folder(Path(folder))
    with tempfile.TemporaryDirectory() as folder, buckets.serve_bucket():
        yield _commit_in_bucket(Path(folder))
        yield _read_slices(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        yield _read_logs(Path(folder))
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


def _read_logs(folder: Path) -> Row:
    """Opening the newest version of token statistics, as a reader does after each commit: its log names each of the files, which need not be there."""
    few, many = (_make_log(folder / str(number), number) for number in FILES)
    figure, baseline, ratio = by_turns(lambda: _open_newest(many), lambda: _open_newest(few), 9)
    return Row(
        f"the newest version of a table of {FILES[1]:,} files ({FILES[1] * FILE_ROWS / 1e9:.3g} billion token rows) opened",
        milliseconds(figure),
        f"of {FILES[0]:,} files {milliseconds(baseline)}",
        ratio,
        "",
    )


def _open_newest(path: Path) -> None:
    tables._describe(path, tables.open_newest(path))


def _make_log(path: Path, files: int) -> Path:
    """A table of token statistics that was merged: files of disjoint ranges of clips."""
    tables.create(path / TABLE.name, TABLE)
    delta = tables.open_newest(path / TABLE.name)
    names = sorted(ids.hash_parts(number) for number in range(2 * files))
    for start in range(0, files, 1000):
        made = [
            AddAction(f"run-{0:016x}-{number:05}.parquet", 13_000_000, {}, 0, False, _describe_ends(names[2 * number : 2 * number + 2]))
            for number in range(start, min(start + 1000, files))
        ]  # fmt: skip
        delta.create_write_transaction(made, "append", delta.schema())
    delta.update_incremental()
    delta.create_checkpoint()
    return path / TABLE.name


def _describe_ends(ends: list[str]) -> str:
    return describe_rows(pa.table({TABLE.key[0]: ends}), TABLE.key[0])


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
    from tests.dashboard import test_dashboard as pages

    pages.SLOW = 600  # a page that is too slow is to be measured
    assert not pages.open_page(page, store).exception


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
