"""The store: commits that are whole, snapshots that agree, and the refusals of what is not a store."""

import json
import re
import shlex
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from tests.contents import contents
from tests.markers import edit_marker
from tests.plain_rows import video_row
from tests.stores import Recipe, add_videos, grid, synthetic_store
from tubelet.store import Store, StoreError
from tubelet.store.disk import tables
from tubelet.store.questions.catalog import EVERYTHING
from tubelet.store.schema import (
    ANNOTATIONS,
    DIRECTIONS,
    FITS,
    FORMAT,
    MASKS,
    MODELS,
    POINTS,
    POOLED,
    PROBED,
    RELATIONS,
    SAVED_QUERIES,
    SCORES,
    SEARCHED,
    SURPRISE_TABLES,
    TABLES,
    TAGS,
)

ADDED = (MASKS, POINTS, ANNOTATIONS, TAGS, SAVED_QUERIES)  # rows that people add
ASKED_FOR = (
    POOLED,
    *SURPRISE_TABLES,
    *PROBED,
    *MODELS,
    *SEARCHED,
    SCORES,
)  # rows that an option or a command makes


@pytest.fixture
def store(tmp_path):
    made = synthetic_store(tmp_path / "store", videos=3, clips=2, slices=4, side=5, dim=16)
    yield made
    made.close()


def test_every_relation_of_the_schema_can_be_asked_and_has_its_columns(store):
    for name, table in RELATIONS.items():
        answer = store.query(f"FROM {name}")
        assert answer.column_names == [c.name for c in table.columns]
        assert len(answer) > 0 or table in (*FITS, DIRECTIONS, *ADDED, *ASKED_FOR), (
            name
        )  # a synthetic store fits nothing


def test_the_tokens_view_holds_the_embeddings_as_floats(store):
    clip_id = store.rows(
        "SELECT clip_id FROM clips JOIN videos USING (video_id) WHERE name = 'video-00001.mp4' AND first_frame = 0"
    )[0]["clip_id"]
    rows = store.rows(
        "SELECT slice, y, x, embedding FROM tokens WHERE clip_id = ? ORDER BY ALL", [clip_id]
    )
    expected = grid(Recipe(videos=3, clips=2), 1)
    assert len(rows) == 4 * 5 * 5
    for row in rows[::17]:
        assert (
            row["embedding"]
            == expected[row["slice"], row["y"], row["x"]].astype(np.float32).tolist()
        )
    assert np.array_equal(store.grid(clip_id), expected)
    assert np.array_equal(store.grid(clip_id, 1, 3), expected[1:3])


def test_a_condition_on_the_clip_opens_one_embedding_file(store):
    clip_id = store.rows("SELECT clip_id FROM clips LIMIT 1")[0]["clip_id"]
    plan = store.query(f"EXPLAIN ANALYZE SELECT sum(y) FROM tokens WHERE clip_id = '{clip_id}'")[
        "explain_value"
    ][0].as_py()
    assert "Scanning Files: 1/6" in plan


def test_samples_decode_to_the_tokens_they_were_drawn_from(store):
    (row,) = store.rows("""SELECT count(*) AS n, count_if(s.embedding = t.embedding) AS equal
        FROM token_samples s JOIN tokens t USING (clip_id, slice, y, x)""")
    assert row["n"] == row["equal"] == 6 * 32


def test_committing_again_adds_nothing(store):
    before, fingerprint = contents(store.root), store.fingerprint
    add_videos(store, Recipe(videos=3, clips=2))
    assert contents(store.root) == before
    assert store.fingerprint == fingerprint


def test_a_commit_changes_the_fingerprint_and_the_next_answer(store):
    fingerprint = store.fingerprint
    assert store.rows("SELECT count(*) AS n FROM videos") == [{"n": 3}]
    add_videos(store, Recipe(videos=1, clips=2), first=3)
    assert store.fingerprint != fingerprint
    assert store.rows("SELECT count(*) AS n FROM videos") == [{"n": 4}]


def test_rows_of_a_failed_commit_are_taken_back(store):
    before = contents(store.root)
    rows = store.query("FROM token_stats").cast(TABLES["token_stats"].arrow)
    strange = pa.array(["ffffffffffffffff"] * len(rows))
    rows = rows.set_column(0, rows.schema.field(0), strange)
    with pytest.raises(Exception, match="."):
        store.commit({"token_stats": rows, "clips": pa.table({"clip_id": pa.array([1.5])})})
    assert contents(store.root) == before
    add_videos(
        store, Recipe(videos=1, clips=2), first=3
    )  # the next writer starts from the last whole commit
    assert "ffffffffffffffff" not in {row[0] for row in contents(store.root)["token_stats"]}


def test_compaction_leaves_one_file_a_table_and_the_same_rows(store):
    for number in range(3, 9):
        add_videos(store, Recipe(videos=1, clips=2), first=number)
    before = contents(store.root)
    assert store.compact() > 0
    for name in ("clips", "token_stats", "dim_stats"):
        assert len(list((store.root / name).glob("*.parquet"))) == 1
    assert contents(store.root) == before
    assert store.compact() == 0


@pytest.mark.long
def test_threads_get_right_answers_while_commits_and_compactions_go_on(store):
    wrong, stop = [], threading.Event()

    def ask():
        while not stop.wait(0.05):
            (row,) = store.rows(
                "SELECT (SELECT sum(slices * grid_height * grid_width) FROM clips) AS promised, (SELECT count(*) FROM token_stats) AS present"
            )
            wrong.extend([row] if row["promised"] != row["present"] else [])

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in (3, 4):
        add_videos(store, Recipe(videos=1, clips=2), first=number)
        store.compact()
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert store.rows("SELECT count(*) AS n FROM videos") == [{"n": 5}]


def test_a_connection_has_what_its_queries_name_and_learns_more(store):
    def known():
        return store._connections._newest.known

    assert store.rows("SELECT count(*) AS n FROM Videos") == [{"n": 3}]
    assert known() == {"videos", "clips"}
    first = store._connections._newest.duck
    assert store.rows("SELECT label_of(video_id, 'folder') AS label FROM videos ORDER BY name")
    assert known() >= {"label_of", "labels", "imported_labels"} and "directions" not in known()
    assert store.rows("SELECT count(*) AS n FROM query_table('fail' || 'ures')") == [{"n": 1}]
    assert known() == EVERYTHING and store._connections._newest.duck is first
    store.close()
    with pytest.raises(duckdb.CatalogException, match='Did you mean "videos"'):
        store.query("FROM vidoes")
    store.close()
    assert {"directions", "tokens", "labels"} <= set(store.query("SHOW TABLES")["name"].to_pylist())


def test_deletion_of_a_clip_takes_its_rows_with_it(store):
    clip_id = store.rows("SELECT clip_id FROM clips LIMIT 1")[0]["clip_id"]
    of_clip = [name for name, table in TABLES.items() if "clips" in (name, table.owner)]
    assert len(of_clip) == 11
    store.commit({}, {name: [clip_id] for name in of_clip})
    for name in of_clip:
        assert store.rows(f"SELECT count(*) AS n FROM {name} WHERE clip_id = ?", [clip_id]) == [
            {"n": 0}
        ]


def test_a_store_made_before_a_table_existed_reads_it_empty_and_gets_it_with_the_next_commit(store):
    shutil.rmtree(store.layout.table("pairs"))
    edit_marker(store.root, lambda content: content["versions"].pop("pairs"))
    older = Store(store.root)
    assert older.query("FROM pairs").schema.names == TABLES["pairs"].arrow.names
    pair = pa.Table.from_pylist([{"pair_id": "p"}], TABLES["pairs"].arrow)
    older.commit({"pairs": pair})
    assert older.rows("SELECT pair_id FROM pairs") == [{"pair_id": "p"}]
    older.close()


def test_a_table_is_made_by_the_first_commit_with_rows_for_it(tmp_path):
    """Rows that a killed writer left in a table which no commit names are no part of it."""
    store = Store.create(tmp_path / "new")
    first, second = (
        pa.Table.from_pylist([{"pair_id": id_}], TABLES["pairs"].arrow) for id_ in "ab"
    )
    assert [path.name for path in store.root.iterdir() if (path / "_delta_log").is_dir()] == [
        "clips"
    ]
    assert store.rows("SELECT count(*) AS n FROM pairs") == [{"n": 0}]
    tables.start(store.layout.table("pairs"), TABLES["pairs"])
    tables.append(store.layout.table("pairs"), TABLES["pairs"], first)
    store.commit({"pairs": second}, {"videos": ["none"]})
    assert store.rows("SELECT pair_id FROM pairs") == [{"pair_id": "b"}]
    assert store.snapshot().versions.keys() == {"clips", "pairs"}
    store.close()


def test_a_column_that_old_files_lack_reads_as_null(store):
    old = store.query("SELECT * EXCLUDE (kurtosis) FROM token_stats")
    fresh = Store.create(store.root.parent / "old")
    path, name = fresh.layout.table("token_stats"), "token_stats"
    DeltaTable.create(path, schema=old.schema)
    write_deltalake(path, old, mode="append")
    edit_marker(fresh.root, lambda content: content["versions"].update({name: 1}))
    assert fresh.rows(
        "SELECT count(*) AS n, count(kurtosis) AS k, count(norm) AS m FROM token_stats"
    ) == [{"n": len(old), "k": 0, "m": len(old)}]
    fresh.close()


def test_what_is_no_store_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("x")
    (tmp_path / "file").write_text("x")
    for name, words in (
        ("absent", "tubelet ingest"),
        ("folder", "not a Tubelet store"),
        ("file", "not a Tubelet store"),
    ):
        with pytest.raises(StoreError, match=words):
            Store(tmp_path / name)
    for name, words in (
        ("folder", "thesis.tex"),
        ("file", "is a file"),
        ("s3://bucket/store", "object store"),
    ):
        with pytest.raises(StoreError, match=words):
            Store.create(tmp_path / name if "://" not in name else name)
    assert sorted(p.name for p in (tmp_path / "folder").iterdir()) == ["thesis.tex"]


def test_a_store_of_a_newer_format_is_refused_and_left_alone(store):
    marker = json.loads(store.layout.marker.read_text())
    marker["format"] = FORMAT + 1
    store.layout.marker.write_text(json.dumps(marker))
    with pytest.raises(StoreError, match="upgrade Tubelet"):
        Store(store.root)
    with pytest.raises(StoreError, match="upgrade Tubelet"):
        Store.create(store.root)


def test_a_damaged_marker_is_named(store):
    edit_marker(store.root)
    store.layout.marker.write_text('{"format": 1')
    with pytest.raises(StoreError, match="is damaged"):
        Store(store.root)


def test_an_unknown_clip_is_named(store):
    with pytest.raises(StoreError, match="holds no clip nothing"):
        store.grid("nothing")


def test_a_path_may_hold_spaces_and_letters_of_any_language(tmp_path):
    made = synthetic_store(tmp_path / "größer, 'mein' #1 {store}", videos=2)
    assert made.rows("SELECT count(*) AS n FROM token_stats") == [{"n": 200}]
    assert made.rows("SELECT count(embedding) AS n FROM tokens") == [{"n": 200}]
    made.close()


@pytest.mark.parametrize("name", ["a*", "what?", "[1]", "100%", "back\\slash"])
def test_a_path_that_is_a_pattern_is_refused(name, tmp_path):
    with pytest.raises(StoreError, match="as something else"):
        Store.create(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_what_one_thread_holds_stays_while_others_see_the_newest(tmp_path) -> None:
    """A page's numbers belong together though an ingest commits while its script runs; nothing is lost where its files are merged away."""
    store = synthetic_store(tmp_path / "store", videos=2)
    count = "SELECT count(*) AS n FROM videos"
    with store.hold():
        before = store.fingerprint
        add_videos(store, Recipe(videos=1), first=2)
        assert store.fingerprint == before and store.rows(count) == [{"n": 2}]
        with ThreadPoolExecutor(1) as other:
            assert other.submit(store.rows, count).result() == [{"n": 3}]
        assert store.rows(count) == [{"n": 2}]
        store.compact()
        store.close()
        assert store.rows(count) in ([{"n": 2}], [{"n": 3}]), "its files may be gone"
    assert store.fingerprint != before and store.rows(count) == [{"n": 3}]
    store.close()


@pytest.mark.parametrize("character", "^|")
def test_a_path_that_delta_would_panic_over_is_refused_before_anything_is_written(
    tmp_path, character
):
    with pytest.raises(
        StoreError,
        match=f"holds {re.escape(character)}, which tables and queries would read as something else",
    ):
        Store.create(tmp_path / f"a{character}b" / "store")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("character", "`<>$\"'#&;!~{}=+,@ :")
def test_any_other_path_holds_a_store_and_is_quoted_for_the_shell(tmp_path, character):
    store = synthetic_store(tmp_path / f"a{character}b", videos=1)
    assert store.rows("SELECT count(*) AS n FROM clips") == [{"n": 1}]
    assert shlex.split(store.shell_name) == [str(store.root)]
    store.close()


def test_the_keys_that_a_table_holds_are_found_in_whatever_order_its_files_have_them(tmp_path):
    names = [f"{number * 7919 % 1000:03}" for number in range(1000)]
    table = TABLES["videos"]
    rows = [video_row(video_id=name).columns for name in names]
    path = tmp_path / table.name
    tables.create(path, table)
    version = tables.append(path, table, pa.Table.from_pylist(rows, table.arrow))
    for asked in (["500", "absent", "000", "999", "", "~"], [*names[::3], "absent", "é"]):
        found = tables.find_values(path, version, "video_id", pa.chunked_array([asked]))
        assert found.to_pylist() == sorted({*asked} & {*names})


def test_a_commit_reads_the_keys_of_what_was_added_since_the_last_one_alone(tmp_path, monkeypatch):
    store = synthetic_store(tmp_path / "store", videos=3)
    read, really = [], tables._read_column
    monkeypatch.setattr(tables, "_read_column", lambda *which: read.append(which) or really(*which))
    add_videos(store, Recipe(videos=1), first=3)
    after_one = len(read)
    add_videos(store, Recipe(videos=1), first=4)
    assert len({file for file, _ in read}) == len(read), "no file is read twice"
    assert 0 < len(read) - after_one <= len(TABLES)
    before = store.rows("SELECT count(*) AS n FROM clips")
    add_videos(store, Recipe(videos=5))  # all of which it holds, some in files read long ago
    store.compact()
    add_videos(store, Recipe(videos=5))
    assert store.rows("SELECT count(*) AS n FROM clips") == before == [{"n": 5}]
    assert store.rows(
        "SELECT count(DISTINCT (clip_id, slice, y, x)) = count(*) AS same FROM token_stats"
    ) == [{"same": True}]
    store.close()
