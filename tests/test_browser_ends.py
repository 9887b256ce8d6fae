"""A page that is closed takes its query with it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.browsing import BROWSER, started, visiting
from tests.stores import synthetic_store
from tubelet.store import Store

pytestmark = [
    *BROWSER,
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc"),
]
ENDLESS = "SELECT count(*) FROM range(1000000000) AS a, range(1000000000) AS b WHERE a.range = b.range + random()"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("closed") / "store", videos=1)
    yield made
    made.close()


def busy(server: BaseProcess) -> bool:
    """Whether a process that answers queries for this server computes right now."""
    children = subprocess.run(
        ["pgrep", "-P", str(server.pid), "-f", "tubelet.store.sandbox.worker"],
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


def test_a_query_ends_when_its_page_is_closed(browser, store: Store) -> None:
    with started(store) as (address, server), visiting(browser, address) as visit:
        visit.page.goto(f"{address}/sql?query={quote(ENDLESS)}")
        visit.page.get_by_role("button", name="Run query").click()
        assert any(busy(server) for _ in range(40)), "the query does not run"
        visit.page.close()
        until = time.monotonic() + 10  # far below the 30 s that a query may take
        while busy(server) and time.monotonic() < until:
            pass
        assert time.monotonic() < until, "the query goes on"
