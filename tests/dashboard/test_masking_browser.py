"""What the predictor expects, in a real browser: paint a mask on the frame, run it by keyboard, find it again by its address; and from a surprising moment into the player, which shows surprise over its frames."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browsing import BROWSER, SLOW, Visit, commanded, expect, read_pixels, visiting
from tests.ingest.test_surprise_store import ingest
from tests.videos import make_video
from tubelet.dashboard.video.surprise_heat import NOT_PREDICTED
from tubelet.store import Store

pytestmark = [*BROWSER, pytest.mark.long]
TOKEN, HEADING = "of-this-test", "What does the predictor fill in?"
ROWS = 4  # and columns of patches


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("lab")
    make_video(folder / "videos/a.mp4", frames=10, height=64, width=64)
    ingest(folder / "videos", folder / "store", size="64", surprise="2")
    made = Store(folder / "store")
    yield made
    made.close()


def place(visit: Visit, y: int, x: int) -> tuple[float, float]:
    box = visit.page.locator(".grid").bounding_box()
    return box["x"] + (x + 0.5) * box["width"] / ROWS, box["y"] + (y + 0.5) * box["height"] / ROWS


def test_a_mask_is_painted_run_by_keyboard_and_found_by_its_address(browser, store: Store) -> None:
    options = "--allow-jobs", "--token", TOKEN
    with (
        commanded(store, "", *options, folder=store.root.parent) as server,
        visiting(browser, server) as visit,
    ):
        visit.open(f"masking?token={TOKEN}&mask=painted", HEADING)
        visit.expect_text("Nothing is painted yet")
        expect(visit.page.locator(".player")).not_to_have_attribute("data-mode", "loading", timeout=SLOW)  # fmt: skip
        visit.settle()
        visit.page.mouse.move(*place(visit, 1, 1))
        visit.page.mouse.down()
        visit.page.mouse.move(*place(visit, 1, 2), steps=4)
        visit.page.mouse.up()
        visit.expect_text("This mask was not run on this window yet.")
        assert "mask-paint=0.1.1%2C0.1.2" in visit.page.url
        visit.settle()
        run = visit.page.get_by_role("button", name="Run mask")
        run.focus()
        run.press("Enter")
        expect(visit.page.get_by_text("10 of 80 tokens hidden")).to_be_visible(timeout=SLOW)
        (kept,) = store.rows("FROM maskings")
        assert (kept["mask_kind"], kept["painted"]) == ("painted", "0.1.1,0.1.2")
        address = visit.page.url
        visit.page.goto(address)
        expect(visit.page.get_by_text("10 of 80 tokens hidden")).to_be_visible(timeout=SLOW)
        expect(visit.page.get_by_role("group", name="Error of the prediction")).to_be_visible(timeout=SLOW)  # fmt: skip
        for column, size in enumerate(((390, 844), (800, 900), (1600, 1000))):
            visit.page.set_viewport_size({"width": size[0], "height": size[1]})
            visit.settle()
            visit.page.locator(".grid").scroll_into_view_if_needed()
            visit.page.mouse.click(*place(visit, 3, column))
            visit.expect_in_url(f"0.3.{column}")
            visit.settle()


def test_a_surprising_moment_leads_into_the_player_which_shows_surprise(visit: Visit) -> None:
    visit.open("prediction", "What did the predictor not expect?")
    moment = visit.page.locator("a:has(img)[href*='slice=']").first
    expect(moment).to_be_visible(timeout=SLOW)
    visit.settle()
    moment.click()
    visit.expect_heading("What does the encoder see in this video?")
    visit.expect_in_url("slice=")
    expect(visit.page.locator(".player")).not_to_have_attribute("data-mode", "loading", timeout=SLOW)  # fmt: skip
    visit.settle()
    visit.page.get_by_text("Surprise", exact=True).click()
    visit.expect_in_url("surprise-over=true")
    visit.expect_text("error of the prediction, 0 to")
    for _ in range(SLOW // 200):
        pixels = read_pixels(visit.page.locator(".latent.beside"))
        if (pixels[..., 3] == 255).all() and (pixels[..., :3] != NOT_PREDICTED).any():
            break
        visit.page.wait_for_timeout(200)
    assert (
        (pixels[..., :3] != NOT_PREDICTED).any(axis=-1).all()
    )  # every patch of a slice that was predicted
