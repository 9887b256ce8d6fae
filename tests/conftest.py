"""Shared fixtures: small real stores and the test videos beside the project, where there are any."""

import os
from pathlib import Path

import pytest

from tests.browsing import browser, server, visit  # noqa: F401 - fixtures of every module of browser tests

SHARED = Path(os.environ.get("TUBELET_SHARED", Path(__file__).parents[2] / "shared"))


def shared(name: str) -> Path:
    """A folder of test material, or skip with the reason shown."""
    if not (SHARED / name).exists():
        pytest.skip(f"no {SHARED / name}: the material that this test measures against is not on this machine")
    return SHARED / name
