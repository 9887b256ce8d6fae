"""Other people's SQL that runs away or grows: stopped in time and at its memory, cut at its rows, and nothing is left of it."""

import tempfile
import time

import pytest

from tests.tiers import thin
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.untrusted import Limits, ask, stream
from tubelet.store.sandbox.worker_pool import PROCESSES

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


@pytest.mark.parametrize("query", thin(RUNAWAYS))
def test_a_runaway_is_stopped_in_time(query, place, before):
    ask(place.store, "SELECT 1")
    started = time.monotonic()
    with pytest.raises(QueryError, match="stopped after 1 s: add a LIMIT or a WHERE"):
        ask(place.store, query, Limits(seconds=1))
    assert time.monotonic() - started < 3
    assert (place.tree(), place.views()) == before


@pytest.mark.parametrize("query", thin(BOMBS))
def test_a_memory_bomb_is_stopped(query, place, before):
    with pytest.raises(QueryError, match="stopped at 0.4 GB of memory: select fewer"):
        ask(place.store, query, Limits(memory="400MB", seconds=20))
    assert (place.tree(), place.views()) == before


def test_an_answer_too_large_is_stopped(place):
    with pytest.raises(QueryError, match="the answer is larger than 0.2 GB"):
        ask(
            place.store,
            "SELECT repeat('x', 1000) FROM range(1000000)",
            Limits(rows=None, memory="200MB"),
        )


@pytest.mark.long
def test_work_larger_than_memory_is_spilled(place):
    query = "SELECT i, repeat('x', 100) FROM range(3000000) AS n(i) ORDER BY hash(i) LIMIT 1 OFFSET 2500000"
    assert ask(place.store, query, Limits(memory="300MB")).table["i"].to_pylist() == [2_938_356]


def test_nothing_is_left_of_a_stopped_query(place, tmp_path, monkeypatch):
    PROCESSES.close()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(QueryError, match="stopped"):
        ask(place.store, RUNAWAYS[0], Limits(seconds=0.5))
    assert not list(tmp_path.iterdir())


def test_rows_beyond_the_limit_are_cut_and_told(place):
    assert ask(place.store, "FROM range(3)", Limits(rows=3)).truncated is False
    cut = ask(place.store, "FROM range(4)", Limits(rows=3))
    assert cut.truncated is True and cut.table["range"].to_pylist() == [0, 1, 2]
    whole = ask(place.store, "FROM range(20000)", Limits(rows=None))
    assert whole.truncated is False and len(whole.table) == 20_000


@pytest.mark.parametrize(
    "memory, size", [("2GB", 2 * 10**9), ("500 mb", 500 * 10**6), ("1.5KB", 1500)]
)
def test_amounts_of_memory(memory, size):
    assert Limits(memory=memory).memory_bytes == size


def test_no_amount_of_memory():
    with pytest.raises(QueryError, match="write 500MB or 2GB"):
        _ = Limits(memory="much").memory_bytes


@pytest.mark.parametrize(
    "asked, words",
    [
        ({"rows": 11}, "max_rows is 11: at most 10 are allowed"),
        ({"seconds": 6}, "max_seconds is 6: at most 5"),
        ({"memory": "1.1GB"}, "max_memory is 1.1GB: at most 1GB"),
        ({"rows": 0}, "it must be 1 or more"),
        ({"seconds": 0}, "must be above 0"),
        ({"seconds": float("nan")}, "must be above 0"),
        ({"memory": "0B"}, "must be above 0"),
        ({"memory": "much"}, "write 500MB or 2GB"),
    ],
)
def test_nobody_lifts_a_ceiling(asked, words):
    with pytest.raises(QueryError, match=words):
        Limits(rows=10, seconds=5, memory="1GB").lower(**asked)


def test_limits_can_be_lowered():
    lowered = Limits(rows=10, seconds=5, memory="1GB").lower(rows=4, memory="300MB")
    assert lowered == Limits(rows=4, seconds=5, memory="300MB")


@pytest.mark.parametrize("rows", [1, 3])
def test_a_stream_ends_at_its_rows(place, rows):
    assert sum(map(len, stream(place.store, "FROM range(5)", Limits(rows)))) == rows
