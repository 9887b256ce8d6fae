"""Results of SQL and numbers, as people read them and save them."""

import csv
import io
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from tubelet.dashboard import units
from tubelet.dashboard.sql import results
from tubelet.store.sandbox import formats

ODD = """SELECT 9007199254740993 AS big, {'a': 1} AS struct, INTERVAL 1 DAY AS span, 'x'::BLOB AS bytes, 1.5::DECIMAL(10, 2) AS price, uuid() AS id,
  TIME '10:00' AS time, 1 AS a, 2 AS a, sum(1) AS total, NULL AS nothing, MAP {'k': 1} AS map, [] AS none, [[1, 2], [3]] AS nested, 'nan'::FLOAT AS nan,
  DATE '2026-01-01' AS day, TIMESTAMP '2026-01-01 10:00' AS moment, [0.125, NULL, 2]::FLOAT[] AS few, range(768)::FLOAT[] AS many, true AS yes"""


def test_results_of_every_type_show_and_leave_as_files() -> None:
    with duckdb.connect() as connection:
        table = connection.sql(ODD).to_arrow_table()
    shown = results.make_displayable(table).to_pylist()[0]
    assert shown["big"] == "9007199254740993"
    assert shown["total"] == 1
    assert shown["struct"] == '{"a": 1}'
    assert shown["few"] == "[0.125, null, 2]"
    assert shown["many"] == "[0, 1, 2, 3, … 768 values]"
    assert (
        pyarrow.csv.read_csv(pa.BufferReader(formats.csv(table)))["many"][0].as_py().count(",")
        == 767
    )
    assert pyarrow.parquet.read_table(pa.BufferReader(formats.parquet(table)))["many"][
        0
    ].as_py() == list(range(768))


def test_dates_that_python_lacks_show_as_text() -> None:
    with duckdb.connect() as connection:
        table = connection.sql(
            "SELECT 'infinity'::TIMESTAMP AS end, [DATE '290000-01-01'] AS days, {'a': '-infinity'::DATE} AS first"
        ).to_arrow_table()
    assert results.make_displayable(table).to_pylist() == [
        {"end": "infinity", "days": "[290000-01-01]", "first": "{'a': -infinity}"}
    ]


def test_equal_names_are_told_apart() -> None:
    assert results.make_displayable(
        pa.table([[1], [2], [3]], names=["a", "a_2", "a"])
    ).column_names == ["a", "a_2", "a_3"]


@pytest.mark.parametrize(
    "shown, expected",
    [
        (units.number(9_999_999), "9,999,999"),
        (units.number(84_200_000), "84.2 million"),
        (units.count(1, "video"), "1 video"),
        (units.count(0, "video"), "0 videos"),
        (units.size(1), "1 byte"),
        (units.size(1_234_567), "1.23 MB"),
        (units.size(999_999_999), "1.00 GB"),
        (units.duration(0.042), "0.04 s"),
        (units.duration(59.96), "1 min 0 s"),
        (units.duration(11_520), "3 h 12 min"),
        (units.span(51, 75, 10_000, "video"), "51–75 of 10,000 videos"),
        (units.span(1, 0, 0, "video"), "0 videos"),
    ],
)
def test_numbers_are_written_with_their_units(shown: str, expected: str) -> None:
    assert shown == expected


def test_a_csv_holds_no_formulas_and_its_numbers_stay() -> None:
    words = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "a=1", "", None]
    table = pa.table(
        {
            "=name": words,
            "number": [-1] * 10,
            "share": [-0.5] * 10,
            "nested": [[-1]] * 10,
            "decimal": pa.array([Decimal("-1.5")] * 10),
        }
    )
    lines = list(csv.reader(io.StringIO(formats.csv(table).decode(), newline="")))
    assert lines[0] == ["'=name", "number", "share", "nested", "decimal"]
    assert [line[0] for line in lines[1:]] == [*(f"'{word}" for word in words[:7]), "a=1", "", ""]
    assert {tuple(line[1:]) for line in lines[1:]} == {("-1", "-0.5", "[-1]", "-1.5")}
