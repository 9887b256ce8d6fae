"""Shared fixtures: small real stores and the test videos beside the project, where there are any."""

import os
import subprocess
from pathlib import Path

import pytest

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # workers share the cores: threads of each would wait for one another

import tests.shaped  # noqa: F401 - before Tubelet: array shapes are checked from here on
import tubelet.cli  # noqa: F401 - before torch: it says how torch's threads wait
from tests.browsing import browser, server, visit  # noqa: F401 - fixtures of every module of browser tests
from tests.guarded import before, place  # noqa: F401 - of the sandbox's tests
from tests.kinds import small, stores  # noqa: F401 - of the dashboard's tests
from tests.planted import planted_everything  # noqa: F401 - made once for all who ask for it
from tests.player import numbered_store  # noqa: F401

SHARED = Path(os.environ.get("TUBELET_SHARED", Path(__file__).parents[2] / "shared"))


def shared(name: str) -> Path:
    """A folder of test material, or skip with the reason shown."""
    if not (SHARED / name).exists():
        pytest.skip(
            f"no {SHARED / name}: the material that this test measures against is not on this machine"
        )
    return SHARED / name


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MB; skipped where this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small tmpfs here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)
