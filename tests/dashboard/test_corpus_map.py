"""The map of videos on the Corpus page: its colors and words, and from an area drawn on it to the selected videos of every page."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.browsing import BROWSER, SLOW, Visit, expect
from tests.dashboard.test_dashboard import open_page, stands, text
from tests.stores import synthetic_store
from tubelet.dashboard import caching
from tubelet.dashboard.corpus import map as corpus_map
from tubelet.latent.categories import NONE
from tubelet.latent.video_map import PCA
from tubelet.store import Store
from tubelet.store.annotations.importing import ImportOptions, TableFile, import_sources

VIDEOS = 12
EVERYWHERE = "1,0,0,0,0,1,0,0,0,0,0,1;-2,-2,2,-2,2,2,-2,2"
SPLITS = "video,split\nvideo-00000.mp4,train\nvideo-00001.mp4,train\nvideo-00002.mp4,<b>test</b>\n"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("corpus_map")
    made = synthetic_store(folder / "films", videos=VIDEOS, clips=2)
    (folder / "labels.csv").write_text(SPLITS)
    import_sources(made, [TableFile(folder / "labels.csv")], ImportOptions())
    yield made
    made.close()


def encoder(store: Store) -> str:
    return store.rows("FROM encoders")[0]["encoder_id"]


def test_colors_show_a_label_or_a_statistic_with_their_meaning(store: Store) -> None:
    found = caching.workspace(store).video_map(encoder(store), PCA)
    split = corpus_map.color_videos(store, found, "label: split")
    assert [entry.text for entry in split.legend] == [NONE, "train", "<b>test</b>"]
    of_name = dict(zip(found.videos.names, split.colors.tolist()))
    assert of_name["video-00000.mp4"] == of_name["video-00001.mp4"] != of_name["video-00002.mp4"]
    norm = corpus_map.color_videos(store, found, "norm")
    (entry,) = norm.legend
    assert entry.text.startswith("norm: ") and entry.color.startswith("linear-gradient(")
    sql = "SELECT video_id, avg(s.norm) AS value FROM clips JOIN slice_stats s USING (clip_id) GROUP BY ALL"
    means = {row["video_id"]: row["value"] for row in store.rows(sql)}
    order = np.argsort([means[id_] for id_ in found.videos.video_ids])
    assert norm.colors[order[0]].tolist() != norm.colors[order[-1]].tolist()


def test_an_area_of_the_address_becomes_the_selected_videos(store: Store) -> None:
    test = open_page("corpus", store, view="Map", area=EVERYWHERE)
    assert not test.exception and f"**{VIDEOS} videos** in the area" in text(test)
    test.button("go-select-area").click().run()
    assert not test.exception and stands(test, "selected").startswith("ids:")
    assert f"**{VIDEOS} videos selected**" in text(test)
    test.button("go-clear-area").click().run()
    assert stands(test, "area") == "" and "in the area" not in text(test)


def test_an_area_holds_only_what_the_filters_list(store: Store) -> None:
    test = open_page("corpus", store, view="Map", area=EVERYWHERE, search="cooking")
    listed = store.rows("SELECT count(*) AS n FROM videos WHERE label = 'cooking'")[0]["n"]
    assert 0 < listed < VIDEOS and f"**{listed} videos** in the area" in text(test)


@pytest.mark.parametrize("given", [{"area": "<b>"}, {"map-layout": "x"}, {"map-color": "label: gone"}])  # fmt: skip
def test_odd_addresses_draw_the_map(store: Store, given: dict[str, str]) -> None:
    test = open_page("corpus", store, view="Map", **given)
    assert not test.exception and "in the area" not in text(test)


def test_too_few_videos_for_a_layout_say_so(tmp_path) -> None:
    made = synthetic_store(tmp_path / "films", videos=2)
    test = open_page("corpus", made, view="Map", **{"map-layout": "UMAP"})
    assert not test.exception
    assert "UMAP needs at least 10 videos: choose PCA" in test.warning[0].value
    made.close()


@pytest.mark.parametrize("tool", [pytest.param("Select box", marks=BROWSER)])
def test_a_box_on_the_map_becomes_the_selection_of_every_page(
    visit: Visit, server: str, store: Store, tool: str
) -> None:
    visit.open("?view=Map", "What is in the store?")
    page, field = visit.page, visit.page.locator(".cloud")
    expect(field).to_have_attribute("data-drawn", str(VIDEOS), timeout=SLOW)
    expect(field).to_have_attribute("aria-label", "Map of videos")
    visit.settle()
    field.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Home")
    page.get_by_role("button", name=tool).click()
    box = page.locator(".cloud canvas").bounding_box()
    page.mouse.move(box["x"] + 4, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] - 4, steps=4)
    page.mouse.up()
    visit.expect_text(f"{VIDEOS} videos in the area")
    visit.expect_in_url("area=")
    visit.settle()
    page.get_by_role("button", name=f"Select {VIDEOS} videos").click()
    visit.expect_in_url("selected=ids")
    visit.expect_text(f"{VIDEOS} videos selected")
    page.get_by_role("link", name="SQL").first.click()
    visit.expect_heading("What do you want to know?")
    visit.expect_text(f"{VIDEOS} videos selected")
