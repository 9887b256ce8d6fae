"""Cutting out on the Video page: marks make a mask, the address restores it, and it can be downloaded and compared.

One patch of the numbered videos is red, and nothing else is like it: marked as foreground, it is the whole mask of every slice.
"""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.browsing import BROWSER, SLOW, Visit, expect, fetched, visiting
from tests.numbered import (
    HEIGHT,
    LEFT,
    PATCHES,
    SIDE,
    WIDTH,
    WINDOW,
    film,
    ingest,
    number_in,
    numbered_video,
)
from tests.player import HEADING, click, clips, drag, open_player
from tubelet.latent import graph, masks, segmentation
from tubelet.latent.clips import open_clip
from tubelet.latent.layers import FINE, MASK, render_mask
from tubelet.store import Store

FRAMES = 33
SLICES = WINDOW // 2
RED = np.zeros((SLICES, PATCHES, PATCHES), bool)
RED[:, 0, 0] = True
PIXELS = "c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A numbered video, and one that was kept without its embeddings."""
    folder = tmp_path_factory.mktemp("segmentation")
    for name, keep in (("cut", "embeddings"), ("bare", "statistics")):
        numbered_video(folder / name / f"{name}.mp4", FRAMES + len(name))
        ingest(folder / name, folder / "store", keep=keep)
    made = Store(folder / "store")
    yield made
    made.close()


@pytest.fixture(scope="module")
def clip(store: Store) -> dict:
    return clips(store, "cut.mp4")[0]


def test_the_mask_of_marks_is_fetched_as_scores_and_saved_as_files(
    server: str, store: Store, clip: dict
) -> None:
    """The bytes are what the latent room says of the marks; the files hold the same at the encoder's picture."""
    marks = f"{clip['clip_id']}-0.0.0,3.0.0~0.4.4,5.1.1"
    found = segmentation.segment(
        graph.build_graph(open_clip(store, clip["clip_id"])),
        [(0, 0, 0), (3, 0, 0)],
        [(0, 4, 4), (5, 1, 1)],
    )
    status, body, _ = fetched(server, f"mask/{marks}")
    scores = np.frombuffer(body, "<f4").reshape(SLICES, PATCHES, PATCHES)
    assert (
        status == 200 and np.array_equal(scores, found.scores) and np.array_equal(scores > 0.5, RED)
    )
    pixels = masks.threshold_pixels(found.scores, SIDE, SIDE)
    status, body, headers = fetched(server, f"mask/{marks}/slice-5.png")
    assert (
        status == 200
        and np.array_equal(np.asarray(Image.open(io.BytesIO(body))) > 0, pixels[5])
        and pixels[5].any()
    )
    assert (
        headers["content-disposition"] == 'attachment; filename="cut_frames-0-15_mask-slice-5.png"'
    )
    saved = np.load(io.BytesIO(fetched(server, f"mask/{marks}/mask.npz")[1]))
    assert np.array_equal(saved["mask"], pixels) and np.array_equal(saved["scores"], found.scores)
    assert saved["foreground"].tolist() == [[0, 0, 0], [3, 0, 0]] and saved[
        "background"
    ].tolist() == [[0, 4, 4], [5, 1, 1]]
    assert saved["first_frames"].tolist() == list(range(0, WINDOW, 2))
    about = json.loads(str(saved["about"]))
    assert about["clip_id"] == clip["clip_id"] and set(about["arrays"]) == set(saved.files) - {
        "about"
    }


def test_films_are_fetched_to_be_saved(server: str, clip: dict) -> None:
    status, body, headers = fetched(server, f"mp4/{clip['clip_id']}?view=over")
    assert (status, headers["content-type"], int(headers["content-length"])) == (
        200,
        "video/mp4",
        len(body),
    )
    assert (
        headers["content-disposition"] == 'attachment; filename="cut_frames-0-15_video.mp4"'
        and len(film(io.BytesIO(body))[0]) == WINDOW
    )


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("mask/{clip}-0.0.0", "no background patch is marked"),
        ("mask/{clip}-0.0.0~0.0.0", "as foreground and as background"),
        ("mask/{clip}-9.9.9~0.0.0", "no foreground patch is marked"),
        ("mask/{bare}-0.0.0~0.4.4", "stored without embeddings"),
        ("mask/00ff-0.0.0~0.4.4", "the store holds no such clip"),
        ("mp4/{clip}?opacity=2", "from 0 to 1"),
        ("mp4/00ff", "the store holds no such clip"),
        ("track/{clip}-0.0.0/{clip}/track.xls", "csv or parquet"),
        ("mask/nonsense", "the store holds no such clip"),
        ("mask/{clip}-0.0.0~0.4.4/slice-8.png", "slice-0.png to slice-7.png"),
        ("mask/{clip}-0.0.0~0.4.4/else.npz", "has no file else.npz"),
    ],
)
def test_what_is_no_mask_is_a_sentence(
    server: str, store: Store, clip: dict, path: str, words: str
) -> None:
    status, body, _ = fetched(
        server, path.format(clip=clip["clip_id"], bare=clips(store, "bare.mp4")[0]["clip_id"])
    )
    assert status == 404 and words in body.decode()


@pytest.mark.long
class TestBrowser:
    """The page itself."""

    pytestmark = BROWSER

    def test_clicks_and_strokes_make_a_mask_that_is_drawn_over_every_slice(
        self, browser, server: str, store: Store, clip: dict
    ) -> None:
        with visiting(browser, server) as visit:
            open_player(visit, store, "cut.mp4")
            choose(visit, "Foreground")
            click(visit, 0, 0)
            expect(visit.page.locator(".note")).to_contain_text(
                "Mark some background, too", timeout=SLOW
            )
            visit.expect_in_url(rf"segment={clip['clip_id']}-0\.0\.0(&|$)")
            step_on(visit, 2)
            choose(visit, "Background")
            drag(visit, (4, 1), (4, 3))
            visit.expect_in_url(
                rf"segment={clip['clip_id']}-0\.0\.0~2\.4\.1%2C2\.4\.2%2C2\.4\.3(&|$)"
            )
            visit.expect_text("8 of 288 patches")
            visit.expect_text("in 8 of 8 slices")
            for _ in range(2):
                shown_is_red(visit)
                step_on(visit, 1)
            for smooth in (False, True):
                visit.page.get_by_label("smooth").set_checked(smooth)
                assert np.array_equal(
                    drawn(visit), render_mask(scores(server, visit, clip)[4], smooth)
                )
            choose(visit, "Select patches")
            expect(visit.page.locator(".player")).to_have_attribute(
                "data-over", "colors", timeout=SLOW
            )
            choose(visit, "Background")
            visit.page.get_by_role("button", name="Clear selection").click()
            expect(
                visit.page.get_by_role("heading", name="Which patches are foreground?")
            ).to_have_count(0, timeout=SLOW)
            assert "segment=" not in visit.page.url

    def test_the_url_restores_the_mask_and_its_own_file_fits_it(
        self, visit: Visit, store: Store, clip: dict, tmp_path: Path
    ) -> None:
        marks = f"{clip['clip_id']}-2.0.0~2.4.4"
        open_player(visit, store, "cut.mp4", f"&slice=2&segment={marks}")
        expect(visit.page.locator(".tool[data-tool=foreground]")).to_have_attribute(
            "aria-pressed", "true", timeout=SLOW
        )
        shown_is_red(visit)
        expect(visit.page.locator(".grid .marks .background")).to_have_count(1, timeout=SLOW)
        address = visit.page.get_by_role("link", name="All slices as .npz").get_attribute("href")
        (tmp_path / "own.npz").write_bytes(fetched(visit.address, address)[1])
        np.save(tmp_path / "wrong.npy", np.zeros((3, 4, 5)))
        visit.page.get_by_text("Compare with your own mask").click()
        for file, words in (
            ("own.npz", "over all 8 slices: 1.000"),
            ("wrong.npy", "pass one of 8 x 96 x 96 or 8 x 6 x 6"),
        ):
            visit.page.locator("input[type=file]").set_input_files(tmp_path / file)
            visit.expect_text(words)
        saved_as_it_is_drawn(visit, clip)
        choose(visit, "Foreground")
        click(visit, 0, 0)
        visit.expect_in_url(rf"segment={clip['clip_id']}-~2\.4\.4(&|$)")
        visit.expect_text("Mark some foreground too")

    def test_without_embeddings_there_is_nothing_to_cut_out_and_the_page_says_so(
        self, visit: Visit, store: Store
    ) -> None:
        bare = clips(store, "bare.mp4")[0]
        visit.open(f"video?video={bare['video_id']}&segment={bare['clip_id']}-0.0.0~0.4.4", HEADING)
        expect(visit.page.get_by_role("button", name="Foreground")).to_be_disabled(timeout=SLOW)
        visit.expect_text("Segmentation failed: clip")


def saved_as_it_is_drawn(visit: Visit, clip: dict) -> None:
    """The window as MP4: every frame with its number, the mask over it and the colors of its slice beside it. What fails is said."""
    visit.page.get_by_label("Opacity").fill("1")
    with visit.page.expect_download(timeout=SLOW) as download:
        visit.page.get_by_role("button", name="Save as MP4").click()
    assert download.value.suggested_filename == "cut_frames-0-15.mp4"
    with download.value.path().open("rb") as file:
        frames, _ = film(file)
    assert [number_in(frame[:, LEFT : LEFT + HEIGHT]) for frame in frames] == list(range(WINDOW))
    assert [number_in(frame[:, WIDTH + 8 :], 1) for frame in frames] == [
        n // 2 for n in range(WINDOW)
    ]
    assert all(np.abs(frame[10, LEFT + 10].astype(int) - MASK).max() < 30 for frame in frames)
    visit.page.route(
        "**/mp4/*",
        lambda route: route.fulfill(
            status=404, content_type="text/plain", body="no frame could be decoded"
        ),
    )
    visit.page.get_by_role("button", name="Save as MP4").click()
    expect(visit.page.locator(".note")).to_contain_text(
        "Could not render the MP4: no frame could be decoded.", timeout=SLOW
    )
    visit.problems[:] = [problem for problem in visit.problems if "/mp4/" not in problem]


def scores(server: str, visit: Visit, clip: dict) -> np.ndarray:
    marks = re.search("segment=([^&]+)", visit.page.url)[1]
    return np.frombuffer(fetched(server, f"mask/{marks}")[1], "<f4").reshape(
        SLICES, PATCHES, PATCHES
    )


def shown_is_red(visit: Visit) -> None:
    """The mask of the shown slice is the red patch alone, and the words agree."""
    expect(visit.page.locator(".player")).to_have_attribute("data-over", "mask", timeout=SLOW)
    slice_ = visit.page.locator(".player").get_attribute("data-slice")
    expect(visit.page.locator(f'.latent.over[data-slice="{slice_}"]')).to_be_visible(timeout=SLOW)
    assert np.array_equal(drawn(visit)[..., 3] > 0, np.kron(RED[0], np.ones((FINE, FINE), bool)))
    expect(visit.page.locator(".note")).to_contain_text(
        "Foreground in this slice: 1 of 36 patches", timeout=SLOW
    )


def drawn(visit: Visit) -> np.ndarray:
    """Pixels of what lies over the frame, RGBA ``(8 H, 8 W, 4)``."""
    return np.array(visit.page.locator(".latent.over").evaluate(PIXELS), np.uint8).reshape(
        FINE * PATCHES, FINE * PATCHES, 4
    )


def choose(visit: Visit, tool: str) -> None:
    visit.page.get_by_role("button", name=tool, exact=True).click()
    expect(visit.page.get_by_role("button", name=tool, exact=True)).to_have_attribute(
        "aria-pressed", "true", timeout=SLOW
    )


def step_on(visit: Visit, times: int) -> None:
    for _ in range(times):
        slice_ = int(visit.page.locator(".player").get_attribute("data-slice"))
        visit.page.get_by_role("button", name="Next slice").click()
        expect(visit.page.locator(".player")).to_have_attribute(
            "data-slice", str(slice_ + 1), timeout=SLOW
        )
