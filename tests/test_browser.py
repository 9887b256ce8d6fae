"""The dashboard in a real browser against a real server: what AppTest cannot see."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from store import Store
from tests.stores import synthetic_store

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install 'tubelet[test]'")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"),
]

ROOT = Path(__file__).parents[1]
VIDEOS = 30  # two pages of the table
START_S = 60
SLOW = 60_000  # ms a page may take on a busy machine, the first one with every import uncached


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("browser") / "films", videos=VIDEOS, clips=2, failures=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(store: Store) -> Iterator[str]:
    with serving(store) as address:
        yield address


@contextmanager
def serving(store: Store) -> Iterator[str]:
    """Address of a dashboard over the store."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.port", str(port), "--", str(store.root)]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_until_up(f"{address}/_stcore/health")
            yield address
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Visit:
    """A page of the browser, with what it asked for and what went wrong in it."""

    def __init__(self, page: "sync_api.Page", address: str) -> None:
        self.page, self.address = page, address
        self.hosts: set[str] = set()
        self.problems: list[str] = []
        page.set_default_timeout(SLOW)
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("requestfailed", lambda request: self._note_failure(request.url, request.failure))
        page.on("response", lambda response: self._note_response(response.status, response.url))
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("console", lambda message: self._note_console(message.type, message.text))

    def open(self, path: str, heading: str) -> None:
        self.page.goto(f"{self.address}/{path}")
        self.expect_heading(heading)

    def expect_heading(self, text: str) -> None:
        sync_api.expect(self.page.get_by_role("heading", name=text)).to_be_visible(timeout=SLOW)
        self.settle()

    def expect_text(self, text: str) -> None:
        sync_api.expect(self.page.get_by_text(text).first).to_be_visible(timeout=SLOW)
        self.settle()

    def expect_in_url(self, pattern: str) -> None:
        sync_api.expect(self.page).to_have_url(re.compile(pattern), timeout=SLOW)

    def settle(self) -> None:
        """Wait until the script has run: Streamlit may lose a change of the URL that overlaps a run."""
        self.page.wait_for_function("document.querySelector('.stApp')?.dataset.testScriptState === 'notRunning'")

    def _note_response(self, status: int, url: str) -> None:
        if status >= 400 and not _is_probe(url):
            self.problems.append(f"{status}: {url}")

    def _note_failure(self, url: str, reason: str | None) -> None:
        if reason != "net::ERR_ABORTED":  # what a reload cuts short
            self.problems.append(f"{reason}: {url}")

    def _note_console(self, kind: str, text: str) -> None:
        if kind == "error" and "status of 404" not in text:  # counted by its response, which names the address
            self.problems.append(f"console: {text}")


@pytest.fixture
def visit(browser: "sync_api.Browser", server: str) -> Iterator[Visit]:
    """A fresh visitor, of whom nothing may leave the machine and nothing may go wrong."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    visitor = Visit(context.new_page(), server)
    yield visitor
    context.close()
    assert visitor.hosts <= {urlsplit(server).netloc, ""}, "a request left the machine"
    assert visitor.problems == []


def test_corpus_turns_pages_and_a_filter_leads_back_to_the_first(visit: Visit) -> None:
    visit.open("", "What is in the store?")
    visit.expect_text(f"1–25 of {VIDEOS} videos")
    visit.page.get_by_role("button", name="Page 2", exact=True).click()
    visit.expect_text(f"26–30 of {VIDEOS} videos")
    visit.expect_in_url("page=2")
    visit.page.get_by_role("textbox", name="Search").fill("cooking")
    visit.expect_text("1–8 of 8 videos")


def test_a_filter_is_kept_in_the_url(visit: Visit) -> None:
    visit.open("", "What is in the store?")
    visit.expect_text(f"1–25 of {VIDEOS} videos")
    visit.page.get_by_role("textbox", name="Search").fill("cooking")
    visit.expect_text("1–8 of 8 videos")
    visit.expect_in_url("search=cooking")


def test_corpus_url_restores_the_state(visit: Visit) -> None:
    visit.open("?search=video-0001&label=swimming&order=newest&statistic=kurtosis", "What is in the store?")
    visit.expect_text("1–2 of 2 videos")
    visit.expect_text("Curves: kurtosis")
    sync_api.expect(visit.page.get_by_role("textbox", name="Search")).to_have_value("video-0001", timeout=SLOW)


def test_a_chosen_video_is_summarised_and_kept_in_the_url(visit: Visit, store: Store) -> None:
    first = store.rows("SELECT video_id, name FROM videos ORDER BY name LIMIT 1")[0]
    visit.open("", "What is in the store?")
    table = visit.page.get_by_role("region", name="Videos of this page")
    sync_api.expect(table.locator("canvas").first).to_be_visible(timeout=SLOW)
    corner = table.bounding_box()
    visit.page.mouse.click(corner["x"] + 16, corner["y"] + 36 + 23)  # the first row's checkbox, drawn on a canvas
    sync_api.expect(visit.page.get_by_role("heading", name=first["name"])).to_be_visible(timeout=SLOW)
    visit.expect_in_url(f"video={first['video_id']}")
    visit.page.reload()
    sync_api.expect(visit.page.get_by_role("heading", name=first["name"])).to_be_visible(timeout=SLOW)


def test_failures_and_encoders_have_their_sections(visit: Visit) -> None:
    visit.open("?section=Failures", "What is in the store?")
    visit.expect_text("1–2 of 2 failures")
    visit.page.get_by_text("Encoders", exact=True).click()
    visit.expect_text("Untrained weights are random")


def test_the_sql_behind_a_table_opens_in_the_sql_page_and_answers(visit: Visit) -> None:
    visit.open("?search=0002", "What is in the store?")
    visit.expect_text("1–11 of 11 videos")
    visit.page.get_by_text("SQL behind this").first.click()
    visit.page.get_by_text("Open in SQL").first.click()
    visit.expect_heading("What do you want to know?")
    visit.expect_text("11 rows in")
    sync_api.expect(visit.page.get_by_role("textbox", name="Query")).to_have_value(re.compile(r"lower\('0002'\)"), timeout=SLOW)


def test_sql_runs_and_shows_an_error_in_place(visit: Visit) -> None:
    visit.open("sql", "What do you want to know?")
    visit.expect_text(f"{VIDEOS} rows in")
    editor = visit.page.get_by_role("textbox", name="Query")
    editor.fill("SELECT nam FROM videos")
    editor.press("Control+Enter")
    visit.expect_text("This query has no answer")
    visit.expect_text('"nam" not found')
    editor.fill("SELECT 6 * 7 AS answer")
    visit.page.get_by_role("button", name="Run").click()
    visit.expect_text("1 row in")
    sync_api.expect(visit.page.get_by_text("This query has no answer")).to_have_count(0, timeout=SLOW)


def test_an_example_is_taken_and_run(visit: Visit) -> None:
    visit.open("sql", "What do you want to know?")
    visit.page.get_by_role("button", name="Examples").click()
    visit.page.get_by_text("Failures by reason").click()
    visit.expect_text("1 row in")
    visit.expect_in_url(r"FROM(\+|%20)failures")


def test_sql_url_restores_the_query_and_its_answer_can_be_kept(visit: Visit) -> None:
    visit.open(f"sql?query={quote('SELECT name FROM videos ORDER BY name LIMIT 7')}", "What do you want to know?")
    visit.expect_text("7 rows in")
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="CSV").click()
    assert Path(download.value.path()).read_text().count("video-0000") == 7


def _wait_until_up(address: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no dashboard at {address} after {START_S} s")


def _is_probe(url: str) -> bool:
    """Streamlit's browser code looks for its server below the page's own path first, and is told 404."""
    return re.match(r"/\w+/_stcore/", urlsplit(url).path) is not None
