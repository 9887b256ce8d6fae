"""Whole answers as files: every format holds every row, in memory that does not grow with them, and a file appears when it is complete."""

import csv
import io
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.commands import ROOT, environment
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.store.errors import QueryError
from tubelet.store.sandbox import formats, untrusted, whole_answers
from tubelet.store.sandbox.untrusted import Limits, Query, ask, stream
from tubelet.store.sandbox.whole_answers import ENCODERS, encode_pieces, estimate_bytes

MANY = 70_000  # more than a row group
QUERY = f"SELECT i AS n, 'row ' || i AS name, i / 3 AS third, [i, i + 1] AS pair, CASE WHEN i % 2 = 0 THEN i END AS half, i::HUGEINT AS huge, INTERVAL (i) DAY AS days FROM range({MANY}) AS r(i)"
READERS = {
    "csv": lambda data: list(csv.DictReader(io.StringIO(data.decode()))),
    "json": json.loads,
    "jsonl": lambda data: [json.loads(line) for line in data.decode().splitlines()],
    "parquet": lambda data: pq.read_table(io.BytesIO(data)).to_pylist(),
    "arrow": lambda data: pa.ipc.open_file(data).read_all().to_pylist(),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = synthetic_store(tmp_path_factory.mktemp("whole") / "store", videos=1)
    yield made
    made.close()


@pytest.mark.parametrize("format_", thin(ENCODERS, ["csv", "parquet", "arrow"]))
def test_every_format_holds_every_row_in_its_order(format_, store, tmp_path):
    path = tmp_path / f"rows.{format_}"
    assert whole_answers.write_answer(store, QUERY, path, format_, Limits(None)) == MANY
    rows = READERS[format_](path.read_bytes())
    assert [int(row["n"]) for row in rows] == list(range(MANY))
    last = rows[-1]
    assert last["name"] == f"row {MANY - 1}" and float(last["third"]) == (MANY - 1) / 3
    assert last["half"] in (None, "") and int(last["huge"]) == MANY - 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("format_", ["csv", "json", "parquet"])
def test_pieces_are_written_as_the_whole_table_is(format_, store):
    """What a page wrote of one table, and what is written piece by piece, are the same."""
    query = "SELECT i AS \"=a\", i AS b, i AS b, NULL AS c, '=1+1' AS d, 'NaN'::DOUBLE AS e FROM range(7) AS r(i)"
    table, pieces = ask(store, query).table, list(stream(store, query))
    written = b"".join(encode_pieces([*pieces, *pieces[:1]], format_))
    of_table = {"csv": formats.csv, "json": formats.json, "parquet": formats.parquet}[format_](
        table
    )
    if format_ == "parquet":
        assert repr(READERS[format_](written)) == repr(READERS[format_](of_table))
    else:
        assert written == of_table


@pytest.mark.parametrize("format_", ENCODERS)
def test_an_answer_without_rows_still_has_its_columns(format_, store):
    written = b"".join(encode_pieces(stream(store, "SELECT 1 AS a, 'x' AS b WHERE false"), format_))
    assert READERS[format_](written) == []
    assert format_ in ("json", "jsonl") or b"a" in written


def test_rows_are_limited_in_a_stream_too(store):
    pieces = list(stream(store, "FROM range(9000)", Limits(rows=5000)))
    assert sum(map(len, pieces)) == 5000


def test_values_are_bound(store):
    query = Query(
        "SELECT $name AS name, $k + 1 AS k, '$k' AS text", {"name": "o'brien", "k": 4, "z": 1}
    )
    assert ask(store, query).table.to_pylist() == [{"name": "o'brien", "k": 5, "text": "$k"}]
    assert untrusted.count_rows(store, Query("FROM range($k)", {"k": 12345})) == 12345
    assert sum(map(len, stream(store, Query("FROM range($k)", {"k": 12345})))) == 12345
    with pytest.raises(QueryError, match=r"no value for \$k"):
        ask(store, Query("SELECT $k", {}))
    attack = Query("SELECT $a AS a", {"a": "1); COPY (SELECT 1) TO 'x' --"})
    assert ask(store, attack).table.to_pylist() == [attack.values]


def test_a_query_that_fails_leaves_what_was_there(store, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("kept")
    failing = "SELECT CASE WHEN i < 69000 THEN i ELSE error('late') END FROM range(70000) AS r(i)"
    with pytest.raises(QueryError, match="late"):
        whole_answers.write_answer(store, failing, path, "csv", Limits(None))
    assert path.read_text() == "kept" and list(tmp_path.iterdir()) == [path]


def test_the_size_is_told_before(store):
    query = "SELECT i AS n, i / 3 AS third, 'name ' || i AS name FROM range(20000) AS r(i)"
    shown = ask(store, query, Limits(rows=1000)).table
    for format_ in ("csv", "jsonl", "arrow"):
        size = sum(map(len, encode_pieces(stream(store, query), format_)))
        assert 0.6 < estimate_bytes(shown, 20_000, format_) / size < 1.6, format_


@pytest.mark.long
def test_memory_does_not_grow_with_the_rows(store, tmp_path):
    """The peak of the command and of the process that answers, for half a million rows and for a few."""

    def peaks(rows: int) -> int:
        script = f"""
import resource, sys
from pathlib import Path
from tubelet.store import Store
from tubelet.store.sandbox.untrusted import Limits
from tubelet.store.sandbox.whole_answers import write_answer
from tubelet.store.sandbox.worker_pool import EXPORTS
query = "SELECT i AS clip, i % 7 AS slice, sin(i) AS v, 'name ' || i AS name FROM range({rows}) AS r(i)"
assert write_answer(Store({str(store.root)!r}), query, Path({str(tmp_path / "rows.parquet")!r}), "parquet", Limits(None)) == {rows}
EXPORTS.close()
print(sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
"""
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            env=environment(),
            cwd=ROOT,
        )
        assert not done.returncode, done.stderr
        return int(done.stdout)

    assert peaks(500_000) - peaks(1_000) < 100_000  # kB
