"""Shared fixtures: small real stores and the test videos beside the project, where there are any."""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tests.bytecode  # before all that is kept compiled
import tests.scanned  # before any page is tested
import tests.shaped  # noqa: F401 - before Tubelet: array shapes are checked from here on
import tubelet.cli  # noqa: F401 - before torch: it says how torch's threads wait
from tests.browsing import browser, server, visit  # noqa: F401 - fixtures of every module of browser tests
from tests.guarded import before, place  # noqa: F401 - of the sandbox's tests
from tests.kinds import small, stores  # noqa: F401 - of the dashboard's tests
from tests.planted import planted_everything  # noqa: F401 - made once for all who ask for it
from tests.player import numbered_server, numbered_store  # noqa: F401

LONGEST = (
    "dashboard/test_page_quality.py",
    "dashboard/test_tasks.py",
    "dashboard/test_video_page.py",
    "dashboard/test_browser.py",
    "dashboard/test_hostile.py",
    "dashboard/test_workbench_browser.py",
    "store/test_sandbox_escapes.py",
    "store/test_hostile_store.py",
    "dashboard/test_walks.py",
    "ingest/test_crash.py",
    "dashboard/test_components_browser.py",
    "cli/test_commands_on_a_bucket.py",
    "dashboard/test_jobs_browser.py",
    "ingest/test_plan.py",
    "dashboard/test_masking_browser.py",
    "store/test_bucket_writing.py",
    "store/test_checksums.py",
    "latent/test_probes.py",
    "ingest/test_team.py",
    "ingest/test_pairs.py",
    "ingest/test_hub.py",
    "dashboard/test_base_path.py",
    "dashboard/test_corpus_map.py",
    "reports/test_report_files.py",
    "ingest/test_ingest.py",
    "ingest/test_efficientnet.py",
    "training/test_attentive.py",
    "dashboard/test_sensitivity_page.py",
    "training/test_transition_surprise.py",
    "ingest/test_sharing.py",
    "dashboard/test_video_address.py",
    "store/test_bucket_chaos.py",
    "cli/test_printed_commands.py",
    "ingest/test_surprise_store.py",
)  # of the modules, those with most seconds of the processor first: whichever comes last keeps one worker busy while the others are idle
KEPT = ("AWS_", "AZURE_", "GOOGLE_", "HF_", "STREAMLIT_", "TUBELET_")
MAIN = sys.modules["__main__"]
SHARED = Path(os.environ.get("TUBELET_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(autouse=True)
def keep_main() -> Iterator[None]:
    """Streamlit puts the page that it runs in the place of `__main__`, which a process that is spawned later would run again."""
    yield
    sys.modules["__main__"] = MAIN


@pytest.fixture(autouse=True, scope="module")
def keep_environment() -> Iterator[None]:
    """A module that changes a variable, or leaves one of `KEPT` behind, fails; the next finds these as they were. What libraries add stays."""
    kept = dict(os.environ)
    yield
    after = {name: value for name, value in os.environ.items() if name in kept or name.startswith(KEPT)}  # fmt: skip
    changed = {name for name, _ in kept.items() ^ after.items()} - {"PYTEST_CURRENT_TEST"}
    for name in changed:
        os.environ.pop(name, None)
    os.environ.update({name: kept[name] for name in changed & kept.keys()})
    assert not changed, f"variables of the environment that this module changed: {sorted(changed)}"


def pytest_configure(config: pytest.Config) -> None:
    """Workers take modules in the order below, and not those with most tests first."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long modules begin while there are others to run beside them; the rest keep their order."""
    ranks = {Path(__file__).parent / module: rank for rank, module in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(LONGEST)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is imported and collected stays: nothing looks for garbage in it meanwhile, nor later, when each run of a page ends with a search."""
    gc.disable()
    collected = yield
    gc.enable()
    gc.collect()
    gc.freeze()
    return collected


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
