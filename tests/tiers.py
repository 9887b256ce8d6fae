"""The two tiers of the suite: what `make test` runs, and what `make test-long` adds. CONTRIBUTING.md says which test belongs where."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest

LONG = pytest.mark.long


def thin(cases: Iterable[Any], keep: int | Collection[Any]) -> list[Any]:
    """The cases of a list, all but a few of them long: each `keep`th stays quick, or those that are named."""
    listed = list(cases)
    quick = listed[::keep] if isinstance(keep, int) else keep
    strange = [case for case in quick if case not in listed]
    assert not strange, f"no such cases: {strange}"
    return [case if case in quick else pytest.param(case, marks=LONG) for case in listed]
