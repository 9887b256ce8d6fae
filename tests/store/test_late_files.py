"""Stores in a bucket: files of bulky tables are copied when a question needs them, and no sooner; answers are those of the folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import buckets
from tests.buckets import URL
from tests.contents import contents
from tests.stores import Recipe, add_videos, synthetic_store
from tubelet.store import Store, StoreError
from tubelet.store.disk import integrity
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.untrusted import ask, count_rows, estimate_reads, stream
from tubelet.store.schema import TABLES

ONE = Recipe(videos=1, clips=1)
BULKY = {name for name, table in TABLES.items() if table.is_bulky}


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[str]:
    with buckets.serve_bucket() as address:
        yield address


@pytest.fixture
def local(tmp_path) -> Iterator[Store]:
    """A store whose derived tables have a file per clip, as commits leave them."""
    made = synthetic_store(tmp_path / "store", videos=1, clips=1)
    for number in (1, 2, 3):
        add_videos(made, ONE, first=number)
    buckets.upload(made.root)
    yield made
    made.close()


def open_anew(folder: Path) -> Store:
    """The store in the bucket, on a machine that has read nothing of it."""
    return Store(URL, options={"cache": str(folder)})


@pytest.fixture
def opened(local, tmp_path) -> Iterator[Store]:
    store = open_anew(tmp_path / "cache")
    yield store
    store.close()


def look_again(store: Store) -> None:
    """Let the time pass for which the newest snapshot is taken to be the newest."""
    store.layout.home._looked = float("-inf")


def count_copied(store: Store) -> dict[str, int]:
    """How many data files of bulky tables are on this machine."""
    found = {name: len(list((store.root / name).glob("*.parquet"))) for name in sorted(BULKY)}
    return {name: files for name, files in found.items() if files}


def list_clips(store: Store) -> list[str]:
    return store.query("SELECT clip_id FROM clips ORDER BY clip_id")["clip_id"].to_pylist()


def test_a_question_about_one_clip_copies_the_files_of_that_clip(opened, local):
    (clip, other, *_) = list_clips(opened)
    assert opened.query("FROM videos ORDER BY ALL") == local.query("FROM videos ORDER BY ALL")
    assert count_copied(opened) == {}
    estimated = estimate_reads(opened, "FROM token_stats")
    assert estimated.copied_files == 4 and estimated.copied_bytes == sum(
        len(buckets.read(name)) for name in buckets.held() if name.startswith("token_stats/part")
    )
    assert "copies 4 files" in estimated.describe() and count_copied(opened) == {}
    bound = "SELECT slice, y, x, norm FROM token_stats WHERE clip_id = $clip ORDER BY ALL"
    assert opened.query(bound, {"clip": clip}) == local.query(bound, {"clip": clip})
    assert count_copied(opened) == {"token_stats": 1}
    joined = f"SELECT s.slice, avg(t.norm) AS norm FROM slice_stats s JOIN token_stats t USING (clip_id, slice) WHERE s.clip_id = '{other}' GROUP BY ALL ORDER BY ALL"
    assert ask(opened, joined).table == ask(local, joined).table
    assert count_copied(opened) == {"slice_stats": 1, "token_stats": 2}
    whole = "SELECT count(*) AS n, sum(dim_std) AS std FROM dim_stats"
    assert opened.query(whole) == local.query(whole)
    assert count_rows(opened, "FROM token_stats") == count_rows(local, "FROM token_stats")
    assert count_copied(opened) == {"dim_stats": 4, "slice_stats": 1, "token_stats": 4}
    assert estimate_reads(opened, "FROM token_stats") == estimate_reads(local, "FROM token_stats")


def test_a_table_whose_name_is_computed_is_refused_in_a_sentence(opened):
    with pytest.raises(QueryError, match="write the name token_stats out in the query"):
        ask(opened, "SELECT count(clip_id) FROM query_table('token_' || 'stats')")
    shown = ask(opened, "SELECT column_name FROM duckdb_columns() WHERE table_name = 'surprise'")
    assert "copy_l1" in shown.table["column_name"].to_pylist()
    assert count_copied(opened) == {}


def test_a_writer_copies_no_tokens_of_others_until_it_merges_them(opened, tmp_path):
    other = open_anew(tmp_path / "other")
    add_videos(other, ONE, first=4)
    look_again(opened)
    add_videos(opened, ONE, first=5)
    assert count_copied(opened)["token_stats"] == 1, "its own"
    opened.compact(whole=True)
    assert count_copied(opened)["token_stats"] == 1, "what all were merged into"
    look_again(other)
    expected = synthetic_store(tmp_path / "expected", videos=6, clips=1)
    held, wanted = contents(URL), contents(expected.root)
    assert held["token_stats"] == wanted["token_stats"] and held["clips"] == wanted["clips"]
    clip, sql = list_clips(expected)[0], "SELECT sum(norm) AS n FROM token_stats WHERE clip_id = ?"
    assert other.query(sql, [clip]) == expected.query(sql, [clip])
    assert list(integrity.check(other)) == []
    for store in (other, expected):
        store.close()


def test_rows_that_go_are_found_in_files_that_were_not_here(opened, local):
    clip = list_clips(opened)[0]
    gone = {f"{name}.clip_id": [clip] for name in ("token_stats", "slice_stats")}
    opened.commit({}, gone)
    local.commit({}, gone)
    for name in ("token_stats", "slice_stats", "dim_stats"):
        sql = f"FROM {name} ORDER BY ALL"
        assert opened.query(sql) == local.query(sql)


def test_files_that_another_writer_has_merged_meanwhile_are_read_as_they_are_now(opened, local):
    clip = list_clips(opened)[0]
    assert local.compact(whole=True)
    buckets.upload(local.root)  # the files of the snapshot that `opened` knows are gone
    sql = "SELECT count(*) AS n, sum(norm) AS norm FROM token_stats WHERE clip_id = ?"
    assert opened.query(sql, [clip]) == local.query(sql, [clip])


def hinder(store: Store, other: Store, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have another writer merge all files right before a store first brings some; how many went then."""
    bring, went = store.layout.home.bring, list[int]()

    def bring_late(files: dict[str, int]) -> None:
        if not went:
            went.append(other.compact(whole=True))
        bring(files)

    monkeypatch.setattr(store.layout.home, "bring", bring_late)
    return went


def test_a_merge_that_another_writer_was_faster_with_is_made_again(opened, tmp_path, monkeypatch):
    other = open_anew(tmp_path / "other")
    went = hinder(opened, other, monkeypatch)
    opened.compact(whole=True)
    assert went[0] > 4 and list(integrity.check(other)) == []
    look_again(opened)
    for name in ("token_stats", "dim_stats"):
        sql = f"FROM {name} ORDER BY ALL"
        assert opened.query(sql) == other.query(sql)
    other.close()


def test_files_that_were_merged_while_they_are_checked_are_not_lost(opened, tmp_path, monkeypatch):
    other = open_anew(tmp_path / "other")
    went = hinder(opened, other, monkeypatch)
    assert list(integrity.check(opened)) == [] and went[0] > 4
    other.close()


def test_a_query_in_its_sandbox_is_asked_again_where_a_commit_came_in_between(opened, tmp_path):
    other, fetch, came = open_anew(tmp_path / "other"), opened.fetch, []

    def fetch_and_be_late(sql: str, values: object = None) -> None:
        fetch(sql, values)
        if not came:
            came.append(sql)
            add_videos(other, ONE, first=4)
            look_again(opened)
            opened.snapshot()  # the folder that the sandbox reads has the newer one now

    opened.fetch = fetch_and_be_late
    sql = "SELECT count(DISTINCT clip_id) AS n FROM token_stats"
    assert ask(opened, sql).table["n"].to_pylist() == [5] and came == [sql]
    other.close()


def test_a_file_that_the_bucket_has_lost_is_named_and_the_rest_is_read(opened, local):
    lost = next(name for name in sorted(buckets.held()) if name.startswith("token_stats/part"))
    clips = list_clips(opened)
    buckets.delete(lost)
    told, sql = [], "SELECT count(*) AS n FROM token_stats WHERE clip_id = ?"
    for clip in clips:
        try:
            assert opened.query(sql, [clip]) == local.query(sql, [clip])
        except StoreError as error:
            told.append(str(error))
    assert len(told) == 1 and lost in told[0] and "tubelet check" in told[0]
    for asked in (ask, lambda *query: list(stream(*query))):
        with pytest.raises(QueryError, match="tubelet check"):
            asked(opened, "SELECT count(*) AS n FROM token_stats")
    assert any(Path(lost).name in problem.what for problem in integrity.check(opened))
