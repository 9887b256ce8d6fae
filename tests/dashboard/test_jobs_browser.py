"""Jobs in a real browser, served by the command with the permission: the task of the fourteen that watches a job."""

import re
from collections.abc import Iterator

import pytest

from tests.browsing import BROWSER, SLOW, Visit, commanded, expect, fetched, visiting
from tests.dashboard.test_tasks import Walk
from tests.stores import synthetic_store
from tests.videos import make_video
from tubelet.store import Store
from tubelet.store.jobs import state
from tubelet.store.jobs.listing import list_jobs

pytestmark = BROWSER
TOKEN = "of-this-test"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("jobs") / "films", videos=1)
    make_video(made.root.parent / "short.mp4", frames=8)
    make_video(made.root.parent / "long.mp4", frames=6000)
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(store: Store) -> Iterator[str]:
    with commanded(
        store, "", "--allow-jobs", "--token", TOKEN, folder=store.root.parent
    ) as address:
        yield address


def fill_in(visit: Visit, path: str, frames: str) -> None:
    """The form of an ingest by the toy encoder."""
    visit.page.get_by_role("textbox", name="Paths").fill(path)
    visit.page.get_by_role("textbox", name="Paths").blur()
    visit.settle()
    if not visit.page.get_by_role("textbox", name="Encoder", exact=True).is_visible():
        visit.page.get_by_text("Options", exact=True).click()
    for name, value in {"Encoder": "toy", "Size": "64", "Pairs": "0"}.items():
        visit.page.get_by_role("textbox", name=name, exact=True).fill(value)
    visit.page.get_by_role("spinbutton", name="Frames", exact=True).fill(frames)
    visit.page.get_by_role("spinbutton", name="Frames", exact=True).press("Enter")
    visit.expect_text("--frames=4")


def test_start_a_job_and_watch_it_end_then_stop_another(browser, server: str, store: Store) -> None:
    assert fetched(server, "jobs")[0] == 401, "whoever has no token starts nothing"
    with visiting(browser, server) as visit:
        walk = Walk(visit)
        visit.open(f"jobs?token={TOKEN}", "What runs on this store?")
        visit.expect_text("No job yet")
        walk.text("Start a job")
        fill_in(visit, "short.mp4", "4")
        walk.click("button", "Start job")
        visit.expect_text("No job is running; 1 job ended.")  # by itself
        assert [job.status for job in list_jobs(store)] == [state.DONE]
        assert store.rows("SELECT count(*) AS n FROM clips WHERE frame_count = 4")[0]["n"] == 2
        walk.text("Start a job")
        fill_in(visit, "long.mp4", "4")
        walk.click("button", "Start job")
        expect(visit.page.get_by_text(re.compile(r"^[\d,]+ of about 1,500 clips, .* left$"))).to_be_visible(timeout=SLOW)  # fmt: skip
        walk.click("button", "Stop")
        walk.click("button", "Stop job")
        expect(visit.page.get_by_text("No job is running; 2 jobs ended.")).to_be_visible(timeout=SLOW)  # fmt: skip
        visit.page.get_by_text("stopped · ingest").click()
        visit.expect_text("everything encoded so far is committed")
        assert [job.status for job in list_jobs(store)] == [state.STOPPED, state.DONE]
        assert walk.clicks <= 6
