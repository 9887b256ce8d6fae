"""The map of videos on the Corpus page: its colors and words, and from an area drawn on it to the selected videos of every page."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.browsing import BROWSER, SLOW, Visit, expect, visiting_afresh
from tests.dashboard.test_dashboard import open_page, stands, text
from tests.stores import Recipe, add_videos, make_store, synthetic_store
from tubelet.dashboard import caching
from tubelet.dashboard.corpus import map as corpus_map
from tubelet.latent.area import Area
from tubelet.latent.categories import NONE
from tubelet.latent.video_map import PCA
from tubelet.store import Store
from tubelet.store.annotations.importing import ImportOptions, TableFile, import_sources
from tubelet.store.statistics import TOKEN_STATISTICS

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


def color_choices(test: AppTest) -> list[str]:
    return next(box for box in test.selectbox if box.label == "Color").options


def test_colors_begin_with_what_tells_videos_apart(store: Store, tmp_path) -> None:
    assert color_choices(open_page("corpus", store, view="Map"))[:2] == ["label: split", "label: folder"]  # fmt: skip
    made = make_store(tmp_path / "films", Recipe(videos=0))
    add_videos(made, Recipe(videos=1), first=3)  # the one without a folder's label
    first, *_, last = color_choices(open_page("corpus", made, view="Map"))
    made.close()
    assert first in TOKEN_STATISTICS and last == "label: folder"


def test_too_few_videos_for_a_layout_say_so(tmp_path) -> None:
    made = synthetic_store(tmp_path / "films", videos=2)
    test = open_page("corpus", made, view="Map", **{"map-layout": "UMAP"})
    assert not test.exception
    assert "UMAP needs at least 10 videos: choose PCA" in test.warning[0].value
    made.close()


@pytest.mark.parametrize("tool", [pytest.param("Select box", marks=[*BROWSER, pytest.mark.long])])
def test_a_box_on_the_map_becomes_a_selection_a_tag_a_condition_and_a_subject_of_reports(
    visit: Visit, browser, server: str, store: Store, tool: str
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
    draw_box(visit, 0.5)
    visit.expect_in_url("area=")
    visit.expect_text("in the area")
    inside = inside_area(store, page.url)
    assert 0 < len(inside) < VIDEOS
    page.get_by_role("button", name=f"Select {len(inside)} videos").click()
    visit.expect_in_url("selected=ids")
    visit.expect_text(f"{len(inside)} videos selected")
    tag(visit, "left half", f"Tag {len(inside)} videos")
    members = store.rows("SELECT video_id FROM tags WHERE tag = 'left half' ORDER BY ALL")
    assert [row["video_id"] for row in members] == inside
    ask_about_selected(visit, len(inside))
    page.get_by_role("link", name="Sensitivity").first.click()
    visit.expect_heading("Which dimensions react when the window shifts?")
    visit.expect_text(f"{len(inside)} videos selected")
    visit.expect_text(f"over {len(inside)} videos")
    with visiting_afresh(browser, server) as fresh:
        fresh.open(
            page.url.removeprefix(f"{server}/"), "Which dimensions react when the window shifts?"
        )
        fresh.expect_text(f"over {len(inside)} videos")
        for part in ("stMain", "stSidebarUserContent"):
            expect(fresh.page.get_by_test_id(part)).to_have_text(
                page.get_by_test_id(part).inner_text(), use_inner_text=True, timeout=SLOW
            )


def draw_box(visit: Visit, share: float) -> None:
    """Over a share of the map, from its left border."""
    box = visit.page.locator(".cloud canvas").bounding_box()
    visit.page.mouse.move(box["x"] + 4, box["y"] + 4)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] - 4, steps=4)
    visit.page.mouse.up()


def inside_area(store: Store, url: str) -> list[str]:
    """The videos of the area in an address."""
    (area,) = parse_qs(urlsplit(url).query)["area"]
    found = caching.workspace(store).video_map(encoder(store), PCA)
    return sorted(found.find_inside(Area.parse(area)))


def tag(visit: Visit, name: str, button: str) -> None:
    """Keep the selection as a tag, in the sidebar."""
    visit.settle()
    sidebar = visit.page.get_by_test_id("stSidebar")
    sidebar.get_by_role("button", name="Save as tag").click()
    visit.page.get_by_role("textbox", name="Tag").fill(name)
    visit.page.get_by_role("button", name=button).click()
    visit.expect_in_url("selected=tag")
    visit.expect_text(f"tag {name}")


def ask_about_selected(visit: Visit, rows: int) -> None:
    """The condition that the SQL page shows for the selection, in a query."""
    visit.settle()
    visit.page.get_by_role("link", name="SQL").first.click()
    visit.expect_heading("What do you want to know?")
    condition = visit.page.get_by_test_id("stCode").first.inner_text()
    editor = visit.editor()
    editor.fill(f"SELECT name FROM videos WHERE {condition}")
    editor.press("Control+Enter")
    visit.expect_text(f"{rows} rows in")
