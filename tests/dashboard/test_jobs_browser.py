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

pytestmark = [*BROWSER, pytest.mark.long]
TOKEN = "of-this-test"
RUNS = re.compile(r"^[\d,]+ of about [\d,]+ clips, .* left$")


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


def name_video(visit: Visit, path: str) -> None:
    paths = visit.page.get_by_role("textbox", name="Paths")
    paths.fill(path)
    paths.blur()
    visit.expect_text(path)


def fill_options_in(visit: Visit) -> None:
    """Those of an ingest by the toy encoder; they stay while the page shows the list."""
    visit.page.get_by_text("Options", exact=True).click()
    for name, value in {"Encoder": "toy", "Size": "64", "Pairs": "0"}.items():
        visit.page.get_by_role("textbox", name=name, exact=True).fill(value)
    frames = visit.page.get_by_role("spinbutton", name="Frames", exact=True)
    frames.fill("4")
    frames.press("Enter")
    visit.expect_text("--frames=4")


def test_start_a_job_and_watch_it_end_then_stop_another_and_go_on_with_it(
    browser, server: str, store: Store
) -> None:
    assert fetched(server, "jobs")[0] == 401, "whoever has no token starts nothing"
    with visiting(browser, server) as visit:
        walk = Walk(visit)
        visit.open(f"jobs?token={TOKEN}", "What runs on this store?")
        visit.expect_text("No job yet")
        walk.text("Start a job")
        name_video(visit, "short.mp4")
        fill_options_in(visit)
        walk.click("button", "Start job")
        visit.expect_text("No job is running; 1 job ended.")  # by itself
        assert [job.status for job in list_jobs(store)] == [state.DONE]
        assert store.rows("SELECT count(*) AS n FROM clips WHERE frame_count = 4")[0]["n"] == 2
        walk.text("Start a job")
        name_video(visit, "long.mp4")
        walk.click("button", "Start job")
        expect(visit.page.get_by_text(RUNS)).to_be_visible(timeout=SLOW)  # fmt: skip
        walk.click("button", "Stop")
        walk.click("button", "Stop job")
        expect(visit.page.get_by_text("No job is running; 2 jobs ended.")).to_be_visible(timeout=SLOW)  # fmt: skip
        visit.page.get_by_text("stopped · ingest").click()
        visit.expect_text("everything encoded so far is committed")
        assert [job.status for job in list_jobs(store)] == [state.STOPPED, state.DONE]
        assert walk.clicks <= 6
        walk.click("button", "Fill in again")
        visit.expect_text("--frames=4")
        walk.click("button", "Start job")
        expect(visit.page.get_by_text(RUNS)).to_be_visible(timeout=SLOW)
        walk.click("button", "Kill")
        walk.click("button", "Kill job")
        expect(visit.page.get_by_text("No job is running; 3 jobs ended.")).to_be_visible(timeout=SLOW)  # fmt: skip
        resumed, stopped, _ = list_jobs(store)
        assert resumed.words == stopped.words and resumed.status == state.STOPPED
        assert walk.clicks <= 10
