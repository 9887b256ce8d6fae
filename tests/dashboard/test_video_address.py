"""The Video page in a real browser, by its address: a link restores it all, the Back button goes a step at a time, and every source of colors is drawn."""

import pytest

from tests.browsing import BROWSER, SLOW, Visit, expect
from tests.numbered import WINDOW, number
from tests.player import (
    SEEN,
    click,
    clips,
    open_player,
    shown,
)
from tubelet.latent import colorings
from tubelet.latent.colorings import Coloring
from tubelet.store import Store

pytestmark = [*BROWSER, pytest.mark.long]
DRAWN = """(canvas, colors) => new Promise(done => {
  const deadline = performance.now() + 20000
  const look = () => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, 6, 6)
    const drawn = colors.every((level, i) => data[Math.floor(i / 3) * 4 + i % 3] === level)
    drawn || performance.now() > deadline ? done(drawn) : requestAnimationFrame(look)
  }
  look()
})"""


@pytest.fixture(scope="module")
def store(numbered_store: Store) -> Store:
    return numbered_store


@pytest.fixture(scope="module")
def server(numbered_server: str) -> str:
    return numbered_server


def test_the_url_restores_clip_slice_patches_and_colors(visit: Visit, store: Store) -> None:
    clip = clips(store, "plays.mp4")[3]
    open_player(
        visit,
        store,
        "plays.mp4",
        f"&clip={clip['clip_id']}&slice=5&patches={clip['clip_id']}-5.2.2&color=three+dimensions&dimensions=3%2C4%2C5",
    )
    expect(
        visit.page.locator(f'.player[data-clip="{clip["clip_id"]}"][data-slice="5"]')
    ).to_be_visible(timeout=SLOW)
    assert number(shown(visit, "video", SEEN)) == 3 * WINDOW + 10
    visit.page.locator(".player").press("ArrowRight")
    visit.expect_in_url("slice=6")
    visit.settle()
    expect(visit.page.locator(".note")).to_contain_text(
        "Window 4 of 5: frames 48–63.", timeout=SLOW
    )
    expect(visit.page.get_by_role("heading", name="Patch (2, 2) of slice 5")).to_be_visible(
        timeout=SLOW
    )
    expect(visit.page.locator(".legend")).to_contain_text("red: dimension 3", timeout=SLOW)


def test_the_back_button_goes_back_a_step_at_a_time_and_the_player_with_it(
    visit: Visit, store: Store
) -> None:
    """At once, as one does who did not mean it; and to open the page is one step."""
    visit.open("", "What is in the store?")
    open_player(visit, store, "plays.mp4")
    began = visit.page.url
    click(visit, 2, 3)
    expect(visit.page.get_by_role("heading", name="Patch (2, 3) of slice 0")).to_be_visible(
        timeout=SLOW
    )
    visit.settle()
    visit.page.go_back()
    expect(visit.page.locator(".grid .marks .line")).to_have_count(0, timeout=SLOW)
    expect(visit.page.get_by_role("heading", name="Patch (")).to_have_count(0, timeout=SLOW)
    assert visit.page.url == began
    visit.page.go_forward()
    expect(visit.page.locator(".grid .marks .line")).to_have_count(1, timeout=SLOW)
    expect(visit.page.get_by_role("heading", name="Patch (2, 3) of slice 0")).to_be_visible(
        timeout=SLOW
    )
    visit.settle()
    visit.page.go_back()
    expect(visit.page.locator(".grid .marks .line")).to_have_count(0, timeout=SLOW)
    visit.page.go_back()
    expect(visit.page.get_by_role("heading", name="What is in the store?")).to_be_visible(
        timeout=SLOW
    )


def test_every_source_of_colors_is_drawn(visit: Visit, store: Store) -> None:
    clip = clips(store, "plays.mp4")[0]
    video_, window = Coloring("video", clip["video_id"]), Coloring("clip", clip["clip_id"])
    sources = {"the corpus": Coloring("corpus"), "this video": video_, "this window": window}
    open_player(visit, store, "plays.mp4", "&color=components+of+the+corpus")
    for source, coloring in sources.items():
        visit.page.get_by_role("combobox", name="Colors").click()
        visit.page.get_by_role("option", name=f"components of {source}").click()
        visit.expect_text(
            f"principal components of {'one window' if source == 'this window' else source}"
        )
        expected = colorings.color_clip(
            store, clip["clip_id"], colorings.fit_basis(store, clip["encoder_id"], coloring)
        )[0]
        assert visit.page.locator(".latent.beside").evaluate(DRAWN, expected.ravel().tolist()), (
            source
        )
        expect(visit.page.locator(".legend")).to_contain_text("%)", timeout=SLOW)
