"""Walks between the pages in a real browser: encoder and video go along, Back restores at once, ids imply what they belong to."""

import re

import pytest

from tests.browsing import BROWSER, SLOW, Visit, expect
from tests.player import HEADING
from tubelet.reports.sensitivity import sections as report
from tubelet.store import Store

pytestmark = [*BROWSER, pytest.mark.long]
HEADINGS = {
    "Corpus": "What is in the store?", "Video": HEADING, "Windows": "What changes when the window shifts?",
    "Sensitivity": report.TITLE, "SQL": "What do you want to know?",
}  # fmt: skip


@pytest.fixture(scope="module")
def store(numbered_store: Store) -> Store:
    return numbered_store


@pytest.fixture(scope="module")
def server(numbered_server: str) -> str:
    return numbered_server


def encoder(store: Store) -> str:
    return store.rows("SELECT encoder_id FROM encoders")[0]["encoder_id"]


def follow(visit: Visit, page: str) -> None:
    """A click on the menu."""
    visit.page.get_by_test_id("stSidebar").get_by_role("link", name=page, exact=True).click()
    visit.expect_heading(HEADINGS[page])
    expect(visit.page.get_by_test_id("stException")).to_have_count(0)


def history(visit: Visit) -> int:
    return visit.page.evaluate("window.history.length")


CHOSEN = {"Corpus": "search=p", "Video": "map=true"}  # in the URL of the page, after each return


def test_every_page_follows_every_page_with_all_that_was_chosen_and_back_restores_at_once(
    visit: Visit, store: Store
) -> None:
    """Search on Corpus, switch on all that Video has, and walk: no page takes another one's text for its switch."""
    encoder_id = encoder(store)
    visit.open("?search=p", HEADINGS["Corpus"])
    visit.expect_in_url(f"encoder={encoder_id}")
    follow(visit, "Video")
    visit.page.get_by_text("Map of tokens").click()
    visit.expect_in_url("map=true.*video=")
    visit.settle()
    walk = [
        "Corpus",
        "Video",
        "Windows",
        "Video",
        "SQL",
        "Sensitivity",
        "Corpus",
        "Windows",
        "Corpus",
    ]
    addresses, length = [], history(visit)
    for page in walk:
        addresses.append(visit.page.url)
        follow(visit, page)
        visit.expect_in_url(f"encoder={encoder_id}")
        if page in CHOSEN:
            visit.expect_in_url(CHOSEN[page])
    assert history(visit) == length + len(walk), (
        "a page that is arrived at takes no step of its own"
    )
    for page, address in reversed(list(zip(["Video", *walk], addresses))):
        visit.page.go_back()
        visit.expect_heading(HEADINGS[page])
        expect(visit.page).to_have_url(address, timeout=SLOW)


def test_back_after_each_kind_of_link_restores_the_page_before(visit: Visit, store: Store) -> None:
    pair = store.rows("SELECT * FROM pairs WHERE kind = 'shifted' ORDER BY pair_id LIMIT 1")[0]
    visit.open(f"windows?pair={pair['pair_id']}", HEADINGS["Windows"])
    visit.expect_in_url(f"encoder={pair['encoder_id']}")
    before = visit.page.url
    expect(visit.page.get_by_role("link", name="Window A in player")).to_be_visible(timeout=SLOW)
    visit.page.get_by_role("link", name="Window B in player").click()
    visit.expect_heading(HEADING)
    visit.expect_in_url(f"clip={pair['clip_b']}")
    expect(visit.page.locator(f'.player[data-clip="{pair["clip_b"]}"]')).to_be_visible(timeout=SLOW)
    visit.page.go_back()
    visit.expect_heading(HEADINGS["Windows"])
    expect(visit.page).to_have_url(before, timeout=SLOW)
    visit.page.get_by_text("SQL behind this").first.click()
    visit.page.get_by_text("Open in SQL").first.click()
    visit.expect_heading(HEADINGS["SQL"])
    visit.page.go_back()
    visit.expect_heading(HEADINGS["Windows"])
    expect(visit.page).to_have_url(before, timeout=SLOW)


def test_another_video_is_one_step(visit: Visit, store: Store) -> None:
    first, second = store.rows(
        "SELECT v.video_id, v.name, clip_id FROM videos v JOIN clips USING (video_id) WHERE first_frame = 0 AND name <> 'moved.mp4' AND role = 'grid' ORDER BY v.name LIMIT 2"
    )
    visit.open(f"video?clip={first['clip_id']}&slice=2&patches={first['clip_id']}-2.1.1", HEADING)
    visit.expect_in_url(f"video={first['video_id']}")
    before = visit.page.url
    visit.page.get_by_role("combobox", name="Video").click()
    visit.page.get_by_role("option", name=second["name"]).click()
    visit.expect_in_url(f"video={second['video_id']}")
    visit.settle()
    assert "patches" not in visit.page.url and "slice" not in visit.page.url
    visit.page.go_back()
    expect(visit.page).to_have_url(before, timeout=SLOW)
    expect(visit.page.get_by_role("heading", name="Patch (1, 1) of slice 2")).to_be_visible(
        timeout=SLOW
    )


@pytest.mark.parametrize("page", ["video", "windows"])
def test_a_link_of_yesterday_opens(visit: Visit, store: Store, page: str) -> None:
    clip = store.rows(
        "SELECT c.* FROM clips c JOIN videos USING (video_id) WHERE name = 'plays.mp4' ORDER BY first_frame LIMIT 1"
    )[0]
    pair = store.rows("SELECT * FROM pairs WHERE kind = 'shifted' ORDER BY pair_id LIMIT 1")[0]
    links = {
        "video": f"video={clip['video_id']}&clip={clip['clip_id']}&slice=1&patches={clip['clip_id']}-1.0.0&colour=three+dimensions&search=true",
        "windows": f"pair={pair['pair_id']}&dim=3&y=1&x=2&slice=1",
    }
    visit.open(f"{page}?{links[page]}", HEADINGS[page.title()])
    visit.expect_text(
        {"video": "most similar patches", "windows": "patch (1, 2), dimension 3"}[page]
    )
    assert "colour" not in visit.page.url and not re.search("[?&]search=", visit.page.url)
    assert {"video": "color=three", "windows": "shared-slice=1"}[page] in visit.page.url
