"""Rows in the order of their owners: a question about one clip opens the files and row groups of that clip, through commits and merges."""

import re
from collections.abc import Iterator
from itertools import pairwise

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.contents import contents
from tests.markers import edit_marker
from tests.stores import Recipe, add_videos, make_store
from tubelet.store import Store
from tubelet.store.disk import clustering, key_ranges, tables
from tubelet.store.disk.clustering import LOOSE, RUNS, TIER_BYTES, FileRun, Merging
from tubelet.store.questions.narrowing import find_keys
from tubelet.store.sandbox.untrusted import ask

COMMITS, CLIPS, TOKENS = LOOSE + 5, 2, 100
ONE_CLIP = "FROM token_stats WHERE clip_id = ?"
SCANNED = re.compile(r"Total Files Read: (\d+).*?Row Groups Scanned: (\d+) / (\d+)", re.DOTALL)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[Store]:
    """A store of many commits, of which the next one merges the older ones; a clip fills a row group, four clips a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "GROUP_ROWS", TOKENS)
        patch.setattr(clustering, "FILE_ROWS", 4 * TOKENS)
        made = make_store(
            tmp_path_factory.mktemp("stores") / "store", Recipe(videos=1, clips=CLIPS)
        )
        for number in range(1, COMMITS):
            add_videos(made, Recipe(videos=1, clips=CLIPS), first=number)
        yield made
    made.close()


def hold_version(store: Store, name: str = "token_stats") -> tables.Version:
    return tables.open_table(store.layout.table(name), store.snapshot().versions[name])


def count_scanned(plan: str) -> tuple[int, int]:
    """Files that a plan of one scan has opened, and the row groups that it has read."""
    ((files, read, _),) = SCANNED.findall(plan)
    return int(files), int(read)


def clip_ids(store: Store) -> list[str]:
    return store.query("SELECT clip_id FROM clips ORDER BY ALL")["clip_id"].to_pylist()


@pytest.mark.long
def test_commits_merge_earlier_ones_into_files_of_disjoint_ranges(store):
    held = hold_version(store)
    runs = clustering.find_runs(held.sizes)
    (merged,) = [run for run in runs if len(run.files) > 1]
    assert len(runs) <= LOOSE
    ends = sorted(held.ranges[file] for file in merged.files)
    assert all(last < first for (_, last), (first, _) in pairwise(ends))
    assert len(ends) == (LOOSE + 1) * CLIPS // 4 + 1


def test_a_clip_is_read_from_the_files_and_row_groups_whose_range_holds_it(store):
    held = hold_version(store)
    for clip_id in clip_ids(store)[::5]:
        plan = store.query(f"EXPLAIN ANALYZE {ONE_CLIP}", [clip_id])["explain_value"][0].as_py()
        files, read = count_scanned(plan)
        may = [
            file for file in held.files if held.ranges[file][0] <= clip_id <= held.ranges[file][1]
        ]
        assert files == len(may) < len(held.files) and read <= files
        assert len(store.query(ONE_CLIP, [clip_id])) == TOKENS


@pytest.mark.long
def test_after_compaction_a_clip_is_one_row_group_of_one_file_for_everybody_who_asks(store):
    before = contents(store.root)
    assert store.compact() > 0
    assert contents(store.root) == before and store.compact() == 0
    held, clip_id = hold_version(store), clip_ids(store)[7]
    assert len(held.files) == -(-COMMITS * CLIPS // 4)
    assert all(pq.read_metadata(file).num_row_groups <= 4 for file in held.files)
    sql = f"EXPLAIN ANALYZE FROM token_stats WHERE clip_id = '{clip_id}'"
    assert count_scanned(store.query(sql)["explain_value"][0].as_py()) == (1, 1)
    assert count_scanned(ask(store, sql).table["explain_value"][0].as_py()) == (1, 1)
    joined = "SELECT s.norm FROM token_stats s JOIN clips USING (clip_id) WHERE clip_id = $clip"
    assert len(store.query(joined, {"clip": clip_id})) == TOKENS


def test_every_row_of_a_clip_is_found_in_every_table_that_it_owns(store):
    for name in ("token_stats", "slice_stats", "dim_stats", "token_samples"):
        counted = store.query(f"SELECT clip_id, count(*) AS n FROM {name} GROUP BY ALL")
        for clip_id, n in zip(counted["clip_id"].to_pylist(), counted["n"].to_pylist()):
            assert len(store.query(f"FROM {name} WHERE clip_id = ?", [clip_id])) == n > 0


def test_a_removed_clip_is_gone_from_a_merged_table_and_the_others_stay(store):
    gone, kept = clip_ids(store)[3:5]
    before = store.query(ONE_CLIP, [kept])
    store.commit({}, {"token_stats": [gone]})
    assert len(store.query(ONE_CLIP, [gone])) == 0
    assert store.query(ONE_CLIP, [kept]).sort_by("slice") == before.sort_by("slice")


def test_files_of_before_are_merged_whatever_order_and_columns_they_have(store, tmp_path):
    """As stores of 0.1 hold them: unsorted, one of them without a column that was added later."""
    old = Store.create(tmp_path / "old")
    path = old.layout.table("token_stats")
    rows = store.query("FROM token_stats").cast(tables.TABLES["token_stats"].arrow)
    shuffled = rows.take([number * 7 % len(rows) for number in range(len(rows))])
    for part in (shuffled.slice(0, 2000).drop_columns("std"), shuffled.slice(2000)):
        tables.write_deltalake(path, part, mode="append", schema_mode="merge")
    edit_marker(old.root, lambda content: content["versions"].update({path.name: 1}))
    before = contents(old.root)["token_stats"]
    assert old.compact(whole=True) > 0 and old.compact(whole=True) == 0
    assert contents(old.root)["token_stats"] == before and len(before) == len(rows)
    ends = sorted(hold_version(old).ranges.values())
    assert len(ends) > 1 and all(last < first for (_, last), (first, _) in pairwise(ends))
    old.close()


def test_files_without_a_column_that_newer_ones_have_are_read_and_merged_with_nulls(
    store, tmp_path
):
    old = Store.create(tmp_path / "old")
    path = old.layout.table("token_stats")
    rows = store.query("FROM token_stats").cast(tables.TABLES["token_stats"].arrow)
    clips = clip_ids(store)[5:]  # the test above removed rows of one before
    parts = [rows.filter(pc.equal(rows["clip_id"], clip)) for clip in clips[:4]]
    for number, part in enumerate(parts):  # the first made before the column was thought of
        part = part if number == 3 else part.drop_columns("std")
        tables.write_deltalake(path, part, mode="append", schema_mode="merge")
    edit_marker(old.root, lambda content: content["versions"].update({path.name: 3}))
    asked = "SELECT count(*) AS n, count(std) AS std FROM token_stats WHERE clip_id = ?"

    def require_rows() -> None:
        assert old.rows(asked, [clips[0]]) == [{"n": TOKENS, "std": 0}]
        assert old.rows(asked, [clips[3]]) == [{"n": TOKENS, "std": TOKENS}]

    require_rows()
    held = hold_version(old)
    without = [file for file in held.files if held.ranges[file][0] != clips[3]]
    merged = clustering.merge_files(path, tables.TABLES[path.name], without)
    edit_marker(old.root, lambda content: content["versions"].update({path.name: merged}))
    require_rows()
    assert len(hold_version(old).files) == 2
    old.close()


@pytest.mark.parametrize(
    "sql, keys",
    [
        ("FROM token_stats WHERE clip_id = 'a'", {"token_stats": {"a"}}),
        ("FROM token_stats WHERE clip_id IN ('a', 'b') AND slice > 3", {"token_stats": {"a", "b"}}),
        ("FROM token_stats WHERE clip_id = 'a' OR clip_id = 'b'", {"token_stats": {"a", "b"}}),
        ("FROM token_stats JOIN clips USING (clip_id) WHERE clip_id = 'a'", {"token_stats": {"a"}}),
        ("FROM sensitivity WHERE pair_id = 'p' -- ; (", {"sensitivity": {"p"}}),
        (
            "FROM slice_stats WHERE clip_id = 'a' UNION ALL FROM slice_stats WHERE clip_id = 'b'",
            {"slice_stats": {"a", "b"}},
        ),
        ("EXPLAIN ANALYZE FROM token_stats WHERE clip_id = 'a'", {"token_stats": {"a"}}),
        ("FROM token_stats WHERE clip_id = 'a' UNION ALL FROM token_stats", {}),
        ("FROM token_stats WHERE clip_id = 'a' OR slice = 1", {}),
        ("FROM token_stats WHERE clip_id <> 'a'", {}),
        ("FROM token_stats WHERE NOT (clip_id = 'a')", {}),
        ("FROM token_stats WHERE clip_id = 'a'' OR 1 = 1'", {}),
        ("FROM (SELECT *, row_number() OVER () AS n FROM token_stats) WHERE clip_id = 'a'", {}),
        ("FROM token_stats TABLESAMPLE 10 ROWS WHERE clip_id = 'a'", {}),
        ("FROM (FROM token_stats LIMIT 10) WHERE clip_id = 'a'", {}),
        ("FROM clips LEFT JOIN token_stats t ON t.clip_id = 'a'", {"token_stats": {"a"}}),
        ("FROM token_stats t LEFT JOIN clips c ON t.clip_id = 'a'", {}),
        ("FROM token_stats WHERE clip_id = 'a'; DROP TABLE token_stats", {}),
        ("DELETE FROM token_stats WHERE clip_id = 'a'; SELECT 1", {}),
        ("not even SQL about token_stats and clip_id", {}),
    ],
)
def test_a_query_is_narrowed_to_keys_only_where_it_needs_no_other_row(sql, keys):
    assert find_keys(sql) == keys
    assert find_keys("FROM token_stats WHERE clip_id = $c", {"c": "a"}) == {"token_stats": {"a"}}


@pytest.mark.parametrize(
    "ends, wanted, overlaps",
    [
        (None, ["a"], True),
        (("b", "d"), ["a", "e"], False),
        (("b", "d"), ["a", "b", "e"], True),
        (("b", "d"), ["d"], True),
        (("b", "d"), ["dd"], True),  # the log may have cut `ddd` off
        (("b", "d"), ["e"], False),
    ],
)
def test_a_file_is_passed_over_only_if_no_key_can_be_in_it(ends, wanted, overlaps):
    assert key_ranges.overlaps(ends, wanted) is overlaps


def test_runs_are_merged_with_runs_of_their_size_alone():
    def runs(*sizes: int) -> list[FileRun]:
        return [FileRun((f"{n}.parquet",), size) for n, size in enumerate(sizes)]

    assert clustering.choose_runs(runs(*[1] * LOOSE, *[TIER_BYTES * 2] * RUNS)) == []
    loose = runs(*[1] * (LOOSE + 1), *[TIER_BYTES * 2] * RUNS)
    assert clustering.choose_runs(loose) == loose[: LOOSE + 1]
    large = runs(1, *[TIER_BYTES * 2] * (RUNS + 1), TIER_BYTES * RUNS * 2)
    assert clustering.choose_runs(large) == large[1:-1]


def test_the_end_of_an_ingest_rewrites_small_files_and_no_large_ones():
    sizes = {"large.parquet": 2 * TIER_BYTES, "a.parquet": 1, "b.parquet": 2}
    large, *small = sizes
    assert clustering.choose_files(sizes, Merging.CROWDED) == []
    assert clustering.choose_files(sizes, Merging.SMALL) == small
    assert clustering.choose_files({large: sizes[large], small[0]: 1}, Merging.SMALL) == []
    assert clustering.choose_files(sizes, Merging.WHOLE) == [large, *small]
