"""What `tubelet sql` writes: a file holds every row, a terminal what fits and how much there is."""

import contextlib
import csv
import json
import os
import pty
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.commands import run_here, tubelet
from tests.stores import synthetic_store
from tubelet.store.errors import QueryError
from tubelet.store.sandbox import box, formats
from tubelet.store.sandbox.dates import spell_dates

QUERY = "SELECT i AS n, i % 7 AS a, 'x' || i AS b, i / 3 AS c, [i] AS d, NULL AS e, 'NaN'::DOUBLE AS f, i::VARCHAR AS g, i AS h, repeat('y', 100) AS k FROM range(5000) AS r(i)"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "store"
    synthetic_store(path, videos=1).close()
    return path


def on_terminal(root: Path, *arguments: str, columns: int = 80, lines: int = 24) -> str:
    """What `tubelet sql` shows on a terminal of that size."""
    ours, theirs = pty.openpty()
    terminal, parts = os.ttyname(theirs), []
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as reader:
        patch.setenv("COLUMNS", str(columns))
        patch.setenv("LINES", str(lines))
        reader.submit(_read_all, ours, parts)
        done = tubelet("sql", *arguments, "--store", root, stdout=terminal, stderr=terminal)
        os.close(theirs)
    os.close(ours)
    assert done.returncode == 0
    return b"".join(parts).decode().replace("\r\n", "\n")


def _read_all(terminal: int, parts: list[bytes]) -> None:
    """What comes until the other side is closed."""
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 1 << 16):
            parts.append(part)


@pytest.mark.parametrize("name", ["rows.csv", "rows.json", "rows.parquet", "rows.CSV", "rows.txt"])
def test_a_file_holds_every_row_and_column_in_the_format_of_its_ending(name, root, tmp_path):
    run_here("sql", QUERY, "--store", root, "-o", tmp_path / name, check=True)
    written = tmp_path / name
    if name.endswith("parquet"):
        rows = pq.read_table(written).to_pylist()
    elif name.endswith("json"):
        rows = json.loads(written.read_text(), parse_constant=pytest.fail)
    elif name.lower().endswith("csv"):
        rows = list(csv.DictReader(written.read_text().splitlines()))
    else:
        assert written.read_text().splitlines()[-1] == "5,000 rows"
        rows = [dict.fromkeys("nabcdefghk")] * (len(written.read_text().splitlines()) - 6)
    assert len(rows) == 5000 and list(rows[0]) == list("nabcdefghk")


def test_what_is_no_terminal_gets_every_row(root):
    lines = run_here("sql", QUERY, "--store", root, check=True).stdout.splitlines()
    assert len(lines) == 5006 and lines[-1] == "5,000 rows" and lines[1].count("│") == 11


@pytest.mark.long
def test_a_terminal_shows_what_fits_and_says_how_much_there_is(root):
    text = on_terminal(root, QUERY)
    assert (
        "17 of 5,000 rows" in text and "of 10 columns" in text and "--all shows everything" in text
    )
    assert all(len(line) <= 80 for line in text.splitlines() if line.startswith("│"))
    assert "4999" in on_terminal(root, QUERY, "--all")
    small = on_terminal(root, "SELECT 1 AS one")
    assert "1 row\n" in small and "--all" not in small
    assert "17 of 30 rows" in on_terminal(root, "FROM range(30)")


@pytest.mark.parametrize("comment", ["-- what is one?", "--one = 1\n"])
def test_a_query_may_begin_with_a_comment(root, comment):
    query = f"{comment}\nSELECT 1 AS one"
    done = run_here("sql", query, "--store", root, "--format", "csv", check=True)
    assert done.stdout.split() == ['"one"', "1"]


def test_a_plan_is_drawn_as_it_is(root):
    assert "╭─ " in run_here("sql", "EXPLAIN FROM clips", "--store", root, check=True).stdout


@pytest.mark.parametrize(
    "format_, name, words",
    [
        ("json", "rows.csv", "contradicts the extension of rows.csv"),
        ("table", "rows.parquet", "contradicts"),
        ("csv", "rows.JSON", "contradicts"),
        (None, "rows.xlsx", "does not name a format"),
        (None, "rows", "does not name a format"),
        ("parquet", None, "add -o FILE.parquet"),
    ],
)
def test_a_format_that_cannot_be_meant_is_refused(format_, name, words):
    with pytest.raises(QueryError, match=words):
        formats.format_of(format_, name and Path(name))


@pytest.mark.parametrize(
    "format_, name, found",
    [
        (None, "a.csv", "csv"),
        (None, "a.b.Parquet", "parquet"),
        ("csv", "a.dat", "csv"),
        ("csv", "a.csv", "csv"),
        (None, None, "table"),
        ("json", None, "json"),
    ],
)
def test_the_ending_decides(format_, name, found):
    assert formats.format_of(format_, name and Path(name)) == found


def test_json_has_no_numbers_that_are_none_and_keeps_columns_of_one_name():
    numbers = pa.array([1.5, float("nan"), float("inf"), -float("inf"), None])
    nested = pa.array([[float("nan"), 1.0], None, [], [float("inf")], [2.0]])
    table = pa.table([numbers, nested, nested], names=["a", "b", "b"])
    rows = json.loads(formats.json(table), parse_constant=pytest.fail)
    assert [row["a"] for row in rows] == [1.5, None, None, None, None]
    assert rows[0] == {"a": 1.5, "b": [None, 1.0], "b_2": [None, 1.0]} and rows[3]["b"] == [None]
    assert "NaN" not in formats.csv(table.select([1])).decode()


DATES = """SELECT i, CASE WHEN i = 1 THEN 'infinity'::TIMESTAMP ELSE TIMESTAMP '2020-01-02 03:04:05' END AS a,
  '-infinity'::DATE AS b, '44-03-15 (BC)'::TIMESTAMPTZ AS c, ['infinity'::TIMESTAMP, NULL] AS d, {'x': DATE '290000-01-01'} AS e,
  TIMESTAMP_NS '2200-01-01 00:00:00.5' AS f FROM range(3) AS r(i)"""


def test_dates_that_python_lacks_are_written_as_text(root, tmp_path):
    """`tubelet sql` ended in OverflowError, and CSV held `<value out of range: 9223372036854775807>`."""
    for name in ("rows.json", "rows.jsonl", "rows.csv", "rows.txt", "rows.parquet", "rows.arrow"):
        run_here("sql", DATES, "--store", root, "-o", tmp_path / name, check=True)
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert rows == [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [row["a"] for row in rows] == ["2020-01-02 03:04:05", "infinity", "2020-01-02 03:04:05"]
    assert (rows[0]["b"], rows[0]["d"], rows[0]["e"]) == (
        "-infinity",
        "[infinity, NULL]",
        "{'x': 290000-01-01}",
    )
    assert rows[0]["c"].startswith("0044-03-15 (BC)")
    text = list(csv.DictReader((tmp_path / "rows.csv").read_text().splitlines()))
    assert [row["a"] for row in text] == [row["a"] for row in rows]
    assert text[0]["b"] == "'-infinity" and text[0]["e"] == rows[0]["e"]
    assert "infinity" in (tmp_path / "rows.txt").read_text()
    assert pq.read_table(tmp_path / "rows.parquet").num_rows == 3


def test_dates_of_today_keep_their_type():
    kept = pa.table(
        {
            "day": pa.array([date(1, 1, 3), date(9999, 12, 29), None]),
            "time": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 3, pa.timestamp("us", "UTC")),
            "several": pa.array([[date(2026, 1, 1)], [], None]),
        }
    )
    assert spell_dates(kept).schema == kept.schema
    assert spell_dates(kept[:0]).schema == kept.schema


def test_a_box_is_as_wide_as_there_is_room_for():
    grid = box.Grid(
        ["name", "n"],
        ["VARCHAR", "BIGINT"],
        [["a" * 100, "1"], [None, "22"], ["日本語", "3"], ["\x1b[31mred\n", "4"]],
    )
    drawn = box.draw(grid, 40)
    assert (
        drawn.columns == 2
        and drawn.cut
        and {box.measure(line) for line in drawn.text.splitlines()}
        == {box.measure(drawn.text.splitlines()[0])}
    )
    assert (
        box.measure(drawn.text.splitlines()[0]) <= 40
        and "\x1b" not in drawn.text
        and "\\x1b[31mred\\n" in drawn.text
        and "NULL" in drawn.text
    )
    assert box.draw(grid, 21).columns == 1 and not box.draw(grid, None).cut


@pytest.mark.parametrize("format_", ["table", "csv", "jsonl"])
def test_the_limit_of_rows_is_kept_and_told(format_, root):
    done = run_here(
        "sql", "SELECT i AS n FROM range(50) AS r(i)", "--store", root, "--format", format_, "--max-rows", 4, check=True
    )  # fmt: skip
    assert "3" in done.stdout and "4" not in done.stdout.replace("4 rows", "")
    assert "stopped at --max-rows 4" in done.stderr
    whole = run_here("sql", "SELECT 1 AS n", "--store", root, "--max-rows", 4, check=True)
    assert "stopped" not in whole.stderr


@pytest.mark.parametrize(
    "option, words",
    [
        (["--max-seconds", "0.3"], "allow more time (`--max-seconds`)"),
        (["--max-seconds", "0"], "must be 0.001 or more"),
        (["--max-memory", "lots"], "write 500MB or 2GB"),
        (["--max-rows", "0"], "must be 1 or more"),
    ],
)
def test_a_limit_that_is_reached_or_wrong_is_a_sentence(option, words, root):
    query = "SELECT count(*) FROM range(10000000000) AS a(i) WHERE i % 7 = hash(i) % 7"
    done = run_here("sql", query, "--store", root, *option)
    assert done.returncode != 0 and words in done.stderr and "Traceback" not in done.stderr


def test_an_estimate_is_printed_in_place_of_the_answer(root):
    done = run_here("sql", "SELECT error(clip_id) FROM tokens", "--estimate", "--store", root, check=True)  # fmt: skip
    assert done.stdout.startswith("Estimate: ") and "1 of 1 embedding file" in done.stdout
