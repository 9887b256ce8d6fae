"""The dashboard in a real browser against a real server: what AppTest cannot see."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import numpy as np
import pytest

from tests.browsing import BROWSER, SLOW, Visit, expect, read_pixels
from tests.dashboard.test_windows_page import add_pairs
from tests.stores import synthetic_store
from tubelet.store import Store

pytestmark = [*BROWSER, pytest.mark.long]
VIDEOS = 30  # two pages of the table
CORPUS, SQL = "What is in the store?", "What do you want to know?"
SLOW_QUERY = "SELECT count(*) AS slow FROM range(100_000) a, range(1_000_000) b WHERE hash(a.range + b.range) % 7 = 0"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(
        tmp_path_factory.mktemp("browser") / "films", videos=VIDEOS, clips=2, failures=2
    )
    add_pairs(made, clips=4)
    yield made
    made.close()


def test_corpus_turns_pages_filters_saves_and_keeps_what_is_chosen_in_the_url(
    visit: Visit, store: Store
) -> None:
    visit.open("", CORPUS)
    visit.expect_text(f"1–25 of {VIDEOS} videos")
    lines = visit.download("CSV").read_text().splitlines()
    assert len(lines) == 1 + VIDEOS and "video-00029" in lines[-1], "the file has every page"
    table = visit.page.get_by_role("region", name="Videos of this page")
    table.hover()
    expect(visit.page.get_by_role("button", name=re.compile("^Search"))).to_be_visible(timeout=SLOW)
    expect(visit.page.get_by_role("button", name=re.compile("^Download as CSV"))).to_have_count(0)
    visit.settle()
    visit.page.mouse.move(0, 0)  # off the toolbar, which lies over the page numbers
    search = visit.page.get_by_role("textbox", name="Search")
    search.fill("cooking")
    visit.expect_text("1–8 of 8 videos")
    visit.expect_in_url("search=cooking")
    search.fill("")
    visit.expect_text(f"1–25 of {VIDEOS} videos")
    visit.page.get_by_role("button", name="Page 2", exact=True).click()
    visit.expect_text(f"26–30 of {VIDEOS} videos")
    visit.expect_in_url("page=2")
    search.fill("cooking")
    visit.expect_text("1–8 of 8 videos")  # back on the first page
    first = store.rows(
        "SELECT video_id, name FROM videos WHERE label = 'cooking' ORDER BY name LIMIT 1"
    )[0]
    cells = table.locator("[role=gridcell][data-testid$='-0']")
    expect(cells.filter(has_text=first["name"])).not_to_have_count(0, timeout=SLOW)
    corner = table.bounding_box()
    visit.page.mouse.click(
        corner["x"] + 16, corner["y"] + 36 + 23
    )  # the first row's checkbox, drawn on a canvas
    expect(visit.page.get_by_role("heading", name=first["name"])).to_be_visible(timeout=SLOW)
    visit.expect_in_url(f"video={first['video_id']}")
    visit.settle()
    visit.page.reload()
    expect(visit.page.get_by_role("heading", name=first["name"])).to_be_visible(timeout=SLOW)


def test_corpus_url_restores_the_state_whose_sql_opens_in_the_sql_page(visit: Visit) -> None:
    visit.open("?search=video-0001&label=swimming&order=newest&statistic=kurtosis", CORPUS)
    visit.expect_text("1–2 of 2 videos")
    visit.expect_text("Curves: kurtosis")
    expect(visit.page.get_by_role("textbox", name="Search")).to_have_value(
        "video-0001", timeout=SLOW
    )
    visit.page.get_by_text("SQL behind this").first.click()
    visit.page.get_by_text("Open in SQL").first.click()
    visit.expect_heading(SQL)
    visit.expect_text("2 rows in")
    expect(visit.editor()).to_contain_text("lower('video-0001')", timeout=SLOW)


def test_failures_and_encoders_have_their_sections(visit: Visit) -> None:
    visit.open("?section=Failures", CORPUS)
    visit.expect_text("1–2 of 2 failures")
    visit.page.get_by_role("radio", name="Encoders").click()
    visit.expect_text("Untrained weights are random")


def test_sql_runs_shows_an_error_in_place_and_loses_nothing_that_is_typed(visit: Visit) -> None:
    visit.open("sql", SQL)
    visit.expect_text(f"{VIDEOS} rows in")
    visit.page.get_by_role("button", name="Examples").click()
    visit.page.get_by_text("Failures by reason").click()
    visit.expect_text("1 row in")
    visit.expect_in_url(r"FROM(\+|%20)failures")
    visit.settle()
    editor = visit.editor()
    editor.fill("SELECT nam FROM videos")
    editor.press("Control+Enter")
    visit.expect_text("Query failed")
    visit.expect_text('"nam" not found')
    editor.fill("SELECT 6 * 7 AS answer FROM range(2)")
    visit.page.get_by_role("button", name="Run query").click()
    visit.expect_text("2 rows in")
    expect(visit.page.get_by_text("Query failed")).to_have_count(0, timeout=SLOW)
    typed_waits(visit)
    editor.fill(SLOW_QUERY)
    editor.press("Control+Enter")
    visit.page.get_by_role("button", name="Stop query").click()
    visit.expect_text("Query stopped.")


def typed_waits(visit: Visit) -> None:
    """What has not been run is neither run nor replaced unasked."""
    visit.settle()
    visit.editor().fill("SELECT nam FRO")
    visit.page.get_by_role("heading", name=SQL).click()
    visit.expect_text("The query has changed.")
    expect(visit.page.get_by_text("Query failed")).to_have_count(0)
    visit.page.get_by_role("button", name="Examples").click()
    visit.page.get_by_text("Failures by reason").click()
    visit.expect_text("Your query has not been run.")
    expect(visit.editor()).to_have_text("SELECT nam FRO")
    visit.page.get_by_role("button", name="Keep query").click()
    expect(visit.page.get_by_text("Your query has not been run.")).to_have_count(0, timeout=SLOW)
    visit.settle()


def test_sql_url_restores_the_query_and_its_answer_can_be_kept(visit: Visit) -> None:
    visit.open(f"sql?query={quote('SELECT name FROM videos ORDER BY name LIMIT 7')}", SQL)
    visit.expect_text("This query came with a link")
    visit.page.get_by_role("button", name="Run query").click()
    visit.expect_text("7 rows in")
    visit.page.get_by_role("button", name="Download", exact=True).click()
    visit.expect_text("7 rows")
    assert visit.download("CSV, about 133 bytes", "link").read_text().count("video-0000") == 7


WINDOWS = "What changes when the window shifts?"
MIDDLE, BLUE, ORANGE = (
    np.array([255, 255, 255]),
    np.array([8, 81, 156]),
    np.array([179, 80, 4]),
)  # of the light theme


def _shifted(store: Store) -> dict:
    return store.rows("SELECT * FROM pairs WHERE kind = 'shifted' ORDER BY pair_id LIMIT 1")[0]


def _colors(store: Store, pair: dict, shared_slice: int) -> np.ndarray:
    """What the canvas has to show, from the grids: ``(patches, dim, 3)``."""
    a, b = (store.grid(pair[clip]).astype(np.float32) for clip in ("clip_a", "clip_b"))
    difference = b[: len(b) - pair["shift"]] - a[pair["shift"] :]
    limit = np.quantile(np.abs(difference), 0.995)
    share = (
        np.rint(np.clip(difference[shared_slice] / limit, -1, 1) * 127).reshape(
            -1, difference.shape[-1], 1
        )
        / 127
    )
    return np.where(
        share < 0, MIDDLE + (BLUE - MIDDLE) * -share, MIDDLE + (ORANGE - MIDDLE) * share
    )


def _pixels(visit: Visit) -> np.ndarray:
    return read_pixels(visit.page.locator("canvas.values"))[..., :3].astype(int)


def _expect_slice(visit: Visit, number: int) -> None:
    expect(visit.page.locator(".where")).to_contain_text(f"shared slice {number} of", timeout=SLOW)


def test_the_matrix_shows_the_numbers_asks_for_nothing_and_a_click_takes_its_cell(
    visit: Visit, store: Store
) -> None:
    pair = _shifted(store)
    visit.open(f"windows?pair={pair['pair_id']}", WINDOWS)
    _expect_slice(visit, 0)
    assert np.abs(_pixels(visit) - _colors(store, pair, 0)).max() <= 1
    slider_never_asks_the_server(visit, store, pair)
    for width in (1280, 800):
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.settle()
        clicks_take_their_cells(visit)
    reading_is_the_difference(visit, store, pair)
    visit.page.reload()
    expect(visit.page.locator(".reading")).to_contain_text(
        "patch (2, 3), dimension 7 ", timeout=SLOW
    )
    dimensions_by_effect_are_those_of_the_table(visit, store, pair)


def slider_never_asks_the_server(visit: Visit, store: Store, pair: dict) -> None:
    visit.settle()
    before = visit.sent
    visit.page.locator("input.slice").press("ArrowRight")
    _expect_slice(visit, 1)
    assert np.abs(_pixels(visit) - _colors(store, pair, 1)).max() <= 1
    visit.page.get_by_role("button", name="Play").click()
    _expect_slice(visit, 0)
    _expect_slice(visit, 1)
    visit.page.get_by_role("button", name="Pause").click()
    assert visit.sent == before
    visit.page.locator("input.slice").press("Home")
    _expect_slice(visit, 0)


def clicks_take_their_cells(visit: Visit) -> None:
    """Exactly the cell under the pointer, near either of its edges, and the address keeps it."""
    canvas = visit.page.locator("canvas.values")
    for dim, patch in ((0, 0), (15, 24), (7, 13)):
        box = canvas.bounding_box()
        cell = (box["width"] - 2) / 16, (box["height"] - 2) / 25
        for within in (0.1, 0.9):
            visit.page.mouse.click(
                box["x"] + 1 + (dim + within) * cell[0], box["y"] + 1 + (patch + 0.5) * cell[1]
            )
            expect(visit.page.locator(".reading")).to_contain_text(
                f"patch ({patch // 5}, {patch % 5}), dimension {dim} ", timeout=SLOW
            )
        visit.expect_in_url(f"dim={dim}&y={patch // 5}&x={patch % 5}")
        visit.settle()


def reading_is_the_difference(visit: Visit, store: Store, pair: dict) -> None:
    """What the page says of the cell that was clicked last, as exactly as it says."""
    a, b = (store.grid(pair[clip]).astype(float) for clip in ("clip_a", "clip_b"))
    difference = (b[: -pair["shift"]] - a[pair["shift"] :])[0, 2, 3, 7]
    shown = re.search(
        r"B − A = (\S+?)(?: or beyond)? \(± (\S+)\)", visit.page.locator(".reading").inner_text()
    )
    assert abs(float(shown[1]) - difference) <= float(shown[2]) + 0.005 * abs(difference)


def dimensions_by_effect_are_those_of_the_table(visit: Visit, store: Store, pair: dict) -> None:
    visit.settle()
    visit.page.get_by_label("dimensions by effect").check()
    order = store.query(
        "SELECT dim FROM dim_sensitivity WHERE pair_id = ? ORDER BY relative_edge DESC, dim",
        [pair["pair_id"]],
    )["dim"].to_pylist()
    assert np.abs(_pixels(visit) - _colors(store, pair, 0)[:, order]).max() <= 1
