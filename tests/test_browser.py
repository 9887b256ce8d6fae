"""The dashboard in a real browser against a real server: what AppTest cannot see."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from store import Store
from tests.browsing import BROWSER, SLOW, Visit, sync_api
from tests.stores import synthetic_store

pytestmark = BROWSER
VIDEOS = 30  # two pages of the table


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("browser") / "films", videos=VIDEOS, clips=2, failures=2)
    yield made
    made.close()


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
