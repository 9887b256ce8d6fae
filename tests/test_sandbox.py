"""Other people's SQL: attempts to write, to read elsewhere and to run away, and the queries that must work nevertheless."""

import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from store import Store, landlock
from store.errors import QueryError
from store.processes import AT_ONCE, PROCESSES
from store.sandbox import Limits, ask
from tests.stores import Recipe, add_videos, synthetic_store

TOKEN = "s3cr3t"
reachable_by_name = duckdb.sql(f"SELECT '{TOKEN} of a variable' AS secret").to_arrow_table()

ELSEWHERE = [
    "FROM '{outside}/secret.csv'",
    "FROM '{outside}/secret.json'",
    "FROM '{outside}/videos/*.parquet'",
    "FROM '/etc/passwd'",
    "FROM '/etc/passwd.csv'",
    "FROM read_text('{outside}/secret.txt')",
    "FROM read_text(['{store}/tubelet.json', '{outside}/secret.txt'])",
    "FROM read_blob('{store}/../outside/secret.txt')",
    "FROM read_text('{store}-private/secret.txt')",
    "FROM read_text('{store}/link.txt')",
    "FROM read_text('{store}/folder/secret.txt')",
    "FROM read_text('secret.txt')",
    "FROM read_text('~/secret.txt')",
    "FROM read_text('file://{outside}/secret.txt')",
    "FROM read_text('/proc/self/environ')",
    "FROM glob('{store}/../*')",
    "FROM glob('{store}/folder/*')",
    "FROM glob('/etc/*')",
    "FROM glob('*')",
    "FROM read_csv('{outside}/secret.csv', store_rejects = true)",
    "FROM sniff_csv('{outside}/secret.csv')",
    "FROM read_json_objects('{outside}/secret.json')",
    "FROM read_parquet('{outside}/**/*.parquet', hive_partitioning = true)",
    "FROM parquet_metadata('{outside}/videos/*.parquet')",
    "FROM parquet_schema('{outside}/videos/*.parquet')",
    "FROM parquet_kv_metadata('{outside}/videos/*.parquet')",
    "FROM parquet_file_metadata('{outside}/videos/*.parquet')",
    "FROM parquet_bloom_probe('{outside}/videos/*.parquet', 'video_id', 1)",
    "FROM read_duckdb('{outside}/other.db')",
    "FROM query_table('{outside}/secret.csv')",
    "FROM query_table(['{outside}/secret.csv'])",
    "FROM 'https://example.com/secret.parquet'",
    "FROM 'http://example.com/secret.csv'",
    "FROM read_text('s3://bucket/secret.txt')",
    "FROM read_text('hf://datasets/a/b/secret.txt')",
    "FROM reachable_by_name",
    "SELECT getenv('TUBELET_TEST_SECRET')",
    "SELECT getvariable('TUBELET_TEST_SECRET'), getenv('HOME')",
    "FROM duckdb_extensions()",
    "FROM duckdb_extension_repositories()",
    "FROM arrow_scan(1, 1, 1)",
    "FROM pandas_scan(1)",
    "FROM python_map_function((SELECT 1))",
]

WRITING = [
    "COPY (SELECT 1) TO '{store}/evil.csv'",
    "COPY (SELECT 1 AS a) TO '{file}' (FORMAT parquet, USE_TMP_FILE false)",
    "COPY (SELECT 1) TO '{outside}/evil.csv'",
    "COPY clips FROM '{outside}/secret.csv'",
    "COPY FROM DATABASE memory TO memory",
    "EXPORT DATABASE '{store}/evil'",
    "IMPORT DATABASE '{store}'",
    "ATTACH '{store}/evil.db'",
    "ATTACH ':memory:' AS evil",
    "DETACH memory",
    "USE memory",
    "CREATE OR REPLACE VIEW clips AS SELECT 1",
    "CREATE MACRO norm(x) AS 1",
    "CREATE TABLE evil AS SELECT 1",
    "CREATE SECRET evil (TYPE s3)",
    "CREATE TYPE evil AS ENUM ('a')",
    "DROP VIEW clips",
    "ALTER VIEW clips RENAME TO evil",
    "COMMENT ON VIEW clips IS 'evil'",
    "INSERT INTO clips VALUES (1)",
    "UPDATE clips SET dim = 1",
    "DELETE FROM clips",
    "TRUNCATE clips",
    "MERGE INTO clips USING clips AS other ON true WHEN MATCHED THEN DELETE",
    "VACUUM",
    "CHECKPOINT",
    "FORCE CHECKPOINT",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{outside}/evil.duckdb_extension'",
    "SET enable_external_access = true",
    "SET VARIABLE evil = 1",
    "RESET lock_configuration",
    "PRAGMA enable_profiling",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "CALL enable_logging(storage = 'file')",
    "PREPARE evil AS SELECT 1",
    "EXECUTE evil",
    "BEGIN",
    "EXPLAIN ANALYZE SELECT 1",
    "FROM enable_logging(storage = 'file', storage_config = {'path': '{store}/evil'})",
    "FROM enable_profiling(save_location = '{store}/evil')",
    "FROM force_checkpoint()",
    "FROM read_duckdb('{store}/evil.db')",
]

ESCAPES = [
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY (SELECT 1) TO '{store}/evil.csv'",
    "SELECT 1) ; COPY (SELECT 1) TO '{store}/evil.csv' ; SELECT * FROM (SELECT 1",
    "SELECT 1) ; COPY (SELECT 1) TO '{store}/evil.csv' --",
    "SELECT 1) ; DROP VIEW clips ; (SELECT 1",
    "SELECT 1) UNION ALL (SELECT 2",
    "SELECT 1) AS a JOIN (SELECT 2",
    "SELECT 1) --",
    "SELECT 1) /*",
    "SELECT 1 /*",
    "SELECT '",
    'SELECT "',
    "SELECT $$",
    "SELECT (1",
    "SELECT 1 \0) ; COPY (SELECT 1) TO '{store}/evil.csv'",
    "SELECT '\ud800'",
    "",
    " ; ; ",
    "-- only a comment",
    "WITH evil AS (COPY (SELECT 1) TO '{store}/evil.csv') FROM evil",
    "WITH evil AS MATERIALIZED (COPY (SELECT 1) TO '{store}/evil.csv') SELECT 1",
    "WITH evil AS (INSERT INTO clips VALUES (1) RETURNING *) FROM evil",
    "FROM (WITH evil AS (COPY (SELECT 1) TO '{store}/evil.csv') SELECT 1)",
    "SELECT (WITH evil AS (COPY (SELECT 1) TO '{store}/evil.csv') SELECT 1)",
    "FROM (COPY (SELECT 1) TO '{store}/evil.csv')",
    "FROM query('COPY (SELECT 1) TO ''{store}/evil.csv''')",
    "FROM query('FROM json_' || 'execute_serialized_sql(''{serialised}'')')",
    'FROM "Query"/* a /* nested */ comment */ (\'SELECT 1\')',
    "FROM system.main.query -- a comment\n ('SELECT 1')",
    "FROM json_execute_serialized_sql('{serialised}')",
    "SELECT 'é' FROM system.main.\"JSON_EXECUTE_SERIALIZED_SQL\" ('{serialised}')",
    "PIVOT (FROM json_execute_serialized_sql('{serialised}')) ON COLUMNS(*) USING count(*)",
    "PRAGMA json_execute_serialized_sql('{serialised}')",
]

HARMLESS = [
    "FROM read_text('{store}/tubelet.json')",
    "FROM glob('{store}/*')",
    "FROM '{file}'",
    "FROM duckdb_settings()",
    "FROM duckdb_secrets()",
    "FROM duckdb_views()",
    "FROM duckdb_logs()",
    "FROM pg_catalog.pg_settings",
    "SELECT current_setting('home_directory'), current_setting('secret_directory'), current_setting('temp_directory')",
    "SELECT write_log('evil')",
    "SELECT setseed(0.5), version(), current_query(), current_user",
    "FROM checkpoint()",
    "FROM truncate_duckdb_logs()",
    "FROM read_blob(current_setting('temp_directory') || '/*')",
    "FROM which_secret('s3://bucket/secret', 's3')",
    "SELECT $evil$) ; DROP VIEW clips ; ($evil$",
    "SELECT 1 /* ) ; DROP VIEW clips ; ( */",
    "SELECT ') ; DROP VIEW clips ; ('",
]

# The last three stop neither at DuckDB's max_execution_time nor at an interrupt.
RUNAWAYS = [
    "SELECT count(*) FROM range(1000000) AS a, range(1000000) AS b",
    "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    "SELECT levenshtein(repeat('a', 200000), repeat('b', 200000))",
    "SELECT sleep_ms(60000)",
    "SELECT count(half_to_float(repeat('ab', 1000000 + i::INTEGER)::BLOB)) FROM range(100000) AS n(i)",
]

BOMBS = [
    "SELECT string_agg(repeat('x', 1000000), '') FROM range(100000)",
    "SELECT list(a.range) FROM range(100000) AS a, range(100000) AS b",
    "SELECT len(range(1000000000))",
    "SELECT repeat('x', 4000000000)",
    "SELECT max(list_sort(range(500000000)))",
    "SELECT sum(len(half_to_float(repeat('ab', 1000000000 + i::INTEGER)::BLOB))) FROM range(300) AS n(i)",
]


@dataclass(frozen=True)
class Place:
    """A store, and what lies around it."""

    root: Path
    store: Store
    serialised: str

    def filled(self, attempt: str) -> str:
        """An attempt with the paths it is after."""
        file = next((self.store.root / "videos").glob("*.parquet"))
        names = {"store": self.store.root, "outside": self.root / "outside", "file": file, "serialised": self.serialised}
        for name, value in names.items():
            attempt = attempt.replace(f"{{{name}}}", str(value))
        return attempt

    def tree(self) -> dict[str, tuple]:
        """Every entry in and around the store: size, time, bytes."""
        entries = sorted(self.root.rglob("*"))
        return {str(entry): (entry.lstat().st_mode, entry.lstat().st_mtime_ns, _hash(entry)) for entry in entries}

    def views(self) -> list[dict]:
        """What the next user sees."""
        sql = "SELECT view_name, sql, (SELECT count(*) FROM clips) AS clips FROM duckdb_views() WHERE NOT internal ORDER BY 1"
        return ask(self.store, sql).table.to_pylist()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("place")
    store = synthetic_store(root / "store")
    for folder in ("outside", "store-private"):
        (root / folder).mkdir()
        (root / folder / "secret.txt").write_text(f"{TOKEN} of a file")
    (root / "outside" / "secret.csv").write_text(f"a,b\n{TOKEN} of a file,1\n")
    (root / "outside" / "secret.json").write_text(f'{{"a": "{TOKEN} of a file"}}')
    (root / "outside" / "videos").mkdir()
    duckdb.from_arrow(reachable_by_name).write_parquet(str(root / "outside" / "videos" / "secret.parquet"))
    (store.root / "link.txt").symlink_to(root / "outside" / "secret.txt")
    (store.root / "folder").symlink_to(root / "outside")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUBELET_TEST_SECRET", f"{TOKEN} of the environment")
        patch.chdir(root / "outside")
        PROCESSES.close()  # those that come have met the environment above
        yield Place(root, store, _serialised(f"WITH evil AS (COPY (SELECT 42) TO '{store.root}/evil.csv') SELECT 1 FROM evil"))
    store.close()


@pytest.fixture(scope="module")
def before(place):
    return place.tree(), place.views()


@pytest.mark.parametrize("attempt", ELSEWHERE + WRITING + ESCAPES)
def test_refused(attempt, place, before):
    with pytest.raises(QueryError) as refusal:
        ask(place.store, place.filled(attempt))
    assert TOKEN not in str(refusal.value)
    assert (place.tree(), place.views()) == before


@pytest.mark.parametrize("attempt", HARMLESS)
def test_harmless(attempt, place, before):
    try:
        told = str(ask(place.store, place.filled(attempt)).table.to_pylist())
    except QueryError as refusal:
        told = str(refusal)
    assert TOKEN not in told
    assert (place.tree(), place.views()) == before


@pytest.mark.parametrize("query", RUNAWAYS)
def test_a_runaway_is_stopped_in_time(query, place, before):
    ask(place.store, "SELECT 1")
    started = time.monotonic()
    with pytest.raises(QueryError, match="stopped after 1 s: add a LIMIT or a WHERE"):
        ask(place.store, query, Limits(seconds=1))
    assert time.monotonic() - started < 3
    assert (place.tree(), place.views()) == before


@pytest.mark.parametrize("query", BOMBS)
def test_a_memory_bomb_is_stopped(query, place, before):
    with pytest.raises(QueryError, match="stopped at 0.4 GB of memory: select fewer"):
        ask(place.store, query, Limits(memory="400MB", seconds=20))
    assert (place.tree(), place.views()) == before


def test_an_answer_too_large_is_stopped(place):
    with pytest.raises(QueryError, match="the answer is larger than 0.2 GB"):
        ask(place.store, "SELECT repeat('x', 1000) FROM range(1000000)", Limits(rows=None, memory="200MB"))


def test_work_larger_than_memory_is_spilled(place):
    query = "SELECT i, repeat('x', 100) FROM range(3000000) AS n(i) ORDER BY hash(i) LIMIT 1 OFFSET 2500000"
    assert ask(place.store, query, Limits(memory="300MB")).table["i"].to_pylist() == [2_938_356]


def test_nothing_is_left_of_a_stopped_query(place, tmp_path, monkeypatch):
    PROCESSES.close()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(QueryError, match="stopped"):
        ask(place.store, RUNAWAYS[0], Limits(seconds=0.5))
    assert not list(tmp_path.iterdir())


def test_the_kernel_forbids_what_the_checks_would_miss(place, before, tmp_path):
    """The attempt that gets past the wrapper and the lock, in a process that lacks the check of names."""
    attempt = f"FROM json_execute_serialized_sql('{place.serialised}')"
    script = f"""
import tempfile
from store import Store, landlock
if not landlock.confine(tempfile.gettempdir()):
    raise SystemExit(3)
duck = Store({str(place.store.root)!r}).connect("", {{}})
for sql in ({attempt!r}, "COPY (SELECT 1) TO '{place.store.root}/evil.csv'"):
    try:
        duck.sql(sql).fetchall() if sql.startswith("FROM") else duck.execute(sql)
        print("not refused")
    except Exception as error:
        print("refused" if "Permission denied" in str(error) else error)
duck.close()
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(landlock.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    if done.returncode == 3:
        pytest.skip("this kernel has no Landlock")
    assert done.stdout == "refused\nrefused\n", done.stderr
    assert (place.tree(), place.views()) == before


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
        ("WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3) FROM n", [{"i": 1}, {"i": 2}, {"i": 3}]),
        ("PIVOT (SELECT 'x' AS a, 2 AS b) ON a USING max(b)", [{"x": 2}]),
        ("PIVOT (SELECT 'x' AS a, 2 AS b) ON a IN ('x') USING max(b)", [{"x": 2}]),
        ("UNPIVOT (SELECT 1 AS a) ON a", [{"name": "a", "value": 1}]),
        ("SELECT 'query(' AS query", [{"query": "query("}]),
        ("SELECT 1 AS a WHERE false", []),
    ],
)
def test_queries_that_work(query, rows, place):
    assert ask(place.store, query).table.to_pylist() == rows


def test_describe_summarize_and_show(place):
    assert ask(place.store, "DESCRIBE clips").table["column_name"][0].as_py() == "clip_id"
    assert ask(place.store, "SUMMARIZE token_stats").table["count"].to_pylist()[0] == 300
    assert "tokens" in ask(place.store, "SHOW TABLES").table["name"].to_pylist()


def test_tokens_are_floats(place):
    answer = ask(place.store, "SELECT embedding FROM tokens ORDER BY clip_id, slice, y, x LIMIT 1")
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
def test_tokens_by_another_name_are_refused_not_empty(query, place):
    with pytest.raises(QueryError, match="write the name tokens out in the query"):
        ask(place.store, query)


def test_tokens_are_listed_in_a_query_that_does_not_read_them(place):
    columns = ask(place.store, "SELECT table_name, count(*) AS n FROM duckdb_columns() WHERE NOT internal GROUP BY ALL").table.to_pylist()
    assert {row["table_name"]: row["n"] for row in columns}["tokens"] == 7


def test_rows_beyond_the_limit_are_cut_and_told(place):
    assert ask(place.store, "FROM range(3)", Limits(rows=3)).truncated is False
    cut = ask(place.store, "FROM range(4)", Limits(rows=3))
    assert cut.truncated is True and cut.table["range"].to_pylist() == [0, 1, 2]
    whole = ask(place.store, "FROM range(20000)", Limits(rows=None))
    assert whole.truncated is False and len(whole.table) == 20_000


def test_order_is_kept(place):
    ordered = ask(place.store, "SELECT hash(i) AS h FROM range(100000) AS n(i) ORDER BY h DESC").table["h"].to_pylist()
    assert ordered == sorted(ordered, reverse=True) and len(ordered) == 10_000


@pytest.mark.parametrize(
    "query, told",
    [
        ("SELECT clip FROM clips", 'Referenced column "clip" not found'),
        ("SELECT clip FROM clips", "\n\nLINE 1: SELECT clip FROM clips\n               ^"),
        ("SELECT\n'é',\tclip\nFROM clips", "\n\nLINE 2: 'é', clip\n             ^"),
        ("SELECT sum(dim FROM clips", 'syntax error at or near "FROM"\n\nLINE 1: SELECT sum(dim FROM clips\n                       ^'),
        ("FROM clip", "LINE 1: FROM clip\n             ^"),
        ("SELECT clip_id::INTEGER FROM clips", "Could not convert string"),
        ("SELECT error('mine') FROM clips", "mine"),
        ("COPY clips TO 'x'", "only queries are answered here"),
        ("SELECT 1) UNION ALL (SELECT 2", 'syntax error at or near ")"\n\nLINE 1: SELECT 1) UNION ALL'),
        ("FROM query('SELECT 1')", "query() is not allowed here"),
        ("FROM json_execute_serialized_sql('{}')", "json_execute_serialized_sql() is not allowed here"),
        ("WITH a AS (COPY clips TO 'x') FROM a", "must be at the top level"),
        ("FROM '/etc/passwd.csv'", 'Cannot access file "/etc/passwd.csv"'),
        ("SELECT half_to_float('abc'::BLOB)", "takes two bytes a number"),
        ("SELECT 1; SELECT 2", "one query at a time"),
        ("", 'try "FROM clips"'),
    ],
)
def test_mistakes_are_told_about_the_authors_text(query, told, place):
    with pytest.raises(QueryError) as mistake:
        ask(place.store, query)
    assert told in str(mistake.value)
    assert "LIMIT 10001" not in str(mistake.value) and "SELECT * FROM (" not in str(mistake.value)


def test_more_threads_than_processes(place):
    answers = {}

    def work(number):
        answers[number] = [ask(place.store, f"SELECT {number} + i AS n FROM range(3) AS r(i)").table["n"].to_pylist() for _ in range(3)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(AT_ONCE + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: [[number, number + 1, number + 2]] * 3 for number in range(AT_ONCE + 1)}


def test_a_process_answers_one_query_after_the_other(place):
    ask(place.store, "SELECT embedding FROM tokens")
    with PROCESSES.one() as first:
        pass
    ask(place.store, "SELECT embedding FROM tokens")
    with PROCESSES.one() as second:
        assert second is first


def test_a_process_that_died_is_replaced(place):
    with PROCESSES.one() as process:
        process.close()
    assert len(ask(place.store, "FROM clips").table) == 3


def test_a_store_that_is_gone_is_told(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=1)
    (store.root / "tubelet.json").unlink()
    with pytest.raises(QueryError, match="is no Tubelet store"):
        ask(store, "FROM clips")


def test_the_newest_snapshot_is_asked(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=1)
    add_videos(store, Recipe(videos=2), first=1)
    assert len(ask(store, "FROM clips").table) == 3


@pytest.mark.parametrize("memory, size", [("2GB", 2 * 10**9), ("500 mb", 500 * 10**6), ("1.5KB", 1500)])
def test_amounts_of_memory(memory, size):
    assert Limits(memory=memory).memory_bytes == size


def test_no_amount_of_memory():
    with pytest.raises(QueryError, match="write 500MB or 2GB"):
        Limits(memory="much").memory_bytes


def _hash(entry: Path) -> str:
    return hashlib.sha256(entry.read_bytes()).hexdigest() if entry.is_file() else ""


def _serialised(sql: str) -> str:
    """A statement as DuckDB's own JSON, quoted for SQL."""
    with duckdb.connect(":memory:") as duck:
        return duck.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()[0][0].replace("'", "''")
