"""Stores in a bucket, written from several machines: every commit counts once or not at all, whatever is lost on the way, and whoever dies."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import buckets
from tests.buckets import URL, Fault, FaultyServer
from tests.commands import tubelet
from tests.contents import columns_of, contents
from tests.stores import Recipe, add_videos, fill_store, grid, synthetic_store
from tests.videos import make_folder
from tubelet.ingest.job import Job
from tubelet.store import Store, StoreError
from tubelet.store.disk import checksums, integrity
from tubelet.store.jobs.claims import Claims
from tubelet.store.remote import replica

ONE = Recipe(videos=1, clips=1, slices=2, side=2, dim=8)
TOY = {"encoder": "toy", "size": "64", "frames": 4, "device": "cpu", "quiet": True}


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with buckets.serve_faulty() as running:
        yield running


@pytest.fixture
def machines(server, tmp_path):
    """Opens the store as different machines do, creating it first."""
    buckets.clear()
    opened: list[Store] = []

    def open_one(name: str) -> Store:
        opened.append(Store.create(URL, {"cache": str(tmp_path / name)}))
        return opened[-1]

    yield open_one
    server.choose = lambda method, path: None
    for store in opened:
        store.close()


def count_videos() -> int:
    """How many there are for a machine that has never read the store; it must be sound."""
    store = Store(URL, fresh=True)
    try:
        assert list(integrity.check(store)) == []
        return store.rows("SELECT count(*) AS n FROM videos")[0]["n"]
    finally:
        store.close()


def hit(server: FaultyServer, name: str, fault: Fault, times: int = 1) -> None:
    """Have the next writings of a file go wrong."""
    left = [fault] * times
    server.choose = lambda method, path: (
        left.pop() if left and method == "PUT" and name in path else None
    )


def look_again(store: Store) -> Store:
    """Let the time pass for which the newest snapshot is taken to be the newest."""
    store.layout.home._looked = float("-inf")
    return store


def test_what_one_machine_writes_another_reads_and_adds_to(machines, tmp_path):
    local = synthetic_store(tmp_path / "local", videos=2, clips=2)
    first, second = machines("first"), machines("second")
    fill_store(first, Recipe(videos=2, clips=2))
    for store in (local, second):
        add_videos(store, Recipe(videos=1, clips=2), first=2)
    assert first.root != second.root
    whole = contents(local.root)
    for name, rows in whole.items():
        found = look_again(first).rows(f"SELECT {columns_of(name)} FROM {name} ORDER BY ALL")
        assert [tuple(map(str, row.values())) for row in found] == rows, name
    clip = local.rows("SELECT clip_id FROM clips ORDER BY ALL")[0]["clip_id"]
    assert (first.grid(clip) == local.grid(clip)).all()
    assert first.compact(whole=True) > 0 and count_videos() == 3
    live = checksums.live_files(first.layout, first.snapshot().versions)
    data = {name for name in buckets.held() if name.endswith(".parquet") and "_log" not in name}
    assert {name for name in data if not name.startswith("embeddings/")} == {
        name for name in live if name.endswith(".parquet")
    }, "what was merged went"
    local.close()


@pytest.mark.long
def test_of_many_writers_every_commit_is_there_once(machines, caplog):
    writers, each, wrong = [machines(str(n)) for n in range(3)], 3, []

    def write(number: int, store: Store) -> None:
        try:
            for commit in range(each):
                add_videos(store, ONE, first=number * each + commit)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=write, args=named) for named in enumerate(writers)]
    with caplog.at_level("DEBUG", "tubelet"):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
    assert any("made again" in record.message for record in caplog.records), "they met"
    assert count_videos() == len(writers) * each
    serial = json.loads(buckets.read("tubelet.json"))["serial"]
    assert serial == len(writers) * each, "one commit each"


@pytest.mark.long
def test_an_answer_that_is_lost_is_no_lost_commit(machines, server, caplog):
    store = machines("one")
    hit(server, "tubelet.json", Fault.LOST)
    with caplog.at_level("DEBUG", "tubelet"):
        add_videos(store, ONE)
    assert not any("made again" in record.message for record in caplog.records)
    add_videos(store, ONE, first=1)
    assert count_videos() == 2


@pytest.mark.long
@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.CUT, Fault.LOST])
def test_a_write_that_fails_is_repeated(machines, server, fault):
    store = machines("one")
    hit(server, "claims/", fault, times=3)
    with store.ingesting(), Claims(store.layout) as claims:
        assert claims.take("k", "g")
    hit(server, "notes/", fault, times=3)
    store.layout.home.write(store.layout.root / "notes" / "a", b"said")
    assert buckets.read("notes/a") == b"said"


@pytest.mark.long
@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.CUT, Fault.LOST])
def test_a_server_that_is_busy_is_asked_again(machines, server, fault):
    store = machines("one")
    hit(server, "", fault, times=3)
    add_videos(store, ONE)
    assert count_videos() == 1


@pytest.mark.long
def test_a_writer_that_dies_after_its_commit_has_committed(machines, server):
    store, other = machines("one"), machines("other")
    hit(server, "_delta_log", Fault.DENIED, times=1000)
    add_videos(store, ONE)  # of whose logs none reaches the bucket
    server.choose = lambda method, path: None
    assert "videos/_delta_log/00000000000000000001.json" not in buckets.held()
    assert count_videos() == 1
    add_videos(other, ONE, first=1)
    assert "videos/_delta_log/00000000000000000001.json" in buckets.held()
    assert count_videos() == 2


@pytest.mark.long
def test_a_writer_that_dies_before_its_commit_leaves_files_that_compact_removes(machines, server):
    store, other = machines("one"), machines("other")
    hit(server, "tubelet.json", Fault.DENIED)
    with pytest.raises(StoreError, match="refuses access .403.*write to the bucket"):
        add_videos(store, ONE)
    left = {name for name in buckets.held() if name.startswith("videos/part-")}
    assert len(left) == 1
    assert look_again(store).rows("SELECT count(*) AS n FROM videos") == [{"n": 0}]
    add_videos(store, ONE)  # its embedding files are there already
    add_videos(other, ONE, first=1)
    assert count_videos() == 2
    other.compact(whole=True)
    assert not left & buckets.held() and count_videos() == 2


def test_the_embedding_file_of_a_writer_that_died_is_the_one_that_counts(machines):
    """It may be committed at any moment, so that it is never replaced; on another device its numbers are rounded otherwise."""
    one, other = machines("one"), machines("other")
    clip = {"clip_id": "c", "embedding_path": "embeddings/e/v/c.parquet"}
    first = one.write_embedding(clip, grid(ONE, 0))
    assert other.write_embedding(clip, grid(ONE, 1)) == first
    assert len(buckets.read(clip["embedding_path"])) == first.bytes


@pytest.mark.parametrize("times", [1, 2])
def test_a_claim_whose_answer_was_lost_is_held(machines, server, times):
    """Else its owner waits for itself, for ever: the file names it, and it is alive."""
    one, other = machines("one"), machines("other")
    with one.ingesting(), Claims(one.layout) as claims, Claims(other.layout) as wanted:
        hit(server, "claims/k", Fault.LOST, times)
        assert claims.take("k", "g") and not wanted.take("k", "g")
        claims.leave("g")
        assert wanted.look(["k"]) == {"k"}


def test_claims_are_seen_by_other_machines(machines):
    one, other = machines("one"), machines("other")
    with one.ingesting(), Claims(one.layout) as held, Claims(other.layout) as wanted:
        assert held.take("k", "g") and not wanted.take("k", "g")
        assert wanted.look(["k"]) == set()
        held.leave("g")
        assert wanted.look(["k"]) == {"k"} and wanted.take("k", "g")
        with pytest.raises(StoreError, match="an ingest is writing"):
            integrity.repair(other, [])
    assert not any(name.startswith("claims/") for name in buckets.held())


def test_a_claim_that_cannot_be_left_is_left_later(machines, server):
    one, other = machines("one"), machines("other")
    with one.ingesting(), Claims(one.layout) as held, Claims(other.layout) as wanted:
        assert held.take("k", "g") and held.take("l", "h")
        hit(server, "claims/k", Fault.DENIED)
        held.leave("g")
        assert wanted.look(["k"]) == set(), "its owner lives"
        assert held.look(["k"]) == {"k"}, "not even its owner would have it again"
        hit(server, "claims/l", Fault.LOST)
        held.leave("h")
        assert wanted.look(["k", "l"]) == {"k", "l"}


def test_whoever_takes_over_a_claim_knows_what_became_of_it(machines, monkeypatch):
    """However little time has passed since it read the store."""
    monkeypatch.setattr(replica, "FRESH_S", 1e9)
    one, other = machines("one"), machines("other")
    with one.ingesting(), Claims(one.layout) as held, Claims(other.layout) as wanted:
        assert held.take("k", "g") and not wanted.take("k", "g")
        assert other.rows("SELECT * FROM videos") == []
        add_videos(one, ONE, first=0)
        held.leave("g")
        assert other.rows("SELECT * FROM videos") == [], "read a moment ago"
        assert wanted.look(["k"]) == {"k"}
        assert len(other.rows("SELECT * FROM videos")) == 1
        assert wanted.take("k", "g")


def test_whoever_begins_knows_what_those_did_whose_claims_are_gone(machines, monkeypatch):
    monkeypatch.setattr(replica, "FRESH_S", 1e9)
    one, other = machines("one"), machines("other")
    assert other.rows("SELECT * FROM videos") == []
    with one.ingesting(), Claims(one.layout) as held:
        assert held.take("k", "g")
        add_videos(one, ONE, first=0)
    with other.ingesting(), Claims(other.layout) as wanted:
        assert len(other.rows("SELECT * FROM videos")) == 1
        assert wanted.take("k", "g")


@pytest.mark.long
def test_ingests_of_two_machines_share_the_work_and_make_the_store_of_one(server, tmp_path):
    buckets.clear()
    job = Job.of(paths=[str(make_folder(tmp_path / "videos", 4, frames=24))], **TOY)
    whole = job.run(str(tmp_path / "store")).execute(job.sources)
    caches = [{"cache": str(tmp_path / name)} for name in ("first", "second")]
    runs = [job.run(URL, options=cache) for cache in caches]
    with ThreadPoolExecutor(2) as threads:
        ended = list(threads.map(lambda run: run.execute(job.sources), runs))
    for run in runs:
        run.store.close()
    assert not any(summary.failures for summary in ended)
    assert sum(summary.clips for summary in ended) == whole.clips
    assert count_videos() == 4
    store = Store(URL, options=caches[0])
    for name, rows in contents(tmp_path / "store").items():
        assert len(store.query(f"FROM {name}")) == len(rows), name
    for row in store.rows("SELECT embedding_path FROM clips"):
        path = row["embedding_path"]
        assert buckets.read(path) == (tmp_path / "store" / path).read_bytes()
    store.close()
    assert not any(name.startswith("claims/") for name in buckets.held())


def test_a_bucket_that_may_not_be_written_is_named(machines, server, tmp_path):
    videos = make_folder(tmp_path / "videos", 1, frames=8)
    machines("one")
    server.choose = lambda method, path: Fault.DENIED if method == "PUT" else None
    done = tubelet(
        "ingest", videos, "--store", URL, "--encoder", "toy", "--size", "64", "--frames", "4"
    )
    assert done.returncode == 2 and "refuses access (403)" in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1 and buckets.SECRET not in done.stderr


def test_a_claim_that_is_refused_ends_a_run_and_is_no_failure_of_the_video(server, tmp_path):
    buckets.clear()
    job = Job.of(paths=[str(make_folder(tmp_path / "videos", 1, frames=8))], **TOY)
    run = job.run(URL, options={"cache": str(tmp_path / "cache")})
    server.choose = lambda method, path: (
        Fault.DENIED if method == "PUT" and "claims/" in path and "owners" not in path else None
    )
    with pytest.raises(StoreError, match="refuses access"):
        run.execute(job.sources)
    server.choose = lambda method, path: None
    assert run.store.rows("SELECT * FROM failures") == []
    run.store.close()


def test_a_bucket_that_goes_half_way_is_named(machines, server):
    store = machines("one")
    for name in ("thumbnail.jpg", "videos/part-", "tubelet.json"):
        server.choose = lambda method, path, name=name: Fault.GONE if name in path else None
        with pytest.raises(StoreError, match="does not exist"):
            add_videos(store, ONE)
    server.choose = lambda method, path: None
    add_videos(store, ONE)
    assert count_videos() == 1


def test_a_folder_of_somebody_else_is_no_place_for_a_store(server, tmp_path):
    buckets.clear()
    buckets.put("thesis/chapter.tex", b"x")
    with pytest.raises(StoreError, match="is not empty .thesis is in it"):
        Store.create(URL, {"cache": str(tmp_path)})
    assert buckets.held() == {"thesis/chapter.tex"}
    buckets.delete("thesis/chapter.tex")
