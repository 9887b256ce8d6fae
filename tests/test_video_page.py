"""The Video page in a real browser: the slice is that of the shown frame, a click takes the patch under it, the address restores it all.

To load a page takes seconds, so tests that lead nowhere share one that is open (`playing`), and each begins at its first frame.
"""

import io
import itertools
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dashboard import channels, colours
from dashboard.colours import Colouring
from dashboard.latent_caching import OfSample
from ingest.job import Job
from latent import query, questions, sample, search
from latent.clips import opened as opened_clip
from latent.clips import with_embeddings
from latent.hits import Ranking
from store import Store, clip_queries
from tests.browsing import BROWSER, SLOW, Visit, sync_api, visiting
from tests.numbered import LEFT, PATCHES, PLACES, READ_NUMBER, SIDE, WIDTH, numbered_video

pytestmark = BROWSER
FRAMES, WINDOW, FPS = 83, 16, 25  # five whole windows, and three frames that none covers
HEADING = "What does the encoder see in this video?"
SEEN = [LEFT / WIDTH, 0, 128 / WIDTH, 1]  # left, top, width, height of what the encoder saw, as shares of the frame
WHOLE = [0, 0, 1, 1]
BEST = """grid => {
  const [outer, inner] = [grid, grid.querySelector('.best')].map(element => element.getBoundingClientRect())
  return [inner.x - outer.x, inner.y - outer.y]
}"""
DRAWN = """(canvas, colours) => new Promise(done => {
  const deadline = performance.now() + 20000
  const look = () => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, 6, 6)
    const drawn = colours.every((level, i) => data[Math.floor(i / 3) * 4 + i % 3] === level)
    drawn || performance.now() > deadline ? done(drawn) : requestAnimationFrame(look)
  }
  look()
})"""
expect = sync_api.expect if sync_api else None


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A numbered video that browsers play, one that they do not, one that moved away, and one with overlapping windows and a pair."""
    folder = tmp_path_factory.mktemp("video-page")
    numbered_video(folder / "videos" / "plays.mp4", FRAMES)
    numbered_video(folder / "videos" / "silent-film.mpg", 40, "mpeg1video")
    numbered_video(folder / "videos" / "moved.mp4", 33)
    numbered_video(folder / "overlap" / "overlap.mp4", 41)
    ingest(folder / "videos", folder / "store")
    ingest(folder / "overlap", folder / "store", hop=8, pairs="1")
    (folder / "videos" / "moved.mp4").rename(folder / "elsewhere.mp4")
    made = Store(folder / "store")
    yield made
    made.close()


@pytest.fixture(scope="module")
def opened(browser, server: str, store: Store) -> Iterator[Visit]:
    with visiting(browser, server) as visitor:
        open_player(visitor, store, "plays.mp4")
        yield visitor


@pytest.fixture
def playing(opened: Visit) -> Visit:
    """The open page of `plays.mp4`, at its first frame, nothing marked, colours beside the video."""
    opened.page.locator(".player").press("Escape")
    opened.page.locator("select.view").select_option("beside")
    seek(opened, 0)
    expect(opened.page.get_by_role("heading", name="Patch (")).to_have_count(0, timeout=SLOW)
    opened.settle()
    return opened


def ingest(folder: Path, root: Path, **arguments: int | str) -> None:
    job = Job.of(paths=[str(folder)], encoder="toy", size=str(SIDE), frames=WINDOW, **{"pairs": "0", **arguments})
    assert not job.run(str(root)).execute(job.sources).failures


def video(store: Store, name: str) -> str:
    return store.rows("SELECT video_id FROM videos WHERE name = ?", [name])[0]["video_id"]


def clips(store: Store, name: str, role: str = "grid") -> list[dict]:
    return store.rows("SELECT c.* FROM clips c JOIN videos USING (video_id) WHERE name = ? AND role = ? ORDER BY first_frame", [name, role])


def open_player(visit: Visit, store: Store, name: str, more: str = "") -> None:
    colours = "" if "colour=" in more else "&colour=three+dimensions"
    visit.open(f"video?video={video(store, name)}{colours}{more}", HEADING)
    expect(visit.page.locator(".player")).not_to_have_attribute("data-mode", "loading", timeout=SLOW)
    expect(visit.page.locator(".latent.beside[data-clip]")).to_be_visible(timeout=SLOW)


def shown(visit: Visit, selector: str, part: list[float] = WHOLE) -> list[float]:
    """The level of every bit in what an element shows, 0 to 1."""
    return visit.page.locator(selector).evaluate(READ_NUMBER, part)


def number(levels: list[float], first_bit: int = 0) -> int:
    """The number that the levels show, from a bit on."""
    assert all(level < 0.35 or level > 0.65 for level in levels[first_bit:]), levels
    return sum((level > 0.5) << bit for bit, level in enumerate(levels[first_bit:]))


def seek(visit: Visit, frame: int) -> None:
    visit.page.locator(".seek").evaluate("(input, frame) => { input.value = frame; input.dispatchEvent(new Event('input')) }", frame)
    expect(visit.page.locator(f'.player[data-frame="{frame}"]')).to_be_visible(timeout=SLOW)


@pytest.mark.parametrize("view", ["beside", "over"])
def test_the_colours_are_those_of_the_frame_that_the_video_shows(playing: Visit, store: Store, view: str) -> None:
    """Frames say their number in their own pixels, and tokens in theirs: a slice of two frames shows the number's upper bits."""
    visit = playing
    assert visit.page.locator(".player").get_attribute("data-mode") == "video"
    visit.page.locator("select.view").select_option(view)
    for frame in (0, 1, 15, 16, 33, 62, 79):
        seek(visit, frame)
        assert number(shown(visit, "video", SEEN)) == frame
        expect(visit.page.locator(f'.latent.{view}[data-slice="{frame % WINDOW // 2}"]')).to_be_visible(timeout=SLOW)
        assert number(shown(visit, f".latent.{view}"), 1) == frame // 2
        assert clips(store, "plays.mp4")[frame // WINDOW]["clip_id"] == visit.page.locator(".player").get_attribute("data-clip")


def test_frames_that_no_window_covers_have_no_colours_and_the_page_says_so(playing: Visit) -> None:
    visit = playing
    seek(visit, FRAMES - 1)
    assert number(shown(visit, "video", SEEN)) == FRAMES - 1
    expect(visit.page.locator(".place")).to_contain_text("no window covers this frame", timeout=SLOW)
    assert shown(visit, ".latent.beside") == [0] * 8


def test_while_it_plays_the_slice_follows_the_frame(playing: Visit) -> None:
    visit = playing
    seek(visit, 40)
    visit.page.locator(".player").evaluate(
        "(player, seen) => {"
        + f"const read = {READ_NUMBER}"
        + """
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
    expect(visit.page.locator(".player")).to_have_attribute("data-frame", re.compile("^(79|8.)$"), timeout=SLOW)
    pairs = [(number(frame), number(latent, 1)) for frame, latent in visit.page.evaluate("window.pairs") if max(latent) > 0]
    assert len(pairs) > 10
    assert all(abs(frame // 2 - slice_) <= 1 for frame, slice_ in pairs), "the next frame may be presented between the two readings"
    assert np.mean([frame // 2 == slice_ for frame, slice_ in pairs]) > 0.8


def test_steps_go_slice_by_slice_across_windows_by_button_and_by_key(playing: Visit) -> None:
    visit = playing
    for expected in (2, 4):
        visit.page.get_by_role("button", name="One slice on").click()
        expect(visit.page.locator(f'.player[data-frame="{expected}"]')).to_be_visible(timeout=SLOW)
        assert number(shown(visit, "video", SEEN)) == expected
    seek(visit, 14)
    visit.page.locator(".player").press("ArrowRight")
    expect(visit.page.locator('.player[data-frame="16"][data-slice="0"]')).to_be_visible(timeout=SLOW)
    visit.page.locator(".player").press("ArrowLeft")
    expect(visit.page.locator('.player[data-frame="14"][data-slice="7"]')).to_be_visible(timeout=SLOW)


@pytest.mark.parametrize(
    ("name", "why"),
    [("silent-film.mpg", "browsers do not play mpeg1video in mpeg"), ("moved.mp4", "the source file is gone or was moved")],
)
def test_slice_pictures_stand_in_for_what_cannot_be_played_and_the_page_says_why(visit: Visit, store: Store, name: str, why: str) -> None:
    open_player(visit, store, name)
    expect(visit.page.get_by_role("status").filter(has_text=why)).to_be_visible(timeout=SLOW)
    for frame in (0, 5, 16, 31):
        seek(visit, frame)
        expect(visit.page.locator(f'.picture[data-slice="{frame % WINDOW // 2}"]')).to_be_visible(timeout=SLOW)
        assert number(shown(visit, ".picture")) == frame // 2 * 2, "a slice's picture is its first frame"
        assert number(shown(visit, ".latent.beside"), 1) == frame // 2
    visit.page.get_by_label("Repeat the window").check()
    visit.page.get_by_role("button", name="Play").click()
    visit.page.get_by_role("button", name="Pause").click()


def test_a_file_that_the_browser_turns_down_is_replaced_by_pictures_unasked(visit: Visit, store: Store) -> None:
    visit.page.route("**/source/*", lambda route: route.fulfill(status=200, content_type="video/mp4", body=b"no video at all" * 100))
    open_player(visit, store, "plays.mp4")
    expect(visit.page.get_by_role("status").filter(has_text="this browser cannot play the file")).to_be_visible(timeout=SLOW)
    seek(visit, 18)
    expect(visit.page.locator('.picture[data-slice="1"]')).to_be_visible(timeout=SLOW)
    assert number(shown(visit, ".picture")) == 18


def test_the_corpus_page_leads_to_the_player_where_of_overlapping_windows_one_is_chosen_and_kept(visit: Visit, store: Store) -> None:
    """The windows of the grid alone stand on one timeline; the one that only a pair needs is a choice of its own."""
    every = clips(store, "overlap.mp4")
    (partner,) = clips(store, "overlap.mp4", "partner")
    assert [clip["first_frame"] for clip in every] == [0, 8, 16, 24] and partner["first_frame"] == 10
    visit.open(f"?video={video(store, 'overlap.mp4')}", "What is in the store?")
    visit.page.get_by_text("Open in the player").click()
    visit.expect_heading(HEADING)
    expect(visit.page.locator(".player .note")).to_contain_text("Window 1 of 4", timeout=SLOW)
    for frame, expected in ((9, 0), (18, 2), (23, 2), (31, 2), (32, 3), (10, 1), (18, 1), (23, 1), (24, 3), (7, 0)):
        seek(visit, frame)
        assert visit.page.locator(".player").get_attribute("data-clip") == every[expected]["clip_id"], frame
        assert int(visit.page.locator(".player").get_attribute("data-slice")) == (frame - every[expected]["first_frame"]) // 2
    visit.page.get_by_role("combobox", name="Cut into").click()
    visit.page.get_by_role("option", name="1 clip for pairs of windows").click()
    expect(visit.page.locator(f'.player[data-clip="{partner["clip_id"]}"][data-frame="10"]')).to_be_visible(timeout=SLOW)
    visit.expect_text("16 frames that only pairs of windows need")
    visit.expect_in_url(f"clip={partner['clip_id']}&slice=0")
    assert visit.page.locator(".player").get_attribute("data-mode") == "video", "the file stays open"


def test_the_windows_page_leads_to_both_windows_in_the_player(visit: Visit, store: Store) -> None:
    (partner,) = clips(store, "overlap.mp4", "partner")
    visit.open(f"windows?video={video(store, 'overlap.mp4')}", "What changes when the window shifts?")
    expect(visit.page.get_by_role("link", name="Window A in the player")).to_be_visible(timeout=SLOW)
    visit.page.get_by_role("link", name="Window B in the player").click()
    visit.expect_heading(HEADING)
    expect(visit.page.locator(f'.player[data-clip="{partner["clip_id"]}"]')).to_be_visible(timeout=SLOW)


@pytest.mark.parametrize(("size", "ratio"), [((1280, 800), 1), ((800, 900), 2), ((1501, 987), 1.25)])
def test_a_click_takes_exactly_the_patch_under_it(browser, server: str, store: Store, size: tuple[int, int], ratio: float) -> None:
    with visiting(browser, server, size, ratio) as visit:
        open_player(visit, store, "plays.mp4", "&slice=3")
        for where, y, x, offset in (
            (".grid", 0, 0, 0.1),
            (".grid", 5, 5, 0.9),
            (".seen", 1, 3, 0.1),
            (".seen", 4, 0, 0.9),
        ):
            box = visit.page.locator(where).bounding_box()
            visit.page.mouse.click(box["x"] + (x + offset) * box["width"] / PATCHES, box["y"] + (y + offset) * box["height"] / PATCHES)
            visit.expect_in_url(rf"patches=\w+-3\.{y}\.{x}(&|$)")
            expect(visit.page.get_by_role("heading", name=f"Patch ({y}, {x}) of slice 4")).to_be_visible(timeout=SLOW)
            visit.settle()


def middle_pixel(visit: Visit, locator) -> list[int]:
    image = Image.open(io.BytesIO(locator.screenshot())).convert("RGB")
    return list(image.getpixel((image.width // 2, image.height // 2)))


def test_dragging_takes_every_patch_on_its_way_and_shift_adds_one(playing: Visit) -> None:
    visit = playing
    box = visit.page.locator(".grid").bounding_box()
    at = lambda y, x: (box["x"] + (x + 0.5) * box["width"] / PATCHES, box["y"] + (y + 0.5) * box["height"] / PATCHES)  # noqa: E731
    visit.page.mouse.move(*at(1, 1))
    visit.page.mouse.down()
    visit.page.mouse.move(*at(1, 3), steps=10)
    visit.page.mouse.up()
    visit.expect_in_url(r"patches=\w+-0\.1\.1%2C0\.1\.2%2C0\.1\.3(&|$)")
    visit.settle()
    visit.page.keyboard.down("Shift")
    visit.page.mouse.click(*at(4, 4))
    visit.page.keyboard.up("Shift")
    visit.expect_in_url(r"0\.1\.3%2C0\.4\.4(&|$)")
    expect(visit.page.get_by_role("heading", name="4 patches")).to_be_visible(timeout=SLOW)
    visit.settle()
    visit.page.locator(".player").press("Escape")
    expect(visit.page.get_by_role("heading", name="4 patches")).to_have_count(0, timeout=SLOW)


def test_a_marked_patch_is_followed_on_the_player_and_in_a_table(visit: Visit, store: Store) -> None:
    """The red corner is marked, its picture is cut from there, it is where it was in every slice, and nothing else is like it."""
    clip = clips(store, "plays.mp4")[0]
    open_player(visit, store, "plays.mp4", f"&slice=2&patches={clip['clip_id']}-2.0.0")
    grid, mark = visit.page.locator(".grid").bounding_box(), visit.page.locator(".grid .marks .line").bounding_box()
    assert (mark["x"], mark["y"]) == pytest.approx((grid["x"], grid["y"]), abs=2)
    assert mark["width"] == pytest.approx(grid["width"] / PATCHES, abs=3)
    expect(visit.page.get_by_role("img", name="The patch")).to_be_visible(timeout=SLOW)
    pixel = middle_pixel(visit, visit.page.get_by_role("img", name="The patch"))
    assert pixel[0] > 170 and max(pixel[1:3]) < 90, "patch (0, 0) is red"
    expect(visit.page.locator(".player")).to_have_attribute("data-over", "heat", timeout=SLOW)
    for frame in (4, 12, 20):
        seek(visit, frame)
        expect(visit.page.locator(f'.latent.over[data-slice="{frame % WINDOW // 2}"]')).to_be_visible(timeout=SLOW)
        expect(visit.page.locator(".player .note")).to_contain_text("Best match in this slice: cosine 1.00", timeout=SLOW)
        alpha = visit.page.locator(".latent.over").evaluate(
            "c => Array.from(c.getContext('2d').getImageData(0, 0, 6, 6).data).filter((_, i) => i % 4 === 3)"
        )
        assert alpha[0] > 200 and np.median(alpha) < 60 and max(alpha[1:]) < alpha[0]
        expect(visit.page.locator(".grid .best")).to_be_visible(timeout=SLOW)
        assert visit.page.locator(".grid").evaluate(BEST) == pytest.approx((0, 0), abs=3)
    visit.expect_text("Found in 8 of 8 slices")
    lines = visit.download("CSV", "link").read_text().splitlines()
    assert len(lines) == 9 and lines[1].replace('"', "").startswith(f"{clip['clip_id']},0,0,0,")


def test_the_map_shows_every_token_and_leads_to_its_patch(visit: Visit, store: Store) -> None:
    """Slice, row and column as axes: the corner of the cube is the red patch of the first slice, and a click on it is known beforehand."""
    clip = clips(store, "plays.mp4")[0]
    axes = "&map-x=patch+column&map-y=patch+row&map-z=slice&map-red=all+alike&map-green=slice&map-blue=all+alike"
    open_player(visit, store, "plays.mp4", f"&map=true{axes}&patches={clip['clip_id']}-0.5.5")
    cloud = visit.page.locator(".cloud")
    expect(cloud).to_have_attribute("data-drawn", str(8 * PATCHES * PATCHES), timeout=SLOW)
    canvas = cloud.locator("canvas")
    canvas.scroll_into_view_if_needed()
    lit = canvas.evaluate("""canvas => {
      const copy = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height })
      copy.getContext('2d').drawImage(canvas, 0, 0)
      const { data } = copy.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      let bright = 0, rings = 0
      for (let i = 0; i < data.length; i += 4) { bright += data[i] > 120 && data[i + 2] > 120; rings += Math.min(data[i], data[i + 1], data[i + 2]) > 240 }
      return [bright, rings]
    }""")
    assert lit[0] > 1000 and lit[1] > 20, "points are drawn, and a ring around the marked one"
    turned_by_dragging_and_nothing_taken(visit, canvas)
    box = canvas.bounding_box()
    for fx, fy in ((0.5, 0.5), (0.45, 0.4), (0.55, 0.55), (0.6, 0.45)):
        visit.page.mouse.move(box["x"] + fx * box["width"], box["y"] + fy * box["height"])
        if hovered := cloud.get_attribute("data-hover"):
            break
    assert hovered and hovered.count(".") == 2
    slice_, y, x = hovered.split(".")
    expect(cloud.get_by_role("tooltip")).to_contain_text(f"slice {int(slice_) + 1}, patch ({y}, {x})", timeout=SLOW)
    visit.page.mouse.down()
    visit.page.mouse.up()
    visit.expect_in_url(rf"patches={clip['clip_id']}-{slice_}\.{y}\.{x}(&|$)")
    expect(visit.page.locator(f'.player[data-slice="{slice_}"]')).to_be_visible(timeout=SLOW)
    expect(visit.page.get_by_role("heading", name=f"Patch ({y}, {x}) of slice {int(slice_) + 1}")).to_be_visible(timeout=SLOW)


def test_the_map_of_the_corpus_leads_to_the_video_of_a_point(visit: Visit, store: Store) -> None:
    """Videos apart along one axis: a point of another video says so, and a click on it leads there."""
    axes = "&map-x=patch+column&map-y=patch+row&map-z=video&map-red=video&map-green=all+alike&map-blue=slice"
    open_player(visit, store, "plays.mp4", f"&map=true&map-of=the+corpus&alike=true{axes}")
    visit.expect_text("3 videos most like this window")
    cloud = visit.page.locator(".cloud")
    (sampled,) = store.rows("SELECT count(*) AS n FROM token_samples")
    expect(cloud).to_have_attribute("data-drawn", str(sampled["n"]), timeout=SLOW)
    names = {row["name"]: row["video_id"] for row in store.rows("FROM videos WHERE name <> 'plays.mp4'")}
    tip = cloud.get_by_role("tooltip").filter(has_text=re.compile("|".join(map(re.escape, names))))
    said, at = pointed_at(visit, cloud, tip)
    found = re.match(r"(.+), ([\d.]+) s: slice (\d+), patch \((\d+), (\d+)\)", said)
    name, slice_, y, x = found[1], *map(int, found.groups()[2:])
    (clip,) = [c for c in clips(store, name) + clips(store, name, "partner") if f"{c['start_s'] + (slice_ - 1) * 0.08:.2f}" == found[2]]
    assert np.abs(drawn_at(cloud, store, clip, (slice_ - 1, y, x)) - at).max() < 10, "the point that was pointed at, in pixels"
    visit.page.mouse.down()
    visit.page.mouse.up()
    visit.expect_in_url(rf"video={names[name]}.*patches=\w+-{slice_ - 1}\.{y}\.{x}(&|$)")
    expect(visit.page.get_by_role("heading", name=f"Patch ({y}, {x}) of slice {slice_}")).to_be_visible(timeout=SLOW)
    visit.expect_text(f"{name},")
    expect(cloud).to_have_attribute("data-drawn", str(sampled["n"]), timeout=SLOW)


def pointed_at(visit: Visit, cloud, tip) -> tuple[str, np.ndarray]:
    """Move over the map until the tooltip is a certain one; what it says, and where that is on the canvas."""
    canvas = cloud.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for across, down in itertools.product(np.arange(0.35, 0.65, 0.03), np.arange(0.25, 0.75, 0.05)):
        at = np.array([across * box["width"], down * box["height"]])
        visit.page.mouse.move(*(at + [box["x"], box["y"]]))
        visit.page.wait_for_load_state("networkidle")
        try:
            tip.wait_for(timeout=300)
            return tip.inner_text(), at
        except sync_api.TimeoutError:
            continue
    raise AssertionError("no point of another video was found")


def drawn_at(cloud, store: Store, clip: dict, patch: tuple[int, int, int]) -> np.ndarray:
    """Where on the canvas a sampled token is, from its column, row and video as axes and the camera at rest."""
    drawn, basis = sample.drawn(store, clip["encoder_id"]), colours.basis(store, clip["encoder_id"], Colouring("dimensions", "0.1.2"))
    points = channels.points(OfSample(store, drawn), basis, ("patch column", "patch row", "video", *["slice"] * 4))
    place = np.frombuffer(points, [("place", "<f4", 3), ("colour", "u1", 4)])["place"][drawn.numbers(clip["clip_id"], [patch])[0]]
    (sin_a, sin_b), (cos_a, cos_b) = np.sin([0.5, 0.35]), np.cos([0.5, 0.35])
    turned = np.array([[cos_a, 0, sin_a], [sin_a * sin_b, cos_b, -cos_a * sin_b], [-sin_a * cos_b, sin_b, cos_a * cos_b]]) @ place
    box = cloud.locator("canvas").bounding_box()
    seen = 1.6 * turned[:2] / (2.6 - turned[2]) * box["height"] / 2
    return np.array([box["width"] / 2 + seen[0], box["height"] / 2 - seen[1]])


def turned_by_dragging_and_nothing_taken(visit: Visit, canvas) -> None:
    marked, before, box = re.search(r"patches=[^&]+", visit.page.url)[0], canvas.screenshot(), canvas.bounding_box()
    visit.page.mouse.move(box["x"] + 300, box["y"] + 200)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + 450, box["y"] + 260, steps=5)
    visit.page.mouse.up()
    assert canvas.screenshot() != before
    visit.settle()
    assert marked in visit.page.url


def test_what_is_shown_is_saved_as_png_and_the_colours_as_an_array(playing: Visit, store: Store) -> None:
    visit = playing
    seek(visit, 10)
    image = np.asarray(Image.open(visit.download("Save as PNG")).convert("RGB"))
    assert image.shape == (128, 192 + 8 + 128, 3)
    levels = [image[round((y + 0.5) * 128 / PATCHES), LEFT + round((x + 0.5) * 128 / PATCHES), 1] / 255 for y, x in PLACES]
    assert number(levels) == 10, "the frame"
    levels = [image[round((y + 0.5) * 128 / PATCHES), 200 + round((x + 0.5) * 128 / PATCHES), 1] / 255 for y, x in PLACES]
    assert number(levels, 1) == 5, "and its tokens beside it"
    visit.expect_in_url("slice=5")
    saved = np.load(visit.download("Colours .npy", "link"))
    clip = clips(store, "plays.mp4")[0]
    basis = colours.basis(store, clip["encoder_id"], Colouring("dimensions", "0.1.2"))
    assert np.array_equal(saved, colours.of_clip(store, clip["clip_id"], basis))


def test_a_search_finds_the_same_patch_in_other_videos_and_leads_there(visit: Visit, store: Store) -> None:
    clip = clips(store, "plays.mp4")[0]
    open_player(visit, store, "plays.mp4", f"&search=true&patches={clip['clip_id']}-0.0.0")
    visit.expect_text("12 patches most like it, from 4 videos")
    visit.expect_text("Exact: all")
    visit.page.get_by_role("button", name="Show").nth(11).click()
    visit.expect_in_url(r"patches=\w+-\d\.0\.0(&|$)")
    visit.settle()
    expect(visit.page.locator(".player .note")).to_contain_text("Best match in this slice: cosine", timeout=SLOW)


def test_the_url_restores_clip_slice_patches_and_colours(visit: Visit, store: Store) -> None:
    clip = clips(store, "plays.mp4")[3]
    open_player(
        visit,
        store,
        "plays.mp4",
        f"&clip={clip['clip_id']}&slice=5&patches={clip['clip_id']}-5.2.2&colour=three+dimensions&dimensions=3%2C4%2C5",
    )
    expect(visit.page.locator(f'.player[data-clip="{clip["clip_id"]}"][data-slice="5"]')).to_be_visible(timeout=SLOW)
    assert number(shown(visit, "video", SEEN)) == 3 * WINDOW + 10
    visit.page.locator(".player").press("ArrowRight")
    visit.expect_in_url("slice=6")
    visit.settle()
    expect(visit.page.locator(".note")).to_contain_text("Window 4 of 5: frames 48 to 63.", timeout=SLOW)
    expect(visit.page.get_by_role("heading", name="Patch (2, 2) of slice 6")).to_be_visible(timeout=SLOW)
    expect(visit.page.locator(".legend")).to_contain_text("red: dimension 3", timeout=SLOW)


def test_where_the_player_comes_to_rest_is_in_the_url(playing: Visit, store: Store) -> None:
    visit = playing
    seek(visit, 37)
    visit.expect_in_url(f"clip={clips(store, 'plays.mp4')[2]['clip_id']}.*slice=2")
    visit.page.reload()
    expect(visit.page.locator('.player[data-slice="2"][data-frame="36"]')).to_be_visible(timeout=SLOW)


def test_windows_that_only_pairs_need_stand_on_no_other_timeline_and_in_no_search(store: Store) -> None:
    grid, (partner,) = clips(store, "overlap.mp4"), clips(store, "overlap.mp4", "partner")
    ids = [clip["clip_id"] for clip in grid]
    on_one = lambda clip: [row["clip_id"] for row in clip_queries.timeline(clip).answer(store).to_pylist()]  # noqa: E731
    assert on_one(grid[2]) == ids and on_one(partner) == [partner["clip_id"]]
    cuts = clip_queries.timelines(partner["video_id"], partner["encoder_id"]).answer(store).to_pylist()
    assert [(cut["role"], cut["clips"], cut["first_clip"]) for cut in cuts] == [("grid", 4, ids[0]), ("partner", 1, partner["clip_id"])]
    searched = with_embeddings(store, partner["encoder_id"], [partner["video_id"]])
    assert sorted(row.clip_id for row in searched) == sorted(ids)
    ranking = Ranking(400)
    by_sql = questions.search(partner["clip_id"], [(0, 0, 0)], partner["encoder_id"], ranking).answer(store)
    exact = search.exact(store, query.asked(opened_clip(store, partner["clip_id"]), [(0, 0, 0)]), ranking)
    assert np.allclose(by_sql["score"].to_numpy(), [hit.scores[0] for hit in exact], atol=1e-5)
    assert partner["clip_id"] not in by_sql["clip_id"].to_pylist()
    alike = questions.similar_clips(partner["encoder_id"], partner["clip_id"]).answer(store)["clip_id"].to_pylist()
    assert set(ids) < set(alike) and partner["clip_id"] not in alike
    assert partner["clip_id"] not in questions.similar_clips(partner["encoder_id"], ids[1]).answer(store)["clip_id"].to_pylist()


def fetched(server: str, path: str, **headers: str) -> tuple[int, bytes, dict]:
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{server}/{path}", headers=headers), timeout=30) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def test_source_files_are_served_in_ranges_and_only_as_they_were_ingested(server: str, store: Store) -> None:
    path = Path(store.rows("SELECT path FROM videos WHERE name = 'plays.mp4'")[0]["path"])
    address = f"source/{video(store, 'plays.mp4')}"
    status, body, headers = fetched(server, address)
    assert (status, body, headers["content-type"]) == (200, path.read_bytes(), "video/mp4")
    assert headers["cross-origin-resource-policy"] == "same-origin"
    status, body, _ = fetched(server, address, Range="bytes=100-199")
    assert (status, body) == (206, path.read_bytes()[100:200])
    stamp = path.stat()
    try:
        path.touch()
        assert fetched(server, address)[:2] == (404, b"the source file has changed since it was ingested")
    finally:
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert fetched(server, address)[0] == 200


@pytest.mark.parametrize("path", ["source/gone", "pictures/gone", "colours/corpus/gone/gone"])
def test_what_the_tables_do_not_name_does_not_exist(server: str, path: str) -> None:
    status, body, _ = fetched(server, path)
    assert status == 404 and b"the store holds no such" in body


@pytest.mark.parametrize("path", ["source/..", "source/%2e%2e%2f%2e%2e", "pictures/..%2Fetc%2Fpasswd"])
def test_paths_lead_nowhere(server: str, path: str) -> None:
    assert fetched(server, path)[0] in (400, 404)


def test_colours_are_fetched_by_colouring_basis_and_clip(server: str, store: Store) -> None:
    clip = clips(store, "plays.mp4")[1]
    basis = colours.basis(store, clip["encoder_id"], Colouring("corpus"))
    status, body, _ = fetched(server, f"colours/corpus/{basis.basis_id}/{clip['clip_id']}")
    assert (status, body) == (200, colours.of_clip(store, clip["clip_id"], basis).tobytes())
    assert len(body) == clip["slices"] * PATCHES * PATCHES * 3
    status, body, _ = fetched(server, f"colours/corpus/0123/{clip['clip_id']}")
    assert status == 404 and b"reload the page" in body


def test_points_of_the_sample_and_where_they_come_from_are_fetched_by_its_id(server: str, store: Store) -> None:
    encoder = clips(store, "plays.mp4")[0]["encoder_id"]
    basis, drawn = colours.basis(store, encoder, Colouring("corpus")), sample.drawn(store, encoder)
    names = tuple(channels.chosen_by_default(basis).values())
    shown = urllib.parse.urlencode({"show": channels.SEPARATOR.join(names)})
    status, body, headers = fetched(server, f"sample/corpus/{basis.basis_id}/{encoder}/{drawn.sample_id}?{shown}", **{"Accept-Encoding": "gzip"})
    assert (status, body) == (200, channels.points(OfSample(store, drawn), basis, names)) and len(body) == 16 * len(drawn)
    assert headers["content-encoding"] == "identity"
    clip_id, patch = drawn.address(70)
    status, body, _ = fetched(server, f"sampled/{encoder}/{drawn.sample_id}/70")
    told = json.loads(body)
    (row,) = store.rows("SELECT name, c.* FROM clips c JOIN videos USING (video_id) WHERE clip_id = ?", [clip_id])
    seconds = row["start_s"] + patch[0] * (row["stop_s"] - row["start_s"]) / row["slices"]
    assert (status, told["id"], tuple(told["patch"]), told["where"]) == (200, clip_id, patch, f"{row['name']}, {seconds:.2f} s: ")
    for path in (f"sample/corpus/{basis.basis_id}/{encoder}/0123?{shown}", f"sample/corpus/0123/{encoder}/{drawn.sample_id}?{shown}", f"sampled/{encoder}/0123/70"):
        assert fetched(server, path)[0] == 404 and b"reload the page" in fetched(server, path)[1]
    assert b"the sample has tokens 0 to" in fetched(server, f"sampled/{encoder}/{drawn.sample_id}/{len(drawn)}")[1]
    assert b"a map shows 7 of" in fetched(server, f"sample/corpus/{basis.basis_id}/{encoder}/{drawn.sample_id}?show=slice")[1]


@pytest.mark.parametrize(
    "colouring", ["dimensions-0.1", "dimensions-0.1.99", "x", "dimensions-0.1.x", "basis-0123", "video-0123", "corpus~loud"]
)
def test_a_colouring_that_cannot_be_is_a_sentence(server: str, store: Store, colouring: str) -> None:
    status, body, _ = fetched(server, f"colours/{colouring}/0123/{clips(store, 'plays.mp4')[0]['clip_id']}")
    assert status == 404 and len(body) > 20 and b"Traceback" not in body


def test_every_source_of_colours_is_drawn(visit: Visit, store: Store) -> None:
    clip = clips(store, "plays.mp4")[0]
    sources = {"the corpus": Colouring("corpus"), "this video": Colouring("video", clip["video_id"]), "this window": Colouring("clip", clip["clip_id"])}
    open_player(visit, store, "plays.mp4", "&colour=components+of+the+corpus")
    for source, colouring in sources.items():
        visit.page.get_by_role("combobox", name="Colours").click()
        visit.page.get_by_role("option", name=f"components of {source}").click()
        visit.expect_text(f"principal components of {'one window' if source == 'this window' else source}")
        expected = colours.of_clip(store, clip["clip_id"], colours.basis(store, clip["encoder_id"], colouring))[0]
        assert visit.page.locator(".latent.beside").evaluate(DRAWN, expected.ravel().tolist()), source
        expect(visit.page.locator(".legend")).to_contain_text("%)", timeout=SLOW)


def test_the_player_fetches_nothing_while_it_scrubs_a_window_it_has(playing: Visit) -> None:
    visit = playing
    visit.page.wait_for_load_state("networkidle")
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    for frame in (3, 8, 14, 1):
        seek(visit, frame)
        assert json.loads(visit.page.locator(".player").get_attribute("data-frame")) == frame
    assert [url for url in asked if "/colours/" in url or "/pictures/" in url] == []
