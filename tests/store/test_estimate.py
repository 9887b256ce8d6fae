"""What a query would read, told before it runs: compared with what it did read."""

import json
import sys
from collections.abc import Iterator

import pytest

from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.store import Store
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.estimate import Estimate, StoredFiles, estimate
from tubelet.store.sandbox.untrusted import Limits, Query, ask, estimate_reads
from tubelet.store.sandbox.worker_pool import PROCESSES

VIDEOS, SLICES, SIDE, DIM = 6, 4, 12, 256
TOKENS = VIDEOS * SLICES * SIDE * SIDE
ALL, ONE = VIDEOS, 1  # files
LIMITS = Limits(rows=400)
OVERHEAD = 400_000  # bytes of footers and small tables that an answer reads besides

# a query, the files that it opens, and the share of the embeddings that it reads
READS = [
    ("SELECT sum(embedding[3]) FROM tokens", ALL, 1),
    ("FROM tokens WHERE clip_id = '{clip}'", ONE, 1 / VIDEOS),
    ("FROM tokens WHERE clip_id IN ('{clip}', 'none')", ONE, 1 / VIDEOS),
    ("SELECT avg(embedding[1]) FROM tokens WHERE video_id = $video", ONE, 1 / VIDEOS),
    ("SELECT avg(embedding[1]) FROM tokens WHERE video_id = 'none'", 0, 0),
    ("FROM tokens ORDER BY embedding[3] LIMIT 1", ALL, 1 + 1 / VIDEOS / SLICES),
    ("SELECT clip_id, count(*) FROM tokens GROUP BY 1", ALL, 0),
    ("EXPLAIN ANALYZE SELECT sum(embedding[1]) FROM tokens", ALL, 1),
    ("EXPLAIN SELECT sum(embedding[1]) FROM tokens", 0, 0),
    ("SELECT avg(norm) FROM token_stats", 0, 0),
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("estimate") / "store"
    made = synthetic_store(path, videos=VIDEOS, slices=SLICES, side=SIDE, dim=DIM)
    yield made
    made.close()


@pytest.fixture(scope="module")
def held(store: Store) -> int:
    return int(store.rows("SELECT sum(embedding_bytes)::BIGINT AS bytes FROM clips")[0]["bytes"])


def fill(store: Store, sql: str) -> Query:
    clip = store.rows("FROM clips ORDER BY clip_id LIMIT 1")[0]
    values = {"video": clip["video_id"]} if "$video" in sql else {}
    return Query(sql.replace("{clip}", clip["clip_id"]), values)


@pytest.mark.parametrize("sql, files, share", thin(READS, 3, spread=True))
def test_an_estimate_is_what_is_then_read(
    sql: str, files: int, share: float, store: Store, held: int
) -> None:
    query = fill(store, sql)
    found = estimate_reads(store, query, LIMITS)
    assert (found.files, found.of_files) == (files, VIDEOS if files else 0)
    assert found.embedding_bytes == pytest.approx(share * held, rel=0.01)
    read = ask(store, query, LIMITS).bytes_read
    if sys.platform == "linux":
        assert read <= found.embedding_bytes + OVERHEAD
        assert read >= 0.5 * found.embedding_bytes


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what was read")
@pytest.mark.parametrize(
    "sql",
    [
        "FROM tokens LIMIT 5",
        "FROM tokens",  # of which the first rows are shown
        "FROM tokens LIMIT 10 OFFSET 700",
        "SELECT max(cosine(a.embedding, b.embedding)) FROM tokens a, (FROM tokens LIMIT 1) b",
        "FROM tokens WHERE clip_id = (SELECT min(clip_id) FROM clips)",
        "SELECT t.embedding FROM tokens t JOIN clips c USING (clip_id) WHERE c.first_frame = 0",
    ],
)
def test_no_more_is_read_than_it_says(sql: str, store: Store, held: int) -> None:
    found = estimate_reads(store, sql, LIMITS)
    assert ask(store, sql, LIMITS).bytes_read <= found.embedding_bytes + OVERHEAD


def test_a_limit_ends_a_scan_in_its_first_slices() -> None:
    scan = {"name": "READ_PARQUET", "children": [], "extra_info": {"Projections": ["embedding"], "Estimated Cardinality": "9000"}}  # fmt: skip
    plan = [{"name": "STREAMING_LIMIT", "children": [scan], "extra_info": {"Limit": "150"}}]
    held = StoredFiles(files=10, bytes=90_000, tokens=9000, slices=90, threads=2)
    assert estimate(json.dumps(plan), held, True) == Estimate(
        files=2, of_files=10, embedding_bytes=10_000, rows=150
    )
    assert estimate(json.dumps([scan]), held, True) == Estimate(
        files=10, of_files=10, embedding_bytes=90_000, rows=9000
    )
    assert estimate(json.dumps([scan]), held, False) == Estimate(rows=9000)
    scan["extra_info"]["Filters"] = "(slice = 1)"  # how far it goes for its rows is open
    assert estimate(json.dumps(plan), held, True).embedding_bytes == 90_000


@pytest.mark.parametrize(
    "sql, rows",
    [
        ("SELECT avg(norm) FROM token_stats", TOKENS),
        ("FROM clips", VIDEOS),
        ("FROM token_stats LIMIT 7", 7),
        ("FROM token_stats", 401),
        ("SELECT sum(embedding[3]) FROM tokens", TOKENS),
        ("SELECT count(*) FROM clips, videos", 2 * VIDEOS),
        ("SELECT 1", 0),
        ("PIVOT (FROM token_stats SELECT slice, norm) ON slice USING avg(norm)", TOKENS),
    ],
)
def test_the_rows_are_those_of_the_scans(sql: str, rows: int, store: Store) -> None:
    assert estimate_reads(store, sql, LIMITS).rows == rows


def test_nothing_runs(store: Store) -> None:
    """A query that would take minutes, and one that fails as soon as it has a row."""
    slow = "SELECT count(*) FROM token_stats a, token_stats b, token_stats c WHERE hash(a.norm + b.norm) = hash(c.norm)"
    assert estimate_reads(store, slow, LIMITS).rows == 3 * TOKENS
    assert estimate_reads(store, "SELECT error(clip_id) FROM clips", LIMITS).rows == VIDEOS


@pytest.mark.parametrize("sql", ["SELECT nam FROM videos", "SELECT", "DROP VIEW clips", "SELECT $k"])  # fmt: skip
def test_what_has_no_answer_has_no_estimate(sql: str, store: Store) -> None:
    with pytest.raises(QueryError) as estimated:
        estimate_reads(store, sql, LIMITS)
    with pytest.raises(QueryError) as asked:
        ask(store, sql, LIMITS)
    assert str(estimated.value) == str(asked.value)


def test_a_store_without_embeddings(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = synthetic_store(tmp_path_factory.mktemp("none") / "store", embeddings=False)
    assert estimate_reads(made, "SELECT sum(embedding[1]) FROM tokens") == Estimate()
    made.close()


@pytest.mark.parametrize(
    "found, words",
    [
        (Estimate(rows=1), "scans about 1 row, no embeddings"),
        (Estimate(files=2, of_files=9, rows=40), "scans about 40 rows; opens 2 of 9 embedding files for addresses"),
        (Estimate(files=1, of_files=1, embedding_bytes=4_100_000_000, rows=5), "reads at most 4.1 GB of embeddings, 1 of 1 embedding file"),
        (Estimate(files=1, of_files=2, embedding_bytes=999, rows=5), "at most 999 bytes"),
    ],
)  # fmt: skip
def test_it_calls_itself_an_estimate(found: Estimate, words: str) -> None:
    assert found.describe().startswith("Estimate: ") and words in found.describe()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what was read")
def test_the_first_query_of_a_process_reads_no_modules(store: Store) -> None:
    PROCESSES.close()  # the next query starts one
    first, second = (ask(store, "FROM clips").bytes_read for _ in range(2))
    assert 0 < second < OVERHEAD and first < second + OVERHEAD
