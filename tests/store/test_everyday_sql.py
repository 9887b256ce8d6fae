"""SQL as people write it: what a read can do works in the sandbox, and what cannot is refused in one sentence."""

from collections.abc import Iterator

import pytest

from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.store import Store
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.untrusted import Query, ask, count_rows, stream
from tubelet.store.schema import RELATIONS


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("everyday") / "films", videos=3, clips=2)
    yield made
    made.close()


WORKS = {  # a query, and how many rows it answers with
    "qualify": ("SELECT clip_id FROM slice_stats QUALIFY rank() OVER (PARTITION BY clip_id ORDER BY norm DESC) = 1", 6),
    "named windows": ("SELECT sum(norm) OVER w, avg(norm) OVER w FROM slice_stats WINDOW w AS (PARTITION BY clip_id ORDER BY slice)", 24),
    "window frames": ("SELECT avg(norm) OVER (ORDER BY slice RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM slice_stats", 24),
    "pivot": ("PIVOT slice_stats ON slice USING avg(norm) GROUP BY clip_id", 6),
    "pivot as SQL standard": ("SELECT * FROM (SELECT clip_id, slice, norm FROM slice_stats) PIVOT (avg(norm) FOR slice IN (0, 1))", 6),
    "unpivot": ("UNPIVOT (SELECT clip_id, norm, std FROM slice_stats) ON norm, std INTO NAME statistic VALUE value", 48),
    "unpivot columns": ("UNPIVOT (SELECT norm, std FROM slice_stats) ON COLUMNS(*)", 48),
    "summarize": ("SUMMARIZE slice_stats", 8),
    "summarize a query": ("SUMMARIZE SELECT norm FROM token_stats", 1),
    "describe": ("DESCRIBE clips", len(RELATIONS["clips"].columns)),
    "describe a query": ("DESCRIBE SELECT 1 AS a, 'x' AS b", 2),
    "show tables": ("SHOW ALL TABLES", None),
    "lateral": ("SELECT v.name, t.norm FROM videos v, LATERAL (SELECT max(norm) AS norm FROM token_stats JOIN clips USING (clip_id) WHERE video_id = v.video_id) t", 3),
    "asof join": ("SELECT a.clip_id, b.start_s FROM clips a ASOF JOIN clips b ON a.video_id = b.video_id AND a.stop_s >= b.stop_s", 6),
    "asof by using": ("SELECT * FROM slice_stats ASOF JOIN (SELECT clip_id, slice FROM slice_stats WHERE slice % 2 = 0) USING (clip_id, slice)", 24),
    "sample of rows": ("FROM token_stats USING SAMPLE 10 ROWS", 10),
    "sample by share": ("SELECT count(*) FROM token_stats TABLESAMPLE RESERVOIR(50%)", 1),
    "repeatable sample": ("FROM token_stats USING SAMPLE reservoir(7 ROWS) REPEATABLE (3)", 7),
    "recursive": ("WITH RECURSIVE f(a, b) AS (VALUES (0, 1) UNION ALL SELECT b, a + b FROM f WHERE b < 100) SELECT a FROM f", 12),
    "recursive with a key": ("WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT n % 5 + 1 FROM t) FROM t", 5),
    "comments everywhere": ("/* a /* nested */ one */ SELECT -- ; not the end\n 1 /* ; */ AS a; -- done;\n", 1),
    "semicolons and blanks": ("\n\t ; SELECT 1 ; ;\n", 1),
    "unicode names": ('SELECT norm AS "größe ∑ 大小", 1 AS "a;b--c" FROM slice_stats LIMIT 2', 2),
    "unquoted unicode": ("SELECT 1 AS größe, 2 AS 大小", 1),
    "quotes in quotes": ("SELECT 'it''s' AS \"say \"\"hi\"\"\", E'a\\nb' AS e, $$it's$$ AS d", 1),
    "dates": ("SELECT date_trunc('hour', added_at) AS hour, count(*) FROM videos GROUP BY 1", 1),
    "intervals": ("FROM videos WHERE added_at > TIMESTAMPTZ '2026-01-01' + INTERVAL 1 MONTH", 3),
    "date parts": ("SELECT year(added_at), dayname(added_at), strftime(added_at, '%Y-%m') FROM videos", 3),
    "series of dates": ("FROM generate_series(DATE '2026-01-01', DATE '2026-01-03', INTERVAL 1 DAY)", 3),
    "lists": ("SELECT list_sort(list(norm))[1:3], len(list(norm)), list_aggregate(list(norm), 'median') FROM token_stats", 1),
    "comprehension": ("SELECT [x * 2 FOR x IN [1, 2, 3] IF x > 1] AS a", 1),
    "lambdas": ("SELECT list_reduce(embedding, lambda a, b: a + b) FROM tokens LIMIT 2", 2),
    "unnest": ("SELECT clip_id, unnest(embedding) FROM tokens LIMIT 32", 32),
    "structs": ("SELECT {'a': norm, 'b': slice}.a FROM slice_stats", 24),
    "maps": ("SELECT map(['a'], [1])['a']", 1),
    "json": ("SELECT settings::JSON ->> 'unit' FROM bases UNION ALL SELECT json_object('a', 1)", 1),
    "from first": ("FROM clips SELECT clip_id WHERE slices = 4", 6),
    "star without": ("SELECT * EXCLUDE (path) REPLACE (upper(name) AS name) RENAME (fps AS rate) FROM videos", 3),
    "columns by pattern": ("SELECT COLUMNS('.*_cosine') FROM token_stats LIMIT 4", 4),
    "group by all": ("SELECT label, count(*) FROM videos GROUP BY ALL ORDER BY ALL", 3),
    "rollup": ("SELECT codec, label, count(*) FROM videos GROUP BY ROLLUP (codec, label)", 6),
    "filter": ("SELECT count(*) FILTER (norm > 0) FROM token_stats", 1),
    "union by name": ("SELECT 1 AS a UNION ALL BY NAME SELECT 2 AS b, 3 AS a", 2),
    "intersect, except": ("(SELECT clip_id FROM clips INTERSECT SELECT clip_id FROM token_stats) EXCEPT SELECT 'a'", 6),
    "semi and anti joins": ("FROM clips SEMI JOIN token_stats USING (clip_id)", 6),
    "positional join": ("SELECT * FROM (SELECT clip_id FROM clips) POSITIONAL JOIN (SELECT name FROM videos)", 6),
    "limit by share": ("FROM token_stats LIMIT 10%", 60),
    "several with": ("WITH a AS (SELECT 1 AS x), b AS MATERIALIZED (SELECT x + 1 AS y FROM a) FROM a, b", 1),
    "correlated": ("SELECT name, (SELECT count(*) FROM clips c WHERE c.video_id = v.video_id) FROM videos v", 3),
    "any and all": ("FROM slice_stats WHERE norm >= ALL (SELECT norm FROM slice_stats)", 1),
    "case, coalesce, try": ("SELECT CASE WHEN label IS NULL THEN 'none' ELSE label END, TRY_CAST(name AS INT) FROM videos", 3),
    "values": ("FROM (VALUES (1, 'a'), (2, 'b')) AS t(n, word)", 2),
    "prefix aliases": ("SELECT n: norm, s: slice FROM slice_stats LIMIT 1", 1),
    "trailing commas": ("SELECT norm, slice, FROM slice_stats LIMIT 1", 1),
    "explain": ("EXPLAIN SELECT 1", 1),
    "underscored numbers": ("FROM range(1_000)", 1000),
    "a reserved word": ('SELECT "order" FROM (SELECT 1 AS "order")', 1),
    "ilike, glob, regex": ("FROM videos WHERE name ILIKE 'VIDEO%' AND name GLOB '*.mp4' AND regexp_matches(name, '\\d+')", 3),
}  # fmt: skip


@pytest.mark.parametrize("name", thin(WORKS, 3))
def test_what_a_read_can_do_works(name: str, store: Store) -> None:
    query, rows = WORKS[name]
    table = ask(store, query).table
    assert len(table) > 0 if rows is None else len(table) == rows


@pytest.mark.parametrize(
    "name", ["pivot", "summarize", "asof join", "comments everywhere", "qualify"]
)
def test_it_works_as_a_whole_answer_too(name: str, store: Store) -> None:
    query, rows = WORKS[name]
    assert count_rows(store, query) == rows == sum(map(len, stream(store, query)))


REFUSED = {
    "SELECT 1; SELECT 2": "one query at a time",
    "CREATE TABLE a AS SELECT 1": "only queries are allowed here",
    "SELECT * FROM clip": "clip does not exist",
    "SELECT norm FROM token_stat": "token_stat does not exist",
    "SELECT 1 FROM": "syntax error",
    "SELECT nam FROM videos": '"nam"',
    "SELECT avg(name) FROM videos": "avg",
    "SELECT name, count(*) FROM videos": "GROUP BY",
    "SELECT 'a'::INT": "Could not convert string 'a'",
    "SELECT ?": "value",
    "SELECT $k": r"no value for \$k",
    "USE main": "only queries are allowed here",
    "UPDATE EXTENSIONS": r"only queries are allowed here \(SELECT.*not UPDATE",
    "SELECT cosine(1)": "cosine",
    "SELECT unknown_function(1)": "unknown_function",
    "FROM read_csv('a.csv')": "a.csv",
}


@pytest.mark.parametrize("query", REFUSED)
def test_what_cannot_work_is_said_in_a_sentence(query: str, store: Store) -> None:
    with pytest.raises(QueryError, match=REFUSED[query]) as refusal:
        ask(store, Query(query))
    said = str(refusal.value)
    assert 10 < len(said) < 600 and "Traceback" not in said and "{" not in said
