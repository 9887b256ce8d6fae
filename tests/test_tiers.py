"""The two tiers of the suite together are all of it, and CI runs both."""

import re

import pytest

from tests.commands import ROOT
from tests.tiers import thin


def test_the_two_commands_share_the_suite_and_ci_runs_both() -> None:
    rules = re.findall(r"^(test\S*): .*\n\t.* -m (\"not long\"|long) \$\(ARGS\)$", (ROOT / "Makefile").read_text(), re.MULTILINE)  # fmt: skip
    assert dict(rules) == {"test": '"not long"', "test-long": "long"}
    run = (ROOT / ".ci/run").read_text().splitlines()
    assert {f"make {name}" for name, _ in rules} <= set(run)


def test_all_but_the_named_cases_of_a_list_are_long() -> None:
    cases = thin([("a", 1), ("b", 2), ("c", 3)], 2, spread=True)
    assert cases[::2] == [("a", 1), ("c", 3)] and cases[1].values == ("b", 2)
    assert [mark.name for mark in cases[1].marks] == ["long"]
    assert thin("abc")[0] == "a" and [case.values for case in thin("abc")[1:]] == [("b",), ("c",)]
    with pytest.raises(AssertionError, match="no such cases: .*'d'"):
        thin("abc", ["d"])
