"""The videos of the corpus as pictures: what a card says, which slices it scrubs through, and that it opens and chooses its video."""

from typing import Any

import pytest

from tests.browsing import BROWSER, SLOW, Visit, expect
from tests.dashboard.test_dashboard import open_page, text
from tests.player import video
from tubelet.dashboard.corpus import pictures
from tubelet.store import Store
from tubelet.store.questions import corpus
from tubelet.store.questions.rows import PageVideo
from tubelet.store.rows import ClipRow

VIDEO: dict[str, Any] = {
    "video_id": "v",
    "thumbnail": None,
    "name": "v.mp4",
    "width": 64,
    "height": 48,
    "fps": 10.0,
    "frames": 25,
    "codec": "h264",
    "tokens": 0,
    "failures": None,
}


@pytest.fixture(scope="module")
def store(numbered_store: Store) -> Store:
    return numbered_store


@pytest.fixture(scope="module")
def server(numbered_server: str) -> str:
    return numbered_server


def test_the_clip_in_the_middle_of_each_video_is_scrubbed(store: Store) -> None:
    (encoder,) = store.rows("FROM encoders")
    ids = [video(store, name) for name in ("plays.mp4", "overlap.mp4")]
    found = corpus.middle_clips(ids, encoder["encoder_id"]).answer(store).to_pylist()
    clips = {row["video_id"]: ClipRow.of(row) for row in found}
    assert set(clips) == set(ids)
    for id_ in ids:
        sql = "SELECT first_frame FROM clips WHERE video_id = ? AND role IS DISTINCT FROM 'partner' ORDER BY first_frame"
        firsts = [row["first_frame"] for row in store.rows(sql, [id_])]
        assert clips[id_].first_frame == firsts[(len(firsts) - 1) // 2]
    assert corpus.middle_clips([], encoder["encoder_id"]).answer(store).num_rows == 0


@pytest.mark.parametrize(
    ("row", "facts"),
    [
        ({**VIDEO, "label": "pour", "duration_s": 2.5, "clips": 3, "mean": 0.98765}, "pour · 2.5 s · 3 clips · norm 0.9877"),
        ({**VIDEO, "label": None, "duration_s": 90.0, "clips": 1, "mean": 0.0}, "1 min 30 s · 1 clip · norm 0"),
        ({**VIDEO, "label": None, "duration_s": 0.5, "clips": 0, "mean": None}, "0.50 s · 0 clips"),
    ],
)  # fmt: skip
def test_a_card_says_label_length_clips_and_statistic(row: dict, facts: str) -> None:
    assert pictures.describe(PageVideo(**row), "norm") == facts


def test_a_filter_that_lists_no_video_says_so(store: Store) -> None:
    test = open_page("corpus", store, view="Pictures", search="no such name")
    assert not test.exception and not test.dataframe
    assert "No video passes the filters." in text(test)


@pytest.mark.parametrize("view", [pytest.param("Pictures", marks=[*BROWSER, pytest.mark.long])])
def test_a_picture_scrubs_by_pointer_and_keys_chooses_and_opens(
    visit: Visit, store: Store, view: str
) -> None:
    visit.open(f"?view={view}", "What is in the store?")
    page = visit.page
    open_plays = page.get_by_role("button", name="Open plays.mp4")
    expect(page.locator(".card")).to_have_count(4, timeout=SLOW)
    box = open_plays.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 20)
    last = int(store.rows("SELECT max(slices) AS n FROM clips")[0]["n"]) - 1
    expect(open_plays).to_have_attribute("data-slice", str(last), timeout=SLOW)
    assert "pictures/" in open_plays.locator(".frame").evaluate("e => e.style.backgroundImage")
    page.mouse.move(0, 0)
    expect(open_plays).to_have_attribute("data-slice", "")
    open_plays.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(open_plays).to_have_attribute("data-slice", "1", timeout=SLOW)
    page.get_by_role("checkbox", name="plays.mp4").check()
    visit.expect_in_url(f"video={video(store, 'plays.mp4')}")
    visit.settle()
    page.get_by_role("checkbox", name="moved.mp4").check()
    visit.expect_text("2 chosen videos")
    visit.settle()
    open_plays.click()
    visit.expect_heading("What does the encoder see in this video?")
    visit.expect_in_url(f"video={video(store, 'plays.mp4')}")
