"""The Sensitivity page: its states, its URL, and that it says what the report says."""

from dataclasses import replace
from urllib.parse import quote

import pytest

from tests.browsing import SLOW, Visit, in_browser, sync_api
from tests.dashboard.test_dashboard import open_page, text
from tests.planted import Planted, add_planted, planted_store
from tests.stores import synthetic_store
from tubelet.dashboard.sensitivity import page as sensitivity
from tubelet.dashboard.sensitivity.leads import Leads
from tubelet.reports.sensitivity import narrative
from tubelet.reports.sensitivity import sections as report
from tubelet.reports.sensitivity.findings import find
from tubelet.reports.sensitivity.request import SensitivityRequest
from tubelet.reports.sensitivity.rows import StrongestPair


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two shifts, and two settings of the second."""
    made = planted_store(
        tmp_path_factory.mktemp("page") / "store", videos=12, dim=32, specialists=(3, 8), controls=2
    )
    add_planted(made, Planted(videos=6, dim=32, specialists=(3, 9), shift=2, shared=18, seed=0))
    add_planted(
        made,
        Planted(videos=5, dim=32, specialists=(3, 9), shift=2, shared=18, seed=0, source="stored"),
    )
    yield made
    made.close()


def test_the_answer_is_the_reports_and_stands_first(store):
    page = open_page("sensitivity", store)
    assert page.title[0].value == report.TITLE and not page.exception
    assert narrative.answer(find(store, SensitivityRequest(shift=1))) in text(page)
    assert [header.value for header in page.header] == [
        "Which dimensions", "Where in the window", "Do videos agree", "Video by video", "Where in the frame", "What this rests on",
    ]  # fmt: skip
    assert f"tubelet report sensitivity --store {store.root} --encoder" in text(page)


def test_the_url_holds_the_shift_the_condition_and_the_comparison(store):
    page = open_page(
        "sensitivity",
        store,
        shift="2",
        setting="step 1, crop 64 x 64, float32, stored",
        where="label = 'cooking' OR label = 'swimming'",
    )
    assert (
        not page.exception and "In **3 videos**" in text(page) and "float32, stored" in text(page)
    )
    page = open_page("sensitivity", store, shift="1", compare="shift=2")
    (compared,) = [box for box in page.selectbox if box.label == "Compare with"]
    assert compared.options == ["shift of 2 slices"] and compared.value == "shift=2"
    assert not page.exception and page.warning[0].value.count("--setting") == 2, (
        "the other side has two settings"
    )
    page = open_page("sensitivity", store, shift="2", setting="all, mixed", compare="shift=1")
    assert "2 settings mixed" in text(page) and page.header[0].value == "Side by side"


def test_dimensions_stand_first_and_each_leads_to_its_picture_and_its_pair(store):
    page = open_page("sensitivity", store, shift="1")
    found = find(store, SensitivityRequest(shift=1))
    strongest = found.dims["dim"][0].as_py()
    (row,) = store.rows(
        "SELECT p.* FROM dim_sensitivity s JOIN pairs p USING (pair_id) WHERE p.shift = 1 AND p.kind = 'shifted' AND s.dim = ? ORDER BY relative_edge DESC LIMIT 1",
        [strongest],
    )
    assert "The strongest dimensions, each on the video and on the pair" in text(page)
    where = f"encoder={row['encoder_id']}&video={row['video_id']}"
    (table,) = (frame.value for frame in page.dataframe if "picture" in frame.value.columns)
    assert table["dim"].tolist()[0] == strongest
    assert table["page"][0] == f"dimension?encoder={row['encoder_id']}&dimension={strongest}"
    assert table["pair"][0] == f"windows?{where}&pair={row['pair_id']}&dim={strongest}"
    gray = f"color=three+dimensions&dimensions={strongest}%2C{strongest}%2C{strongest}"
    assert table["picture"][0] == f"video?{where}&clip={row['clip_a']}&{gray}"


def test_two_conditions_are_compared(store):
    page = open_page("sensitivity", store, shift="1", **{"compare-where": "label = 'cooking'"})
    assert not page.exception and page.header[0].value == "Side by side"
    assert "label = 'cooking'" in text(page)


def test_every_heat_map_is_offered_as_picture_and_numbers(store):
    page = open_page("sensitivity", store, shift="1")
    offered = {button.key for button in page.get("download_button")}
    for name in ("heat", "agreement_matrix", "frame"):
        assert {f"numbers-{name}-{kind}" for kind in ("PNG", "CSV", "Parquet")} <= offered
    assert "numbers-strongest-CSV" in offered and "numbers-strongest-PNG" not in offered


def test_conditions_that_fit_nothing_or_are_wrong_are_explained_in_place(store):
    page = open_page("sensitivity", store, where="label = 'nothing'")
    assert "matches no video" in page.info[0].value and not page.exception
    page = open_page("sensitivity", store, where="labl = 1")
    assert "labl" in page.error[0].value and not page.exception


@pytest.mark.parametrize("kind", ["no pairs", "no encoder"])
def test_a_store_without_pairs_says_how_to_measure_them(kind, tmp_path):
    empty = synthetic_store(tmp_path / "store", videos=2 if kind == "no pairs" else 0)
    shown = text(open_page("sensitivity", empty))
    assert f"tubelet ingest FOLDER --encoder toy --shift 1 --pairs 1 --store {empty.root}" in shown
    assert f"tubelet pairs --pairs all --store {empty.root}" in shown
    empty.close()


@pytest.mark.parametrize("videos", [1, 2])
def test_one_video_shows_what_it_can(videos, tmp_path):
    few = planted_store(tmp_path / "store", videos=videos, dim=16, specialists=(2,), shared=6)
    page = open_page("sensitivity", few)
    assert (
        not page.exception
        and "nothing about others" in text(page)
        and "from fewer than five videos" in text(page)
    )
    few.close()


def test_every_export_has_a_button(store):
    assert set(sensitivity.KINDS) == set(sensitivity.FORMATS)


def test_dimensions_that_react_in_no_pair_are_not_called_the_strongest():
    row = StrongestPair(dim=0, pair_id="p", relative_edge=0.0, video_id="v", clip_a="c", encoder_id="toy-1")  # fmt: skip
    leads = Leads.from_rows([row, *(replace(row, dim=dim, relative_edge=1 / dim) for dim in range(1, 9))])  # fmt: skip
    assert leads.choose(list(range(9, -1, -1))) == [8, 7, 6, 5, 4] and leads.choose([0, 3]) == [3]


@in_browser
@pytest.mark.long
def test_in_a_browser_charts_are_drawn_and_files_leave(visit: Visit):
    expect = sync_api.expect
    visit.page.set_viewport_size({"width": 800, "height": 900})
    visit.open(f"sensitivity?shift=1&where={quote('label IS NOT NULL')}", report.TITLE)
    visit.page.get_by_role("button", name="Apply condition").click()
    visit.expect_text("The command that repeats it")
    expect(visit.page.get_by_text("9 videos").first).to_be_visible(timeout=SLOW)
    expect(visit.page.locator(".vega-embed").locator("svg, canvas").first).to_be_visible(
        timeout=SLOW
    )
    expect(visit.page.locator("[data-testid=stHtml] img")).to_have_count(3, timeout=SLOW)
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "nothing sticks out"
    )
    assert report.TITLE in visit.download("HTML").read_text()
