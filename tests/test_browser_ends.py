"""A page that is closed takes its query with it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.browsing import BROWSER, Visit
from tests.stores import synthetic_store
from tubelet.store import Store

pytestmark = [
    *BROWSER,
    pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc"),
]
ENDLESS = "SELECT count(*) FROM range(1000000000) AS a, range(1000000000) AS b WHERE a.range = b.range + random()"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("closed") / "store", videos=1)
    yield made
    made.close()


def busy(address: str) -> bool:
    """Whether a process that answers queries for this server computes right now."""
    port = address.rpartition(":")[2]
    server = next(
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if f"\0{port}\0" in _read(path) and "streamlit" in _read(path)
    )
    children = subprocess.run(
        ["pgrep", "-P", str(server), "-f", "tubelet.store.sandbox.worker"],
        capture_output=True,
        text=True,
    ).stdout.split()
    before = {child: _ticks(child) for child in children}
    time.sleep(0.5)
    return any(_ticks(child) > ticks + 5 for child, ticks in before.items())


def _ticks(pid: str) -> int:
    text = _read(Path(f"/proc/{pid}/stat"))
    return int(text.rpartition(")")[2].split()[11]) if text else 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def test_a_query_ends_when_its_page_is_closed(visit: Visit) -> None:
    visit.page.goto(f"{visit.address}/sql?query={quote(ENDLESS)}")
    visit.page.get_by_role("button", name="Run query").click()
    assert any(busy(visit.address) for _ in range(40)), "the query does not run"
    visit.page.close()
    until = time.monotonic() + 10  # far below the 30 s that a query may take
    while busy(visit.address) and time.monotonic() < until:
        pass
    assert time.monotonic() < until, "the query goes on"
