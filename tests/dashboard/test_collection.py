"""What garbage collections pass over, in a dashboard that collects after every run of its script."""

import gc
import sys
from types import ModuleType

import pytest

from tubelet.dashboard.collection import set_imports_aside


def test_what_imports_made_is_passed_over_and_what_visits_make_is_collected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imported, visited = ModuleType("planted"), ["of a visit"]
    monkeypatch.setitem(sys.modules, "planted", imported)
    set_imports_aside()
    assert not any(found is imported for found in gc.get_objects())
    visited = [visited]
    set_imports_aside()  # nothing was imported since
    assert any(found is visited for found in gc.get_objects())
