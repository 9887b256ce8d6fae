"""From a filter to a selection, to another page, to a fresh visitor, to a tag: in a real browser."""

from collections.abc import Iterator

import pytest

from tests.browsing import BROWSER, SLOW, Visit, expect, visiting
from tests.stores import synthetic_store
from tubelet.store import Store
from tubelet.store.annotations.tags import list_tags

pytestmark = [*BROWSER, pytest.mark.long]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("selected") / "films", videos=8, clips=2)
    yield made
    made.close()


def test_a_selection_goes_along_opens_afresh_and_becomes_a_tag(
    visit: Visit, browser, server: str, store: Store
) -> None:
    visit.open("?search=cooking", "What is in the store?")
    visit.page.get_by_role("button", name="Select 2 videos").click()
    visit.expect_in_url("selected=ids")
    visit.expect_text("2 videos selected")
    visit.page.get_by_role("link", name="SQL").first.click()
    visit.expect_heading("What do you want to know?")
    visit.expect_in_url("selected=ids")
    visit.expect_text("The selected videos, as a condition")
    address = visit.page.url.removeprefix(f"{server}/")
    with visiting(browser, server) as fresh:
        fresh.open(address, "What do you want to know?")
        fresh.expect_text("2 videos selected")
    visit.page.get_by_role("button", name="Save as tag").click()
    visit.page.get_by_role("textbox", name="Tag").fill("to cook")
    visit.page.get_by_role("button", name="Tag 2 videos").click()
    visit.expect_in_url("selected=tag")
    visit.expect_text("tag to cook")
    assert [(row["tag"], row["videos"]) for row in list_tags(store)] == [("to cook", 2)]
    visit.page.get_by_role("button", name="Drop selection").click()
    expect(visit.page.get_by_text("2 videos selected")).to_have_count(0, timeout=SLOW)
    assert "selected=" not in visit.page.url
