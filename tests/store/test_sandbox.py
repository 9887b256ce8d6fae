"""Other people's SQL that must work: its answers, its mistakes told about their author's text, and the processes that answer."""

import shutil
import threading

import pytest

from tests.stores import Recipe, add_videos, synthetic_store
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.fair_queue import QuerySlots
from tubelet.store.sandbox.untrusted import ask
from tubelet.store.sandbox.worker_pool import PROCESSES


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = synthetic_store(tmp_path_factory.mktemp("sandbox") / "store")
    yield made
    made.close()


@pytest.mark.parametrize(
    "query, rows",
    [
        ("SELECT count(*) AS n FROM clips", [{"n": 3}]),
        ("SELECT 1 AS a;", [{"a": 1}]),
        ("SELECT 1 AS a ; ; -- done;", [{"a": 1}]),
        (" ;SELECT ';' AS a", [{"a": ";"}]),
        ("SELECT 1 AS a -- a comment", [{"a": 1}]),
        ("-- a comment\nSELECT 1 AS a /* another */", [{"a": 1}]),
        ("(SELECT 1 AS a)", [{"a": 1}]),
        ("VALUES (1), (2)", [{"col0": 1}, {"col0": 2}]),
        ("FROM encoders SELECT name", [{"name": "toy"}]),
        ("WITH a AS (SELECT 1 AS b) FROM a", [{"b": 1}]),
        (
            "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3) FROM n",
            [{"i": 1}, {"i": 2}, {"i": 3}],
        ),
        ("PIVOT (SELECT 'x' AS a, 2 AS b) ON a USING max(b)", [{"x": 2}]),
        ("PIVOT (SELECT 'x' AS a, 2 AS b) ON a IN ('x') USING max(b)", [{"x": 2}]),
        ("UNPIVOT (SELECT 1 AS a) ON a", [{"name": "a", "value": 1}]),
        ("SELECT 'query(' AS query", [{"query": "query("}]),
        ("SELECT 1 AS a WHERE false", []),
        ("SELECT list_transform([1, 2], x -> x + 1) AS a", [{"a": [2, 3]}]),
        ("SELECT list_transform([1, 2], lambda x: x + 1) AS a", [{"a": [2, 3]}]),
        ("SELECT list_filter([1, 2, 3], (x, i) -> x > 1 AND i < 3) AS a", [{"a": [2]}]),
        ("SELECT ('{\"a\": {\"b\": 1}}'::JSON -> 'a' ->> 'b')::INTEGER AS a", [{"a": 1}]),
    ],
)
def test_queries_that_work(query, rows, store):
    assert ask(store, query).table.to_pylist() == rows


def test_describe_summarize_and_show(store):
    assert ask(store, "DESCRIBE clips").table["column_name"][0].as_py() == "clip_id"
    assert ask(store, "SUMMARIZE token_stats").table["count"].to_pylist()[0] == 300
    assert "tokens" in ask(store, "SHOW TABLES").table["name"].to_pylist()


@pytest.mark.parametrize(
    "query, key, words",
    [
        ("EXPLAIN FROM clips WHERE frame_count = 8", "physical_plan", "frame_count"),
        (
            "explain\n-- why\nSELECT role, count(*) FROM clips GROUP BY role;",
            "physical_plan",
            "count_star()",
        ),
        (
            "EXPLAIN ANALYZE SELECT dim, count(*) FROM dim_stats GROUP BY dim",
            "analyzed_plan",
            "Total Time",
        ),
        ("EXPLAIN (ANALYZE, FORMAT json) FROM dim_stats", "analyzed_plan", '"total_bytes_read"'),
        ("EXPLAIN (FORMAT JSON) (FROM clips)", "physical_plan", '"name"'),
        ("EXPLAIN (SELECT 41 + 1 AS answer)", "physical_plan", "answer"),
    ],
)
def test_a_query_is_explained(query, key, words, store):
    (row,) = ask(store, query).table.to_pylist()
    assert row["explain_key"] == key and words in row["explain_value"]


def test_tokens_are_floats(store):
    answer = ask(store, "SELECT embedding FROM tokens ORDER BY clip_id, slice, y, x LIMIT 1")
    assert len(answer.table["embedding"][0].as_py()) == 16


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM query_table('tok' || 'ens')",
        "SELECT max(x) FROM query_table('tok' || 'ens') WHERE video_id = 'a'",
        "SELECT count(*) FROM clips LEFT JOIN query_table('tok' || 'ens') USING (clip_id)",
        "FROM histogram_values('tok' || 'ens', slice)",
    ],
)
def test_tokens_by_another_name_are_refused_not_empty(query, store):
    with pytest.raises(QueryError, match="write the name tokens out in the query"):
        ask(store, query)


def test_tokens_are_listed_in_a_query_that_does_not_read_them(store):
    columns = ask(
        store,
        "SELECT table_name, count(*) AS n FROM duckdb_columns() WHERE NOT internal GROUP BY ALL",
    ).table.to_pylist()
    assert {row["table_name"]: row["n"] for row in columns}["tokens"] == 7


def test_order_is_kept(store):
    ordered = (
        ask(store, "SELECT hash(i) AS h FROM range(100000) AS n(i) ORDER BY h DESC")
        .table["h"]
        .to_pylist()
    )
    assert ordered == sorted(ordered, reverse=True) and len(ordered) == 10_000


@pytest.mark.parametrize(
    "query, told",
    [
        ("SELECT clip FROM clips", 'Referenced column "clip" not found'),
        ("SELECT clip FROM clips", "\n\nLINE 1: SELECT clip FROM clips\n               ^"),
        ("SELECT\n'é',\tclip\nFROM clips", "\n\nLINE 2: 'é', clip\n             ^"),
        (
            "SELECT sum(dim FROM clips",
            'syntax error at or near "FROM"\n\nLINE 1: SELECT sum(dim FROM clips\n                       ^',
        ),
        ("FROM clip", "LINE 1: FROM clip\n             ^"),
        ("SELECT clip_id::INTEGER FROM clips", "Could not convert string"),
        ("SELECT error('mine') FROM clips", "mine"),
        (
            "EXPLAIN ANALYZE\nSELECT clip FROM clips",
            "\n\nLINE 2: SELECT clip FROM clips\n               ^",
        ),
        (
            "EXPLAIN SELECT sum(dim FROM clips",
            'syntax error at or near "FROM"\n\nLINE 1: EXPLAIN SELECT sum(dim FROM clips\n                               ^',
        ),
        ("EXPLAIN ANALYZE COPY clips TO 'x'", "only queries are allowed here"),
        ("COPY clips TO 'x'", "only queries are allowed here"),
        (
            "SELECT 1) UNION ALL (SELECT 2",
            'syntax error at or near ")"\n\nLINE 1: SELECT 1) UNION ALL',
        ),
        ("FROM query('SELECT 1')", "query() is not allowed here"),
        (
            "FROM json_execute_serialized_sql('{}')",
            "json_execute_serialized_sql() is not allowed here",
        ),
        ("WITH a AS (COPY clips TO 'x') FROM a", "must be at the top level"),
        ("FROM '/etc/passwd.csv'", 'Cannot access file "/etc/passwd.csv"'),
        ("SELECT half_to_float('abc'::BLOB)", "takes two bytes per number"),
        ("SELECT 1; SELECT 2", "one query at a time"),
        ("", 'try "FROM clips"'),
    ],
)
def test_mistakes_are_told_about_the_authors_text(query, told, store):
    with pytest.raises(QueryError) as mistake:
        ask(store, query)
    assert told in str(mistake.value)
    assert "LIMIT 10001" not in str(mistake.value) and "SELECT * FROM (" not in str(mistake.value)


@pytest.mark.long
def test_more_threads_than_processes(store):
    answers = {}

    def work(number):
        answers[number] = [
            ask(store, f"SELECT {number} + i AS n FROM range(3) AS r(i)").table["n"].to_pylist()
            for _ in range(3)
        ]

    threads = [
        threading.Thread(target=work, args=(number,)) for number in range(QuerySlots().at_once + 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {
        number: [[number, number + 1, number + 2]] * 3 for number in range(QuerySlots().at_once + 1)
    }


def test_a_process_answers_one_query_after_the_other(store):
    ask(store, "SELECT embedding FROM tokens")
    with PROCESSES.one() as first:
        pass
    ask(store, "SELECT embedding FROM tokens")
    with PROCESSES.one() as second:
        assert second is first


def test_a_process_that_died_is_replaced(store):
    with PROCESSES.one() as process:
        process.close()
    assert len(ask(store, "FROM clips").table) == 3


def test_a_store_that_is_gone_is_told(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=1)
    shutil.rmtree(store.root)
    with pytest.raises(QueryError, match="does not exist"):
        ask(store, "FROM clips")


def test_the_newest_snapshot_is_asked(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=1)
    add_videos(store, Recipe(videos=2), first=1)
    assert len(ask(store, "FROM clips").table) == 3
