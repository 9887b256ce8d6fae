"""The dashboard below a base path, as behind a proxy: every page, picture, component and download, without a violation of its own policy."""

import csv
import re
from collections.abc import Iterator

import pytest

from tests.browsing import BROWSER, SLOW, Visit, commanded, expect, fetched, visiting
from tests.player import click, open_player, video
from tubelet.store import Store

pytestmark = BROWSER
BASE = "/tubelet"
MENU = {
    "Sensitivity": "Which dimensions react when the window shifts?",
    "Corpus": "What is in the store?",
}
LISTEN = "document.addEventListener('securitypolicyviolation', event => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`))"


@pytest.fixture(scope="module")
def store(numbered_store: Store) -> Store:
    return numbered_store


@pytest.fixture(scope="module")
def server(store: Store) -> Iterator[str]:
    with commanded(store, BASE) as address:
        yield address


@pytest.fixture
def visit(browser, server: str) -> Iterator[Visit]:
    with visiting(browser, server) as visitor:
        visitor.asked = []
        visitor.page.on(
            "request",
            lambda request: visitor.asked.append(re.sub(r"^\w+://[^/]+", "", request.url)),
        )
        visitor.page.add_init_script(LISTEN)
        yield visitor
        outside = {
            path
            for path in visitor.asked
            if path.startswith("/") and not path.startswith(f"{BASE}/") and path != BASE
        }
        assert not {path for path in outside if not path.startswith("/favicon")}, (
            "everything is asked for below the base path"
        )


@pytest.mark.long
def test_windows_sensitivity_corpus_and_sql_and_their_links(visit: Visit, store: Store) -> None:
    """Opened by an address, and from there by the menu; thumbnails come from below the base path, too, and so does a file."""
    visit.open(
        f"windows?video={video(store, 'overlap.mp4')}", "What changes when the window shifts?"
    )
    expect(visit.page.locator("canvas").first).to_be_visible(timeout=SLOW)
    for page, heading in MENU.items():
        visit.page.get_by_role("link", name=page, exact=True).first.click()
        visit.expect_heading(heading)
        assert visit.page.url.startswith(visit.address)
    visit.page.get_by_text("Failures", exact=True).first.click()
    visit.page.get_by_text("Encoders", exact=True).first.click()
    visit.settle()
    visit.page.get_by_role("link", name="SQL", exact=True).first.click()
    visit.expect_heading("What do you want to know?")
    visit.expect_text("4 rows in")
    visit.page.get_by_role("button", name="Download", exact=True).click()
    visit.expect_text("4 rows, 4 columns")
    rows = list(csv.reader(visit.download(re.compile("^CSV"), "link").read_text().splitlines()))
    assert len(rows) == 1 + len(store.rows("FROM videos"))


@pytest.mark.long
def test_the_player_plays_colors_selects_segments_and_saves(visit: Visit, store: Store) -> None:
    open_player(visit, store, "plays.mp4", "&map=true")
    expect(visit.page.locator(".player")).to_have_attribute("data-mode", "video", timeout=SLOW)
    expect(visit.page.locator(".cloud")).to_have_attribute(
        "data-drawn", re.compile(r"[1-9]\d*"), timeout=SLOW
    )
    click(visit, 2, 3)
    visit.expect_in_url(r"patches=\w+-0\.2\.3(&|$)")
    routes = ("source", "colors", "components")
    assert all(
        any(path.startswith(f"{BASE}/{route}/") for path in visit.asked) for route in routes
    ), [path for path in visit.asked if "static" not in path]


@pytest.mark.long
def test_pictures_stand_in_where_the_browser_cannot_play(visit: Visit, store: Store) -> None:
    open_player(visit, store, "silent-film.mpg")
    expect(visit.page.locator(".player")).to_have_attribute("data-mode", "pictures", timeout=SLOW)


@pytest.mark.long
def test_nothing_answers_beside_the_base_path(server: str, store: Store) -> None:
    beside = server.removesuffix(BASE)
    for path in (f"source/{video(store, 'plays.mp4')}", "colors/x", "_stcore/health"):
        assert fetched(beside, path)[0] == 404
