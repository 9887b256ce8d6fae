"""The player of the Video page, over a store of numbered videos: how tests open it, seek, mark patches, and read what it shows."""

import re
from collections.abc import Iterator

import pytest

from tests.browsing import SLOW, Visit, expect, serving
from tests.numbered import HEIGHT, LEFT, PATCHES, READ_NUMBER, WIDTH, WINDOW, ingest, numbered_video
from tubelet.store import Store

HEADING = "What does the encoder see in this video?"
FRAMES = 83  # of plays.mp4: five whole windows, and three frames that none covers
WHOLE = [0, 0, 1, 1]
SEEN = [
    LEFT / WIDTH,
    0,
    HEIGHT / WIDTH,
    1,
]  # left, top, width, height of what the encoder saw, as shares of the frame


@pytest.fixture(scope="session")
def numbered_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A numbered video that browsers play, one that they do not, one that moved away, and one with overlapping windows and a pair; the last window of these two ends with its video.

    Several modules share it: a test leaves its tables and its videos as they were.
    """
    folder = tmp_path_factory.mktemp("numbered")
    numbered_video(folder / "videos" / "plays.mp4", FRAMES)
    numbered_video(folder / "videos" / "silent-film.mpg", 40, "mpeg1video")
    numbered_video(folder / "videos" / "moved.mp4", 32)
    numbered_video(folder / "overlap" / "overlap.mp4", 40)
    ingest(folder / "videos", folder / "store")
    ingest(folder / "overlap", folder / "store", hop=8, pairs="1")
    (folder / "videos" / "moved.mp4").rename(folder / "elsewhere.mp4")
    made = Store(folder / "store")
    yield made
    made.close()


@pytest.fixture(scope="session")
def numbered_server(numbered_store: Store) -> Iterator[str]:
    """Address of one dashboard for all modules that only look at it."""
    with serving(numbered_store) as address:
        yield address


def video(store: Store, name: str) -> str:
    return store.rows("SELECT video_id FROM videos WHERE name = ?", [name])[0]["video_id"]


def clips(store: Store, name: str, role: str = "grid") -> list[dict]:
    return store.rows(
        "SELECT c.* FROM clips c JOIN videos USING (video_id) WHERE name = ? AND role = ? ORDER BY first_frame",
        [name, role],
    )


def open_player(visit: Visit, store: Store, name: str, more: str = "") -> None:
    colors = "" if "color=" in more else "&color=three+dimensions"
    visit.open(f"video?video={video(store, name)}{colors}{more}", HEADING)
    expect(visit.page.locator(".player")).not_to_have_attribute(
        "data-mode", "loading", timeout=SLOW
    )
    expect(visit.page.locator(".latent.beside[data-clip]")).to_be_visible(timeout=SLOW)


def seek(visit: Visit, frame: int) -> None:
    visit.page.locator(".seek").evaluate(
        "(input, frame) => { input.value = frame; input.dispatchEvent(new Event('input')) }", frame
    )
    expect(visit.page.locator(f'.player[data-frame="{frame}"]')).to_be_visible(timeout=SLOW)


def expect_repeated(visit: Visit, first: int) -> None:
    """After the last frames of a window, its first ones come again."""
    seek(visit, first + WINDOW - 1)
    seek(visit, first + WINDOW - 4)
    visit.page.get_by_label("Repeat the window").check()
    visit.page.get_by_role("button", name="Play").click()
    again = re.compile("|".join(f"^{first + number}$" for number in range(WINDOW // 2)))
    expect(visit.page.locator(".player")).to_have_attribute("data-frame", again, timeout=SLOW)
    visit.page.get_by_role("button", name="Pause").click()


def shown(visit: Visit, selector: str, part: list[float] = WHOLE) -> list[float]:
    """The level of every bit in what an element shows, 0 to 1."""
    return visit.page.locator(selector).evaluate(READ_NUMBER, part)


def within(visit: Visit, where: str, y: float, x: float) -> tuple[float, float]:
    """Pixels of the window at a place on a grid of patches, counted in patches."""
    box = visit.page.locator(where).bounding_box()
    return box["x"] + x * box["width"] / PATCHES, box["y"] + y * box["height"] / PATCHES


def click(visit: Visit, y: int, x: int) -> None:
    visit.settle()
    visit.page.mouse.click(*within(visit, ".grid", y + 0.5, x + 0.5))


def drag(visit: Visit, start: tuple[int, int], stop: tuple[int, int]) -> None:
    visit.settle()
    visit.page.mouse.move(*within(visit, ".grid", start[0] + 0.5, start[1] + 0.5))
    visit.page.mouse.down()
    visit.page.mouse.move(*within(visit, ".grid", stop[0] + 0.5, stop[1] + 0.5), steps=10)
    visit.page.mouse.up()
