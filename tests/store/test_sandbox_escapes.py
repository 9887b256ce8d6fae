"""Other people's SQL that tries to write or to read elsewhere: refused or harmless, and nothing around the store changes."""

import os
import subprocess
import sys

import duckdb
import pytest

from tests.commands import ROOT
from tests.guarded import TOKEN
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.untrusted import ask

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
    "SELECT a.* FROM (SELECT token('a', 0, 0, 0) AS b), read_text('{outside}/secret.txt') AS a",
    "SELECT cosine((SELECT list(ascii(content)) FROM read_text('{outside}/secret.txt')), [1])",
    "SELECT seconds_of((SELECT content FROM read_text('{outside}/secret.txt')), 0)",
    "SELECT frame_of('a', (SELECT count(*) FROM read_csv('{outside}/secret.csv')))",
    "SELECT component((SELECT content FROM read_blob('{outside}/secret.txt')), [1], 0)",
    "SELECT token((SELECT content FROM read_text('/proc/self/environ')), 0, 0, 0)",
    "FROM read_parquet('{store}/folder/videos/*.parquet')",
    "FROM read_parquet(['{file}', '{outside}/videos/secret.parquet'])",
    "FROM read_ndjson('{outside}/secret.json')",
    "FROM read_json('{outside}/secret.json', format = 'array')",
    "FROM read_csv_auto('{outside}/secret.csv')",
    "FROM glob('{outside}/**')",
    "FROM read_text('{store}/../outside/secret.txt')",
    "FROM read_text('{store}/./../store-private/secret.txt')",
    "FROM read_text((SELECT '{outside}/secret.txt'))",
    'FROM "{outside}/secret.csv"',
    "SELECT * FROM videos POSITIONAL JOIN '{outside}/secret.csv'",
    "SUMMARIZE '{outside}/secret.csv'",
    "DESCRIBE FROM '{outside}/secret.csv'",
    "PIVOT '{outside}/secret.csv' ON a USING count(*)",
    "WITH RECURSIVE a AS (FROM read_text('{outside}/secret.txt') UNION ALL FROM a) FROM a",
    "SELECT (SELECT content FROM read_text('{outside}/secret.txt')) AS a, clip_id FROM clips",
    "FROM clips WHERE clip_id IN (SELECT content FROM read_text('{outside}/secret.txt'))",
    "FROM clips QUALIFY row_number() OVER (ORDER BY (SELECT content FROM read_text('{outside}/secret.txt'))) = 1",
    "FROM clips, LATERAL (FROM read_text('{outside}/secret.txt'))",
    "FROM clips TABLESAMPLE 1 ROWS UNION ALL BY NAME FROM '{outside}/secret.csv'",
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
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{store}/evil.csv'",
    "EXPLAIN COPY (SELECT 1) TO '{store}/evil.csv'",
    "explain analyze create table evil as select 1",
    "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '{store}/evil.csv'",
    "EXPLAIN (FORMAT json, ANALYZE) COPY (SELECT 1) TO '{store}/evil.csv'",
    "EXPLAIN (FORMAT json) (ANALYZE) COPY (SELECT 1) TO '{store}/evil.csv'",
    "EXPLAIN /* a comment */ ANALYZE -- another\n COPY (SELECT 1) TO '{store}/evil.csv'",
    "EXPLAIN ANALYZE INSERT INTO clips VALUES (1)",
    "EXPLAIN ANALYZE DELETE FROM clips",
    "EXPLAIN ANALYZE ATTACH '{store}/evil.db'",
    "EXPLAIN ANALYZE EXECUTE evil",
    "EXPLAIN ANALYZE PREPARE evil AS SELECT 1",
    "EXPLAIN ANALYZE CALL enable_logging(storage = 'file')",
    "EXPLAIN ANALYZE PRAGMA database_list",
    "EXPLAIN ANALYZE SET VARIABLE evil = 1",
    "EXPLAIN",
    "EXPLAIN ANALYZE",
    "CREATE OR REPLACE MACRO token(a, b, c, d) AS 1",
    "CREATE TEMP MACRO cosine(a, b) AS 1",
    "DROP MACRO cosine",
    "DROP FUNCTION token",
    "EXPLAIN (FORMAT evil) SELECT 1",
    "EXPLAIN (ANALYZE, save_location '{store}/evil') SELECT 1",
    "FROM enable_logging(storage = 'file', storage_config = {'path': '{store}/evil'})",
    "FROM enable_profiling(save_location = '{store}/evil')",
    "FROM force_checkpoint()",
    "FROM read_duckdb('{store}/evil.db')",
]

ESCAPES = [
    "SELECT 1; SELECT 2",
    "EXPLAIN SELECT 1; COPY (SELECT 1) TO '{store}/evil.csv'",
    "EXPLAIN ANALYZE SELECT 1) ; COPY (SELECT 1) TO '{store}/evil.csv' ; SELECT * FROM (SELECT 1",
    "EXPLAIN EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE EXPLAIN ANALYZE COPY (SELECT 1) TO '{store}/evil.csv'",
    "EXPLAIN ANALYZE WITH evil AS (COPY (SELECT 1) TO '{store}/evil.csv') FROM evil",
    "EXPLAIN ANALYZE FROM (COPY (SELECT 1) TO '{store}/evil.csv')",
    "EXPLAIN ANALYZE FROM query('COPY (SELECT 1) TO ''{store}/evil.csv''')",
    "EXPLAIN ANALYZE FROM json_execute_serialized_sql('{serialized}')",
    "EXPLAIN ANALYZE FROM read_text('{outside}/secret.txt')",
    "EXPLAIN ANALYZE FROM '{outside}/secret.csv'",
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
    "FROM query('FROM json_' || 'execute_serialized_sql(''{serialized}'')')",
    "FROM \"Query\"/* a /* nested */ comment */ ('SELECT 1')",
    "FROM system.main.query -- a comment\n ('SELECT 1')",
    "FROM json_execute_serialized_sql('{serialized}')",
    "SELECT 'é' FROM system.main.\"JSON_EXECUTE_SERIALIZED_SQL\" ('{serialized}')",
    "PIVOT (FROM json_execute_serialized_sql('{serialized}')) ON COLUMNS(*) USING count(*)",
    "PRAGMA json_execute_serialized_sql('{serialized}')",
]

HARMLESS = [
    "FROM read_text('{store}/tubelet.json')",
    "FROM glob('{store}/*')",
    "EXPLAIN ANALYZE FROM clips",
    "EXPLAIN (ANALYZE, FORMAT json) FROM clips",
    "EXPLAIN SELECT list_transform([1], x -> x + 1)",
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
    "SELECT token('../../outside/secret', 0, 0, 0)",
    "SELECT token('{outside}/secret.txt', 0, 0, 0)",
    "SELECT token(NULL, 32767, -1, 2147483647)",
    "SELECT \"token\"('a', 0, 0, 0), main.token('a', 0, 0, 0), memory.main.token('a', 0, 0, 0)",
    "SELECT token(clip_id, slice, y, x) FROM token_stats",
    "SELECT seconds_of('a'' OR true --', 0), frame_of(') ; DROP VIEW clips ; (', 1)",
    "SELECT component('a', [1.0], 0) FROM clips",
    "FROM duckdb_functions() WHERE function_name IN ('token', 'cosine', 'component')",
    "SELECT macro_definition FROM duckdb_functions() WHERE function_name = 'frame_of'",
]


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


def test_the_kernel_forbids_what_the_checks_would_miss(place, before, tmp_path):
    """The attempt that gets past the wrapper and the lock, in a process that lacks the check of names."""
    attempt = f"FROM json_execute_serialized_sql('{place.serialized}')"
    script = f"""
import tempfile
from tubelet.store import Store
from tubelet.store.sandbox import landlock
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
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    if done.returncode == 3:
        pytest.skip("this kernel has no Landlock")
    assert done.stdout == "refused\nrefused\n", done.stderr
    assert (place.tree(), place.views()) == before
