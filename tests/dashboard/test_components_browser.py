"""The components in a real browser: by keyboard and touch, with answers that are not theirs, without graphics, and when the server ends."""

import re

import numpy as np
import pytest

from tests.browsing import BROWSER, SLOW, Visit, expect, fetched, read_pixels, started, visiting
from tests.numbered import PATCHES
from tests.player import clips, open_player, video, within
from tests.tiers import thin
from tubelet.dashboard.components import modules
from tubelet.store import Store

pytestmark = BROWSER
AXES = "&map-x=patch+column&map-y=patch+row&map-z=slice"  # a cube of points around the middle of the map
REFUSE_SHADERS = "WebGL2RenderingContext.prototype.getProgramParameter = () => false"
AT_REST = """() => [...document.querySelectorAll('*')].map(e => getComputedStyle(e)).every(
  style => style.transitionProperty === 'none' && style.animationDuration.split(', ').every(length => parseFloat(length) < 0.001))"""


@pytest.fixture(scope="module")
def store(numbered_store: Store) -> Store:
    return numbered_store


@pytest.fixture(scope="module")
def server(numbered_server: str) -> str:
    return numbered_server


def open_map(visit: Visit, store: Store) -> None:
    open_player(visit, store, "plays.mp4", f"&map=true{AXES}")
    expect(visit.page.locator(".cloud")).to_have_attribute(
        "data-drawn", str(8 * PATCHES * PATCHES), timeout=SLOW
    )


def test_modules_are_served_for_good_by_their_version_and_nothing_else_is(server: str) -> None:
    status, body, headers = fetched(server, f"components/{modules.VERSION}/player/player.js")
    assert (status, body, headers["content-type"]) == (
        200,
        modules.FILES["player/player.js"],
        "text/javascript; charset=utf-8",
    )
    assert "immutable" in headers["cache-control"] and headers["tubelet-modules"] == modules.VERSION
    for path in (
        f"{'0' * 16}/player/player.js",
        f"{modules.VERSION}/player/__init__.py",
        f"{modules.VERSION}/..%2Fapp.py",
    ):
        status, body, _ = fetched(server, f"components/{path}")
        assert status in (400, 404) and b"import" not in body


@pytest.mark.long
def test_patches_are_selected_and_marked_by_keyboard(visit: Visit, store: Store) -> None:
    clip = clips(store, "plays.mp4")[0]["clip_id"]
    open_player(visit, store, "plays.mp4")
    page, grid = visit.page, visit.page.locator(".grid .marks")
    grid.focus()
    expect(page.locator(".hint")).to_contain_text("Arrow keys move", timeout=SLOW)
    expect(page.locator(".spoken").first).to_have_text("slice 0, row 3, column 3", timeout=SLOW)
    for key in ("ArrowUp", "ArrowLeft", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    visit.expect_in_url(rf"patches={clip}-0\.2\.1(&|$)")
    page.keyboard.press("PageDown")
    expect(page.locator('.player[data-slice="1"]')).to_be_visible(timeout=SLOW)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+Enter")
    visit.expect_in_url(rf"patches={clip}-0\.2\.1%2C1\.2\.2(&|$)")
    expect(page.locator(".spoken").first).to_have_text("slice 1, row 2, column 2", timeout=SLOW)
    visit.settle()
    page.keyboard.press("Escape")
    expect(page.locator(".grid .marks .line")).to_have_count(0, timeout=SLOW)
    page.get_by_role("button", name="Foreground").press("Enter")
    page.get_by_label("View").select_option("over")
    page.locator(".seen .marks").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".seen .marks .foreground")).to_have_count(1, timeout=SLOW)
    visit.expect_in_url(rf"segment={clip}-1\.3\.3(&|$)")


@pytest.mark.long
def test_the_map_by_keyboard_by_fingers_and_without_its_graphics_context(
    visit: Visit, store: Store
) -> None:
    """Graphics are drawn by the processor here, so one map serves all."""
    open_map(visit, store)
    lost_context_is_said_and_what_it_drew_comes_back(visit)
    turned_and_chosen_by_keyboard(visit)
    visit.settle()
    visit.page.set_viewport_size({"width": 390, "height": 800})
    touch = visit.page.context.new_cdp_session(visit.page)
    touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    visit.settle()
    visit.page.locator(".grid").first.scroll_into_view_if_needed()
    press(touch, "touchStart", [within(visit, ".grid", 2.5, 4.5)])
    press(touch, "touchEnd", [])
    visit.expect_in_url(r"patches=\w+-\d\.2\.4(&|$)")
    visit.settle()
    turned_and_moved_away_by_fingers(visit, touch)


def lost_context_is_said_and_what_it_drew_comes_back(visit: Visit) -> None:
    axes, before = visit.page.locator(".cloud .axes"), pixels(visit)
    visit.page.locator(".cloud canvas").evaluate(
        "canvas => { window.taken = canvas.getContext('webgl2').getExtension('WEBGL_lose_context'); taken.loseContext() }"
    )
    expect(axes).to_contain_text(
        "No map: the browser has taken the graphics context away", timeout=SLOW
    )
    visit.page.evaluate("taken.restoreContext()")
    expect(axes).to_contain_text("Place: patch column", timeout=SLOW)
    assert before.any() and np.array_equal(pixels(visit), before)


def turned_and_chosen_by_keyboard(visit: Visit) -> None:
    cloud, before = visit.page.locator(".cloud"), pixels(visit)
    cloud.focus()
    visit.page.keyboard.press("ArrowRight")
    visit.page.keyboard.press("+")
    expect(cloud.locator(".aim")).to_be_visible(timeout=SLOW)
    expect(cloud.get_by_role("tooltip")).to_contain_text(
        re.compile(r"slice \d, patch \(\d, \d\)"), timeout=SLOW
    )
    expect(cloud.locator(".spoken")).to_contain_text("slice ", timeout=SLOW)
    assert not np.array_equal(pixels(visit), before)
    aimed = cloud.get_attribute("data-hover")
    visit.page.keyboard.press("Enter")
    visit.expect_in_url(rf"patches=\w+-{re.escape(aimed)}(&|$)")


def turned_and_moved_away_by_fingers(visit: Visit, touch) -> None:
    canvas, looks = visit.page.locator(".cloud canvas"), [pixels(visit)]
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for before, after in (([0], [60]), ([-60, 60], [-30, 30])):  # one that moves, two that close in
        press(touch, "touchStart", [(x + dx, y) for dx in before])
        press(touch, "touchMove", [(x + dx, y) for dx in after])
        press(touch, "touchEnd", [])
        visit.page.wait_for_timeout(500)
        looks.append(pixels(visit))
    lit = [int((look.reshape(-1, 4)[:, :3].max(axis=1) > 60).sum()) for look in looks]
    assert not np.array_equal(looks[0], looks[1]) and lit[2] < 0.6 * lit[1], lit


def press(touch, kind: str, points: list[tuple[float, float]]) -> None:
    touch.send(
        "Input.dispatchTouchEvent",
        {
            "type": kind,
            "touchPoints": [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)],
        },
    )


def pixels(visit: Visit) -> np.ndarray:
    """All of the map, as one row."""
    return read_pixels(visit.page.locator(".cloud canvas")).ravel()


@pytest.mark.long
def test_a_driver_that_refuses_the_shaders_is_said_in_a_sentence(
    visit: Visit, store: Store
) -> None:
    visit.page.add_init_script(REFUSE_SHADERS)
    open_player(visit, store, "plays.mp4", f"&map=true{AXES}")
    expect(visit.page.locator(".cloud .axes")).to_contain_text(
        "No map: the graphics driver refuses the map's shaders", timeout=SLOW
    )


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    thin(
        [
            (
                "text/html",
                "<!doctype html><title>Tubelet</title>",
                "No colors: the server sent text/html in place of application/octet-stream",
            ),
            (
                "application/octet-stream",
                "far too short",
                f"No colors: the server sent 13 bytes in place of {8 * PATCHES * PATCHES * 3}",
            ),
        ],
        spread=True,
    ),
)
def test_what_is_no_color_is_not_drawn_as_one(
    visit: Visit, store: Store, kind: str, body: str, told: str
) -> None:
    visit.page.route(
        "**/colors/**", lambda route: route.fulfill(status=200, content_type=kind, body=body)
    )
    visit.open(
        f"video?video={video(store, 'plays.mp4')}", "What does the encoder see in this video?"
    )
    expect(visit.page.locator(".player .note")).to_contain_text(told, timeout=SLOW)
    assert visit.page.locator(".latent[data-slice]").count() == 0


@pytest.mark.long
def test_who_asks_for_less_motion_gets_none(visit: Visit) -> None:
    """As every visitor of the tests does."""
    visit.open("windows", "What changes when the window shifts?")
    expect(visit.page.locator(".matrix .where")).to_contain_text("slice", timeout=SLOW)
    assert visit.page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")
    visit.page.wait_for_function(AT_REST)


@pytest.mark.long
def test_a_page_whose_server_has_ended_says_how_to_start_it_again(browser, store: Store) -> None:
    with started(store) as (address, process), visiting(browser, address) as visit:
        open_player(visit, store, "plays.mp4")
        process.kill()
        dialog = visit.page.get_by_role("dialog")
        expect(dialog).to_contain_text(
            f"Start it again with: tubelet dashboard --store {store.root}", timeout=SLOW
        )
        assert "internet" not in dialog.inner_text()
        visit.problems.clear()  # what the browser says of a server that is gone
