"""Numbers of tables, as files write them and as browsers, which format them themselves, are given them."""

import math

import pyarrow as pa
import pytest

from tubelet.reports.formatting import cell, round_to_zero


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [
        (-0.00004, ".0%", "0%"),
        (-0.0004, ".1%", "0.0%"),
        (-0.0006, ".1%", "-0.1%"),
        (-0.0, ".3f", "0.000"),
        (-0.0006, ".3f", "-0.001"),
        (-0.01, "+.1f", "0.0"),
        (-1e-9, ".3g", "-1e-09"),
        (-4, ",d", "-4"),
        (math.nan, ".1%", "nan%"),
        (-math.inf, ".1f", "-inf"),
        (None, ".1%", ""),
        ("-0%", "", "-0%"),
    ],
)
def test_a_number_that_is_shown_as_zero_has_no_sign(value, form, shown):
    assert cell(value, form) == shown


def test_what_a_browser_formats_has_no_negative_zeros_and_loses_nothing_else():
    numbers = [-0.0004, -0.0, None, -0.0006, 0.25, math.nan, -7.0, 0.0004]
    rows = pa.table({"share": numbers, "n": range(8), "name": ["-0%"] * 8, "raw": numbers})
    given = round_to_zero(rows, {"share": ".1%", "n": ",d", "name": ""})
    assert str(given["share"].to_pylist()) == "[0.0, 0.0, None, -0.0006, 0.25, nan, -7.0, 0.0004]"
    assert math.copysign(1, given["share"][1].as_py()) == 1
    for name in ("n", "name", "raw"):
        assert str(given[name]) == str(rows[name])
