"""The two tiers of the suite together are all of it, and CI runs both."""

import os
import subprocess

import pytest

from tests.commands import ROOT
from tests.tiers import thin

# What a `make test TIER=` that runs this test hands on to every make below it.
OF_MAKE = {"MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL", "TIER", "ARGS"}
TIERS = {"make test": '-m "not long" ', "make test-long": '-m "long" ', "make test TIER=": '-m "" '}


@pytest.mark.parametrize("command", TIERS)
def test_the_two_commands_share_the_suite_and_ci_runs_it_whole(command: str) -> None:
    plain = {name: value for name, value in os.environ.items() if name not in OF_MAKE}
    words = [*command.split(), "--dry-run"]
    done = subprocess.run(words, cwd=ROOT, env=plain, capture_output=True, text=True)
    assert TIERS[command] in done.stdout, done.stderr
    assert "make test TIER=" in (ROOT / ".ci/run").read_text().splitlines()


def test_all_but_the_named_cases_of_a_list_are_long() -> None:
    cases = thin([("a", 1), ("b", 2), ("c", 3)], 2, spread=True)
    assert cases[::2] == [("a", 1), ("c", 3)] and cases[1].values == ("b", 2)
    assert [mark.name for mark in cases[1].marks] == ["long"]
    assert thin("abc")[0] == "a" and [case.values for case in thin("abc")[1:]] == [("b",), ("c",)]
    with pytest.raises(AssertionError, match="no such cases: .*'d'"):
        thin("abc", ["d"])
