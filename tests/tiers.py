"""The two tiers of the suite: what `make test` runs, and what `make test-long` adds. CONTRIBUTING.md says which test belongs where."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest

LONG = pytest.mark.long


def thin(cases: Iterable[Any], keep: int | Collection[Any] = 0, spread: bool = False) -> list[Any]:
    """The cases of a list, all but a few of them long: each `keep`th stays quick, or those that are named; 0: the first alone.

    `spread` where a case is a tuple of several arguments.
    """
    listed = list(cases)
    quick = listed[:: keep or len(listed)] if isinstance(keep, int) else keep
    strange = [case for case in quick if case not in listed]
    assert not strange, f"no such cases: {strange}"
    return [case if case in quick else _lengthen(case, spread) for case in listed]


def _lengthen(case: Any, spread: bool) -> Any:
    return pytest.param(*(case if spread else (case,)), marks=LONG)
