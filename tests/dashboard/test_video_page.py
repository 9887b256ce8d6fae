"""The Video page in a real browser: the slice is that of the shown frame, a click takes the patch under it, the address restores it all.

To load a page takes seconds, so tests that lead nowhere share one that is open (`playing`), and each begins at its first frame.
"""

import io
import json
import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from tests.browsing import BROWSER, SLOW, Visit, expect, visiting
from tests.numbered import HEIGHT, LEFT, PATCHES, READ_NUMBER, WIDTH, WINDOW, number, number_in
from tests.player import (
    FRAMES,
    HEADING,
    SEEN,
    click,
    clips,
    drag,
    expect_repeated,
    open_player,
    seek,
    shown,
    video,
    within,
)
from tubelet.latent import colorings
from tubelet.latent.colorings import Coloring
from tubelet.store import Store

pytestmark = BROWSER
BEST = """grid => {
  const [outer, inner] = [grid, grid.querySelector('.best')].map(element => element.getBoundingClientRect())
  return [inner.x - outer.x, inner.y - outer.y]
}"""


@pytest.fixture(scope="module")
def store(numbered_store: Store) -> Store:
    return numbered_store


@pytest.fixture(scope="module")
def server(numbered_server: str) -> str:
    return numbered_server


@pytest.fixture(scope="module")
def opened(browser, server: str, store: Store) -> Iterator[Visit]:
    with visiting(browser, server) as visitor:
        open_player(visitor, store, "plays.mp4")
        yield visitor


@pytest.fixture
def playing(opened: Visit) -> Visit:
    """The open page of `plays.mp4`, at its first frame, nothing marked, colors beside the video."""
    opened.page.locator(".player").press("Escape")
    opened.page.locator("select.view").select_option("beside")
    seek(opened, 0)
    expect(opened.page.get_by_role("heading", name="Patch (")).to_have_count(0, timeout=SLOW)
    opened.settle()
    return opened


@pytest.mark.long
@pytest.mark.parametrize("view", ["beside", "over"])
def test_the_colors_are_those_of_the_frame_that_the_video_shows(
    playing: Visit, store: Store, view: str
) -> None:
    """Frames say their number in their own pixels, and tokens in theirs: a slice of two frames shows the number's upper bits."""
    visit = playing
    assert visit.page.locator(".player").get_attribute("data-mode") == "video"
    visit.page.locator("select.view").select_option(view)
    for frame in (0, 1, 15, 16, 33, 62, 79):
        seek(visit, frame)
        assert number(shown(visit, "video", SEEN)) == frame
        expect(
            visit.page.locator(f'.latent.{view}[data-slice="{frame % WINDOW // 2}"]')
        ).to_be_visible(timeout=SLOW)
        assert number(shown(visit, f".latent.{view}"), 1) == frame // 2
        assert clips(store, "plays.mp4")[frame // WINDOW]["clip_id"] == visit.page.locator(
            ".player"
        ).get_attribute("data-clip")


def test_frames_that_no_window_covers_have_no_colors_and_the_page_says_so(playing: Visit) -> None:
    visit = playing
    seek(visit, FRAMES - 1)
    assert number(shown(visit, "video", SEEN)) == FRAMES - 1
    expect(visit.page.locator(".place")).to_contain_text(
        "no window covers this frame", timeout=SLOW
    )
    assert shown(visit, ".latent.beside") == [0] * 8


@pytest.mark.long
def test_while_it_plays_the_slice_follows_the_frame(playing: Visit) -> None:
    visit = playing
    seek(visit, 40)
    visit.page.locator(".player").evaluate(
        "(player, seen) => {"
        f"const read = {READ_NUMBER}"
        """
      window.pairs = []
      const [video, latent] = ['video', '.latent.beside'].map(name => player.querySelector(name))
      const note = () => {
        requestAnimationFrame(() => window.pairs.push([read(video, seen), read(latent, [0, 0, 1, 1])]))
        video.requestVideoFrameCallback(note)
      }
      video.requestVideoFrameCallback(note)
    }""",
        SEEN,
    )
    visit.page.locator("select.speed").select_option("0.5")
    visit.page.get_by_role("button", name="Play").click()
    expect(visit.page.locator(".player")).to_have_attribute(
        "data-frame", re.compile("^(79|8.)$"), timeout=SLOW
    )
    pairs = [
        (number(frame), number(latent, 1))
        for frame, latent in visit.page.evaluate("window.pairs")
        if max(latent) > 0
    ]
    assert len(pairs) > 10
    assert all(abs(frame // 2 - slice_) <= 1 for frame, slice_ in pairs), (
        "the next frame may be presented between the two readings"
    )
    assert np.mean([frame // 2 == slice_ for frame, slice_ in pairs]) > 0.8


def test_steps_go_slice_by_slice_across_windows_by_button_and_by_key(playing: Visit) -> None:
    visit = playing
    for expected in (2, 4):
        visit.page.get_by_role("button", name="Next slice").click()
        expect(visit.page.locator(f'.player[data-frame="{expected}"]')).to_be_visible(timeout=SLOW)
        assert number(shown(visit, "video", SEEN)) == expected
    seek(visit, 14)
    visit.page.locator(".player").press("ArrowRight")
    expect(visit.page.locator('.player[data-frame="16"][data-slice="0"]')).to_be_visible(
        timeout=SLOW
    )
    visit.page.locator(".player").press("ArrowLeft")
    expect(visit.page.locator('.player[data-frame="14"][data-slice="7"]')).to_be_visible(
        timeout=SLOW
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("silent-film.mpg", "browsers do not play mpeg1video in mpeg"),
        ("moved.mp4", "the source file is missing or was moved"),
    ],
)
def test_slice_pictures_stand_in_for_what_cannot_be_played_and_the_page_says_why(
    visit: Visit, store: Store, name: str, why: str
) -> None:
    open_player(visit, store, name)
    expect(visit.page.get_by_role("status").filter(has_text=why)).to_be_visible(timeout=SLOW)
    for frame in (0, 5, 16, 31):
        seek(visit, frame)
        expect(visit.page.locator(f'.picture[data-slice="{frame % WINDOW // 2}"]')).to_be_visible(
            timeout=SLOW
        )
        assert number(shown(visit, ".picture")) == frame // 2 * 2, (
            "a slice's picture is its first frame"
        )
        assert number(shown(visit, ".latent.beside"), 1) == frame // 2
    last = int(visit.page.locator(".seek").get_attribute("max"))
    seek(visit, last - 3)
    visit.page.get_by_role("button", name="Play").click()
    ended = visit.page.locator(f'.player[data-frame="{last}"] .play[aria-label="Play"]')
    expect(ended).to_be_visible(timeout=SLOW)
    expect_repeated(visit, 16)


@pytest.mark.long
def test_a_window_that_ends_with_its_video_is_repeated(visit: Visit, store: Store) -> None:
    open_player(visit, store, "overlap.mp4")
    assert visit.page.locator(".player").get_attribute("data-mode") == "video"
    expect_repeated(visit, 24)


@pytest.mark.long
def test_a_file_that_the_browser_turns_down_is_replaced_by_pictures_unasked(
    visit: Visit, store: Store
) -> None:
    answer = {"status": 200, "content_type": "video/mp4", "body": b"no video at all" * 100}
    visit.page.route("**/source/*", lambda route: route.fulfill(**answer))
    open_player(visit, store, "plays.mp4")
    expect(
        visit.page.get_by_role("status").filter(has_text="this browser cannot play the file")
    ).to_be_visible(timeout=SLOW)
    seek(visit, 18)
    expect(visit.page.locator('.picture[data-slice="1"]')).to_be_visible(timeout=SLOW)
    assert number(shown(visit, ".picture")) == 18


@pytest.mark.long
def test_the_corpus_page_leads_to_the_player_where_of_overlapping_windows_one_is_chosen_and_kept(
    visit: Visit, store: Store
) -> None:
    """The windows of the grid alone stand on one timeline; the one that only a pair needs is a choice of its own."""
    every = clips(store, "overlap.mp4")
    (partner,) = clips(store, "overlap.mp4", "partner")
    assert [clip["first_frame"] for clip in every] == [0, 8, 16, 24] and partner[
        "first_frame"
    ] == 10
    visit.open(f"?video={video(store, 'overlap.mp4')}", "What is in the store?")
    visit.page.get_by_text("Open in player").click()
    visit.expect_heading(HEADING)
    expect(visit.page.locator(".player .note")).to_contain_text("Window 1 of 4", timeout=SLOW)
    expected_at = {9: 0, 18: 2, 23: 2, 31: 2, 32: 3, 10: 1}
    for frame, expected in (*expected_at.items(), (18, 1), (23, 1), (24, 3), (7, 0)):
        seek(visit, frame)
        assert (
            visit.page.locator(".player").get_attribute("data-clip") == every[expected]["clip_id"]
        ), frame
        assert (
            int(visit.page.locator(".player").get_attribute("data-slice"))
            == (frame - every[expected]["first_frame"]) // 2
        )
    visit.page.get_by_role("combobox", name="Windows").click()
    visit.page.get_by_role("option", name="1 clip for pairs of windows").click()
    expect(
        visit.page.locator(f'.player[data-clip="{partner["clip_id"]}"][data-frame="10"]')
    ).to_be_visible(timeout=SLOW)
    visit.expect_text("16 frames encoded only for pairs of windows")
    visit.expect_in_url(f"clip={partner['clip_id']}&slice=0")
    assert visit.page.locator(".player").get_attribute("data-mode") == "video", (
        "the file stays open"
    )


@pytest.mark.long
def test_a_click_takes_exactly_the_patch_under_it(playing: Visit) -> None:
    """In windows of other sizes, on screens of other densities, and at the first again."""
    visit = playing
    seek(visit, 6)
    screen = visit.page.context.new_cdp_session(visit.page)
    for width, height, ratio in ((1280, 800, 1), (800, 900, 2), (1501, 987, 1.25)):
        metrics = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": False}
        screen.send("Emulation.setDeviceMetricsOverride", metrics)
        assert visit.page.evaluate("[innerWidth, devicePixelRatio]") == [width, ratio]
        visit.settle()
        for where, y, x, offset in (
            (".grid", 0, 0, 0.1),
            (".grid", 5, 5, 0.9),
            (".seen", 1, 3, 0.1),
            (".seen", 4, 0, 0.9),
        ):
            visit.page.mouse.click(*within(visit, where, y + offset, x + offset))
            visit.expect_in_url(rf"patches=\w+-3\.{y}\.{x}(&|$)")
            expect(
                visit.page.get_by_role("heading", name=f"Patch ({y}, {x}) of slice 3")
            ).to_be_visible(timeout=SLOW)
            visit.settle()
    screen.send("Emulation.clearDeviceMetricsOverride")
    screen.detach()
    for height in (801, 800):  # what it believes to be the size already is not set
        visit.page.set_viewport_size({"width": 1280, "height": height})


def middle_pixel(visit: Visit, locator) -> list[int]:
    image = Image.open(io.BytesIO(locator.screenshot())).convert("RGB")
    return list(image.getpixel((image.width // 2, image.height // 2)))


def test_dragging_takes_every_patch_on_its_way_and_shift_adds_one(playing: Visit) -> None:
    visit = playing
    drag(visit, (1, 1), (1, 3))
    visit.expect_in_url(r"patches=\w+-0\.1\.1%2C0\.1\.2%2C0\.1\.3(&|$)")
    visit.page.keyboard.down("Shift")
    click(visit, 4, 4)
    visit.page.keyboard.up("Shift")
    visit.expect_in_url(r"0\.1\.3%2C0\.4\.4(&|$)")
    expect(visit.page.get_by_role("heading", name="4 patches")).to_be_visible(timeout=SLOW)
    visit.settle()
    visit.page.locator(".player").press("Escape")
    expect(visit.page.get_by_role("heading", name="4 patches")).to_have_count(0, timeout=SLOW)


@pytest.mark.long
def test_a_marked_patch_is_followed_on_the_player_and_in_a_table(
    visit: Visit, store: Store
) -> None:
    """The red corner is marked, its picture is cut from there, it is where it was in every slice, and nothing else is like it."""
    clip = clips(store, "plays.mp4")[0]
    open_player(visit, store, "plays.mp4", f"&slice=2&patches={clip['clip_id']}-2.0.0")
    grid, mark = (
        visit.page.locator(".grid").bounding_box(),
        visit.page.locator(".grid .marks .line").bounding_box(),
    )
    assert (mark["x"], mark["y"]) == pytest.approx((grid["x"], grid["y"]), abs=2)
    assert mark["width"] == pytest.approx(grid["width"] / PATCHES, abs=3)
    expect(visit.page.get_by_role("img", name="The patch")).to_be_visible(timeout=SLOW)
    pixel = middle_pixel(visit, visit.page.get_by_role("img", name="The patch"))
    assert pixel[0] > 170 and max(pixel[1:3]) < 90, "patch (0, 0) is red"
    expect(visit.page.locator(".player")).to_have_attribute("data-over", "heat", timeout=SLOW)
    for frame in (4, 12, 20):
        seek(visit, frame)
        expect(
            visit.page.locator(f'.latent.over[data-slice="{frame % WINDOW // 2}"]')
        ).to_be_visible(timeout=SLOW)
        expect(visit.page.locator(".player .note")).to_contain_text(
            "Best match in this slice: cosine 1.00", timeout=SLOW
        )
        alpha = visit.page.locator(".latent.over").evaluate(
            "c => Array.from(c.getContext('2d').getImageData(0, 0, 6, 6).data).filter((_, i) => i % 4 === 3)"
        )
        assert alpha[0] > 200 and np.median(alpha) < 60 and max(alpha[1:]) < alpha[0]
        expect(visit.page.locator(".grid .best")).to_be_visible(timeout=SLOW)
        assert visit.page.locator(".grid").evaluate(BEST) == pytest.approx((0, 0), abs=3)
    visit.expect_text("Found in 8 of 8 slices")
    lines = visit.download("CSV", "link").read_text().splitlines()
    assert len(lines) == 17 and f'"{clip["clip_id"]}"' in lines[1]


@pytest.mark.long
def test_what_is_shown_is_saved_as_png_and_the_colors_as_an_array(
    playing: Visit, store: Store
) -> None:
    visit = playing
    seek(visit, 10)
    expect(visit.page.locator('.latent.beside[data-slice="5"]')).to_be_visible(timeout=SLOW)
    visit.expect_in_url("slice=5")
    image = np.asarray(Image.open(visit.download("Save as PNG")).convert("RGB"))
    assert image.shape == (128, 192 + 8 + 128, 3)
    assert number_in(image[:, LEFT : LEFT + HEIGHT]) == 10, "the frame"
    assert number_in(image[:, WIDTH + 8 :], 1) == 5, "and its tokens beside it"
    saved = np.load(visit.download("Colors .npy", "link"))
    clip = clips(store, "plays.mp4")[0]
    basis = colorings.fit_basis(store, clip["encoder_id"], Coloring("dimensions", "0.1.2"))
    assert np.array_equal(saved, colorings.color_clip(store, clip["clip_id"], basis))


@pytest.mark.long
def test_a_search_finds_the_same_patch_in_other_videos_and_leads_there(
    visit: Visit, store: Store
) -> None:
    clip = clips(store, "plays.mp4")[0]
    open_player(visit, store, "plays.mp4", f"&search-corpus=true&patches={clip['clip_id']}-0.0.0")
    visit.expect_text("Top 12 most similar patches, from 4 videos")
    visit.expect_text("Exact: all")
    visit.settle()
    visit.page.get_by_role("button", name="Show patch").nth(11).click()
    visit.expect_in_url(r"hit=\w+-\d\.0\.0")
    visit.expect_in_url(f"patches={clip['clip_id']}-0.0.0")
    visit.settle()
    expect(visit.page.get_by_role("button", name="Show patch")).to_have_count(12, timeout=SLOW)
    expect(visit.page.locator(".player canvas").first).to_be_in_viewport(timeout=SLOW)
    expect(visit.page.get_by_role("button", name="Show patch").nth(11)).to_be_in_viewport(
        timeout=SLOW
    )
    visit.page.go_back()
    visit.expect_in_url(f"video={clip['video_id']}.*patches={clip['clip_id']}-0.0.0(&|$)")
    expect(
        visit.page.locator(f'.player[data-clip="{clip["clip_id"]}"][data-slice="0"]')
    ).to_be_visible(timeout=SLOW)
    expect(visit.page).not_to_have_url(re.compile("hit="), timeout=SLOW)
    visit.page.set_viewport_size({"width": 800, "height": 900})
    visit.settle()
    last = visit.page.get_by_role("button", name="Show patch").nth(11)
    last.scroll_into_view_if_needed()
    last.click()
    visit.expect_in_url("hit=")
    visit.settle()
    expect(visit.page.locator(".player canvas").first).to_be_in_viewport(timeout=SLOW)
    expect(last).to_be_in_viewport(timeout=SLOW)


@pytest.mark.long
def test_where_the_player_comes_to_rest_is_in_the_url_and_scrubbing_a_window_fetches_nothing(
    playing: Visit, store: Store
) -> None:
    visit = playing
    seek(visit, 37)
    visit.expect_in_url(f"clip={clips(store, 'plays.mp4')[2]['clip_id']}.*slice=2")
    visit.page.reload()
    expect(visit.page.locator('.player[data-slice="2"][data-frame="36"]')).to_be_visible(
        timeout=SLOW
    )
    seek(visit, 0)
    expect(visit.page.locator('.latent.beside[data-slice="0"]')).to_be_visible(timeout=SLOW)
    visit.settle()
    visit.page.wait_for_load_state("networkidle")
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    for frame in (3, 8, 14, 1):
        seek(visit, frame)
        assert json.loads(visit.page.locator(".player").get_attribute("data-frame")) == frame
    assert [url for url in asked if "/colors/" in url or "/pictures/" in url] == []
