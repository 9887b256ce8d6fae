"""The SQL workbench in a real browser, by keyboard: complete, run, look at it, look at patches and download."""

import re
from pathlib import Path

import pytest

from tests.browsing import BROWSER, SLOW, Visit, sync_api
from tubelet.store import Store

pytestmark = BROWSER
TITLE = "What do you want to know?"
PATCHES = '.stHtml a[href^="video?"]'
LARGEST = "SELECT clip_id, slice, y, x, norm FROM token_stats ORDER BY norm DESC, clip_id, slice, y, x LIMIT 4"


@pytest.fixture(scope="module")
def store(numbered_store: Store) -> Store:
    return numbered_store


@pytest.fixture(scope="module")
def server(numbered_server: str) -> str:
    return numbered_server


@pytest.mark.long
def test_a_question_is_typed_answered_looked_at_and_downloaded(visit: Visit) -> None:
    visit.open("sql", TITLE)
    editor = visit.editor()
    editor.click()
    visit.page.keyboard.press("Control+a")
    visit.page.keyboard.type("SELECT clip_id, slice, y, x, nor")
    option = visit.page.get_by_role("option", name=re.compile("^norm"))
    sync_api.expect(option.first).to_be_visible(timeout=SLOW)
    visit.page.wait_for_timeout(300)  # in its first moments the list takes no Enter
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.type(" FROM token_stats ORDER BY norm DESC LIMIT 5")
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("Control+Enter")
    visit.expect_text("5 rows in")
    visit.expect_in_url(r"query=SELECT(\+|%20)clip_id.*norm(\+|%20)FROM")
    visit.settle()
    visit.page.get_by_role("radio", name="patches").click()
    patches = visit.page.locator(PATCHES)
    sync_api.expect(patches).to_have_count(5, timeout=SLOW)
    visit.expect_in_url("picture=patches")
    visit.page.get_by_role("button", name="Download", exact=True).click()
    visit.expect_text("5 rows, 5 columns")
    link = visit.page.get_by_role("link", name=re.compile("^JSON lines"))
    with visit.page.expect_download(timeout=SLOW) as download:
        link.click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 5
    assert re.search(r"-token_stats-5-rows-.*\.jsonl$", download.value.suggested_filename)
    visit.page.keyboard.press("Escape")


@pytest.mark.long
def test_by_keyboard_an_answer_becomes_a_chart_and_patches_which_a_link_shows_elsewhere(
    browser: "sync_api.Browser", visit: Visit
) -> None:
    visit.open("sql", TITLE)
    visit.editor().fill(LARGEST)
    visit.editor().press("Control+Enter")
    visit.expect_text("4 rows in")
    visit.settle()
    visit.page.get_by_role("radio", name="chart").press("Space")
    drawn = visit.page.locator(".stVegaLiteChart").locator("canvas, svg").first
    sync_api.expect(drawn).to_be_visible(timeout=SLOW)
    visit.expect_in_url("picture=chart")
    visit.settle()
    visit.page.get_by_role("radio", name="patches").press("Space")
    patches = visit.page.locator(PATCHES)
    sync_api.expect(patches).to_have_count(4, timeout=SLOW)
    visit.expect_in_url("picture=patches")
    shown = patches.evaluate_all("all => all.map(one => one.getAttribute('href'))")
    _see_elsewhere(browser, visit, shown)
    slice_, y, x = re.search(r"patches=\w+-(\d+)\.(\d+)\.(\d+)", shown[1]).groups()
    patches.nth(1).press("Enter")
    visit.expect_heading(f"Patch ({y}, {x}) of slice {slice_}")


def _see_elsewhere(browser: "sync_api.Browser", visit: Visit, shown: list[str]) -> None:
    """The address in a browser that was never here asks before it runs the query, and shows the same screen."""
    with browser.new_context() as context:
        fresh = Visit(context.new_page(), visit.address)
        fresh.page.goto(visit.page.url)
        fresh.expect_text("This query came with a link")
        sync_api.expect(fresh.editor()).to_have_text(LARGEST, timeout=SLOW)
        fresh.editor().press("Control+Enter")
        patches = fresh.page.locator(PATCHES)
        sync_api.expect(patches).to_have_count(4, timeout=SLOW)
        assert patches.evaluate_all("all => all.map(one => one.getAttribute('href'))") == shown
        sync_api.expect(fresh.page.get_by_role("radio", name="patches")).to_be_checked()
        assert not fresh.problems


@pytest.mark.long
def test_a_million_rows_are_downloaded(visit: Visit) -> None:
    visit.open("sql", TITLE)
    visit.editor().fill("SELECT i FROM range(1000000) AS r(i)")
    visit.editor().press("Control+Enter")
    visit.expect_text("First 10,000 rows")
    visit.settle()
    visit.page.get_by_role("button", name="Download", exact=True).press("Enter")
    visit.expect_text("1,000,000 rows, 1 column")
    with visit.page.expect_download(timeout=SLOW) as download:
        visit.page.get_by_role("link", name=re.compile("^CSV, about")).press("Enter")
    with open(download.value.path()) as file:
        lines = sum(1 for _ in file)
    assert lines == 1_000_001


@pytest.mark.long
def test_a_mistake_is_underlined_and_history_brings_a_query_back(visit: Visit) -> None:
    visit.open("sql", TITLE)
    editor = visit.editor()
    visit.settle()
    editor.fill("SELECT\n  nam FROM videos")
    editor.press("Control+Enter")
    visit.expect_text("Query failed")
    sync_api.expect(visit.page.locator(".cm-lintRange-error")).to_have_text("nam", timeout=SLOW)
    history = visit.page.get_by_label("History")
    sync_api.expect(history.locator("option")).to_have_count(
        3, timeout=SLOW
    )  # how many there are, the failed one, the first
    history.select_option(index=2)
    sync_api.expect(editor).to_contain_text("count(c.clip_id) AS clips", timeout=SLOW)
    lines = visit.page.locator(".cm-line")
    before = lines.count()
    visit.page.get_by_role("button", name="Format query").click()
    sync_api.expect(lines.filter(has_text=re.compile("^FROM$"))).to_have_count(1, timeout=SLOW)
    assert lines.count() > before
    editor.press("Control+Enter")
    visit.expect_text("4 rows in")
    sync_api.expect(visit.page.locator(".cm-lintRange-error")).to_have_count(0, timeout=SLOW)


def test_what_is_typed_before_the_editor_has_loaded_stays(visit: Visit) -> None:
    held: list[sync_api.Route] = []
    visit.page.route("**/codemirror*.js*", lambda route: held.append(route))
    with visit.page.expect_request("**/codemirror*.js*", timeout=SLOW):
        visit.open("sql", TITLE)
    area = visit.page.get_by_role("textbox", name="Query")
    area.fill("SELECT 6 * 7 AS typed_early")
    held[0].continue_()
    sync_api.expect(visit.editor()).to_have_text("SELECT 6 * 7 AS typed_early", timeout=SLOW)
    sync_api.expect(visit.editor()).to_be_focused()
    visit.page.keyboard.press("Control+Enter")
    visit.expect_text("1 row in")
