"""What a researcher comes for, in a real browser and in the stated number of clicks: one test per task, over one server and one store.

To watch a job is in `test_jobs_browser`, whose server lets visitors start some.
"""

import re
from collections.abc import Iterator

import pyarrow.csv
import pytest

from tests.browsing import BROWSER, SLOW, Visit, expect, serving, visiting
from tests.numbered import PATCHES, WINDOW, ingest, numbered_video
from tests.player import HEADING, clips, open_player, video, within
from tubelet.store import Store

pytestmark = BROWSER
CORPUS = "What is in the store?"
FIRST_ROW, PICTURE, NAME = (
    36 + 23,
    85,
    200,
)  # pixels of the table: down to a row, across to its cells


@pytest.fixture(scope="module")
def store(numbered_store: Store) -> Store:
    return numbered_store


@pytest.fixture(scope="module")
def server(numbered_server: str) -> str:
    return numbered_server


class Walk:
    """A visitor whose clicks are counted; typing and the address bar cost nothing."""

    def __init__(self, visit: Visit) -> None:
        self.visit, self.page, self.clicks = visit, visit.page, 0

    def click(self, role: str, name: str, exact: bool = True) -> None:
        self.visit.settle()
        self.page.get_by_role(role, name=name, exact=exact).first.click()
        self.clicks += 1

    def text(self, words: str) -> None:
        self.visit.settle()
        self.page.get_by_text(words, exact=True).first.click()
        self.clicks += 1

    def at(self, where: str, y: float, x: float) -> None:
        """A patch of a grid."""
        self.visit.settle()
        self.page.locator(where).first.scroll_into_view_if_needed()
        self.page.mouse.click(*within(self.visit, where, y + 0.5, x + 0.5))
        self.clicks += 1

    def cell(self, across: int) -> None:
        """A cell of the first row of Corpus."""
        table = self.page.get_by_role("region", name="Videos of this page")
        expect(table.locator("canvas").first).to_be_visible(timeout=SLOW)
        self.visit.settle()
        box = table.bounding_box()
        self.page.mouse.click(box["x"] + across, box["y"] + FIRST_ROW)
        self.clicks += 1

    def expect_first(self, name: str) -> None:
        """Wait until a video is the first row of Corpus: cells are drawn on a canvas, and stand inside it as text."""
        cells = self.page.get_by_role("region", name="Videos of this page").locator(
            "[role=gridcell][data-testid$='-0']"
        )
        expect(cells.filter(has_text=name)).not_to_have_count(0, timeout=SLOW)

    def choose(self, label: str, option: str) -> None:
        """An option of a list: two clicks."""
        self.click("combobox", label)
        self.page.get_by_role("option", name=option, exact=True).click()
        self.clicks += 1

    def file(self, name: str) -> bytes:
        self.clicks += 1
        return self.visit.download(name, "link").read_bytes()


@pytest.fixture(scope="module")
def shared(browser, server: str) -> Iterator[Visit]:
    """One page for all tasks: to load a first one costs seconds."""
    with visiting(browser, server) as visitor:
        yield visitor


@pytest.fixture
def walk(shared: Visit) -> Walk:
    return Walk(shared)


@pytest.mark.long
def test_find_the_most_static_video_and_open_it(walk: Walk, store: Store) -> None:
    walk.visit.open("", CORPUS)
    walk.choose("Order by", "highest curve")
    walk.visit.expect_in_url("order=highest")
    (most,) = store.rows(
        "SELECT video_id, name FROM clips c JOIN slice_stats s USING (clip_id) JOIN videos USING (video_id) WHERE c.role = 'grid' GROUP BY video_id, name ORDER BY avg(previous_cosine) DESC LIMIT 1"
    )
    walk.expect_first(most["name"])  # the address changes before the table does
    walk.cell(PICTURE)
    walk.visit.expect_heading(HEADING)
    walk.visit.expect_in_url(f"video={most['video_id']}")
    assert walk.clicks <= 3


def test_go_from_a_row_to_a_patch(walk: Walk, store: Store) -> None:
    walk.visit.open("?order=name&search=plays", CORPUS)
    walk.visit.expect_text("1–1 of 1 video")
    walk.cell(NAME)
    walk.visit.expect_heading(HEADING)
    walk.visit.expect_in_url(f"video={video(store, 'plays.mp4')}")
    expect(walk.page.locator(".latent.beside[data-clip]")).to_be_visible(timeout=SLOW)
    walk.at(".grid", 2, 3)
    walk.visit.expect_heading("Patch (2, 3) of slice 0")
    assert walk.clicks <= 2


@pytest.mark.long
def test_choose_several_rows_and_compare_two_side_by_side(walk: Walk) -> None:
    walk.visit.open("?order=name", CORPUS)
    table = walk.page.get_by_role("region", name="Videos of this page")
    expect(table.locator("canvas").first).to_be_visible(timeout=SLOW)
    for row in (0, 1):
        walk.visit.settle()
        box = table.bounding_box()
        walk.page.mouse.click(box["x"] + 16, box["y"] + FIRST_ROW + 46 * row)
        walk.clicks += 1
        walk.visit.expect_in_url("others=" if row else "video=")
    walk.visit.expect_heading("2 chosen videos")
    walk.click("link", "Compare the first two side by side", exact=False)
    walk.visit.expect_heading(HEADING)
    expect(walk.page.locator(".player")).to_have_count(2, timeout=SLOW)
    assert walk.clicks <= 3


@pytest.mark.long
def test_follow_a_patch_and_export_its_track_and_read_what_a_statistic_means(
    walk: Walk, store: Store
) -> None:
    """Two tasks that begin with the same click."""
    open_player(walk.visit, store, "plays.mp4")
    walk.at(".grid", 0, 0)
    walk.visit.expect_heading("Patch (0, 0) of slice 0")
    walk.text("whole video")
    walk.visit.expect_text("of the video, in 5 windows")
    data = walk.file("CSV")
    table = pyarrow.csv.read_csv(pyarrow.BufferReader(data))
    assert table["frame"].to_pylist() == list(range(80)) and {"seconds", "x", "y", "lost"} <= set(table.column_names)  # fmt: skip
    assert walk.clicks <= 3
    walk.clicks = 1
    walk.visit.expect_text("the first slice has none before it")
    walk.click("link", "Help")
    walk.visit.expect_heading("What do the words mean")
    walk.page.get_by_role("textbox", name="Find word").fill("chance level")
    walk.visit.expect_text("what a score reaches without the effect")
    assert walk.clicks <= 2


@pytest.mark.long
def test_cut_an_object_out_and_export_the_mask(walk: Walk, store: Store) -> None:
    open_player(walk.visit, store, "plays.mp4")
    walk.click("button", "Foreground")
    walk.at(".grid", 0, 0)
    walk.visit.expect_in_url("segment=")
    walk.click("button", "Background")
    walk.at(".grid", 4, 4)
    walk.visit.expect_text("are foreground, in")
    assert walk.file("MP4")[4:8] == b"ftyp"
    assert walk.clicks <= 5


@pytest.mark.long
def test_find_a_patch_elsewhere(walk: Walk, store: Store) -> None:
    open_player(walk.visit, store, "plays.mp4")
    walk.at(".grid", 0, 0)
    walk.visit.expect_heading("Patch (0, 0) of slice 0")
    walk.text("Search the corpus")
    walk.visit.expect_text("most similar patches")
    walk.choose("Leave out", "this video")
    walk.visit.expect_in_url("search-without=this")
    walk.visit.settle()
    expect(walk.page.get_by_role("img", name=re.compile("^The surroundings of the patch"))).not_to_have_count(0, timeout=SLOW)  # fmt: skip
    walk.click("button", "Show patch 1:", exact=False)
    walk.visit.expect_in_url("hit=")
    assert f"video={video(store, 'plays.mp4')}" not in walk.page.url
    assert walk.clicks <= 5


@pytest.mark.long
def test_see_one_object_in_two_videos_on_one_frame(walk: Walk, store: Store) -> None:
    open_player(walk.visit, store, "plays.mp4")
    walk.text("Side by side")
    walk.visit.expect_in_url("beside=true")
    walk.choose("Second video", "overlap.mp4")
    walk.visit.expect_in_url("beside-video=")
    second = walk.page.locator(".player").nth(1)
    expect(second.locator(".latent.beside[data-clip]")).to_be_visible(timeout=SLOW)
    walk.visit.settle()
    walk.page.locator(".seek").first.evaluate(
        "input => { input.value = 20; input.dispatchEvent(new Event('input')) }"
    )
    expect(second).to_have_attribute("data-frame", "20", timeout=SLOW)
    walk.visit.settle()
    box = second.locator(".grid").bounding_box()
    walk.page.mouse.click(
        box["x"] + 2.5 * box["width"] / PATCHES, box["y"] + 1.5 * box["height"] / PATCHES
    )
    walk.clicks += 1
    clip = clips(store, "plays.mp4")[1]["clip_id"]
    walk.visit.expect_in_url(f"patches={clip}-2.1.2")
    walk.visit.expect_text("The same place in both")
    for player in (walk.page.locator(".player").first, second):
        expect(player.locator(".grid .marks .line")).not_to_have_count(0, timeout=SLOW)
    assert walk.clicks <= 4


@pytest.fixture(scope="module")
def two_encoders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One window of one video and a pair, by two encoders, of which the second reacts to a shift."""
    folder = tmp_path_factory.mktemp("two-encoders")
    numbered_video(folder / "videos" / "plays.mp4", WINDOW + 2)
    for encoder in ("toy", "vjepa2.1-untrained"):
        ingest(folder / "videos", folder / "store", encoder=encoder, pairs="1")
    made = Store(folder / "store")
    yield made
    made.close()


@pytest.fixture(scope="module")
def two_encoders_server(two_encoders: Store) -> Iterator[str]:
    with serving(two_encoders) as address:
        yield address


@pytest.mark.long
def test_compare_two_encoders_on_one_frame(
    browser, two_encoders: Store, two_encoders_server: str
) -> None:
    with visiting(browser, two_encoders_server) as visit:
        walk = Walk(visit)
        visit.open("", CORPUS)
        walk.click("link", "Video")
        visit.expect_heading(HEADING)
        first = walk.page.locator(".player").first.locator(".latent.beside[data-clip]")
        expect(first).to_be_visible(timeout=SLOW)
        walk.text("Side by side")
        visit.expect_in_url("beside=true")
        walk.click("combobox", "Second encoder or layer")
        walk.page.get_by_role("option", name=re.compile("^vjepa2.1-untrained")).click()
        walk.clicks += 1
        visit.expect_in_url("beside-encoder=")
        players = walk.page.locator(".player")
        for player in (players.nth(1), players.first):  # else the page moves under the pointer
            expect(player).not_to_have_attribute("data-mode", "loading", timeout=SLOW)
            expect(player.locator(".latent.beside[data-clip]")).to_be_visible(timeout=SLOW)
        walk.at(".grid >> nth=0", 2, 3)
        visit.expect_in_url("patches=")
        visit.expect_text("The same place in both")
        for player in (players.first, players.nth(1)):
            expect(player.locator(".grid .marks .line")).not_to_have_count(0, timeout=SLOW)
        names = [row["name"] for row in two_encoders.rows("SELECT name FROM encoders")]
        for name in names:
            visit.expect_text(f"plays.mp4 by {name}")
        assert walk.clicks <= 5 and len(names) == 2


@pytest.mark.long
def test_color_by_cluster_draw_an_area_and_save_its_tokens_and_the_map_follows_the_player(
    walk: Walk, store: Store
) -> None:
    open_player(walk.visit, store, "plays.mp4", "&map-as=2-D&map-x=patch+column&map-y=patch+row")
    walk.choose("Colors", "clusters")
    expect(walk.page.locator(".player .legend")).to_contain_text("cluster 0", timeout=SLOW)
    walk.text("Map of tokens")
    cloud = walk.page.locator(".cloud")
    expect(cloud).to_have_attribute("data-drawn", str(8 * PATCHES * PATCHES), timeout=SLOW)
    expect(cloud.locator(".legend")).to_contain_text("cluster 0", timeout=SLOW)
    walk.click("button", "Select area")
    canvas = cloud.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    half = 0.46 * box["height"]  # of the side of the cloud
    corners = ((-1.05, -1.05), (-0.9, -1.05), (-0.9, 1.05), (-1.05, 1.05), (-1.05, -1.05))
    for number, (x, y) in enumerate(corners):
        walk.page.mouse.move(middle[0] + x * half, middle[1] + y * half, steps=4)
        if number == 0:
            walk.page.mouse.down()
    walk.page.mouse.up()
    walk.clicks += 1
    walk.visit.expect_text(f"{8 * PATCHES} tokens")
    listed = walk.page.get_by_role("region", name="Tokens of the area")
    expect(listed.locator("[role=gridcell][data-testid$='-0']").first).to_be_attached(timeout=SLOW)
    table = pyarrow.csv.read_csv(pyarrow.BufferReader(walk.file("CSV")))
    assert set(table["x"].to_pylist()) == {0} and len(table) == 8 * PATCHES
    assert {"cluster", "norm", "seconds"} <= set(table.column_names)
    assert walk.clicks <= 6
    walk.page.locator(".seek").evaluate(
        "input => { input.value = 6; input.dispatchEvent(new Event('input')) }"
    )
    size = PATCHES * PATCHES
    expect(cloud).to_have_attribute("data-here", f"{3 * size} {size}", timeout=SLOW)


@pytest.mark.long
def test_see_which_dimensions_react_and_one_of_them_on_a_video(
    browser, two_encoders: Store, two_encoders_server: str
) -> None:
    sql = "SELECT encoder_id FROM encoders WHERE name = 'vjepa2.1-untrained'"
    (encoder,) = (row["encoder_id"] for row in two_encoders.rows(sql))
    with visiting(browser, two_encoders_server) as visit:
        walk = Walk(visit)
        visit.open(
            f"sensitivity?encoder={encoder}", "Which dimensions react when the window shifts?"
        )
        visit.expect_text("The strongest dimensions, each on the video")
        link = walk.page.get_by_role("link", name=re.compile("picture$")).first
        dimension = re.search(r"(\d+): picture", link.inner_text())[1]
        link.click()
        walk.clicks += 1
        visit.expect_heading(HEADING)
        visit.expect_in_url(f"dimensions={dimension}(%2C|,){dimension}")
        legend = walk.page.locator(".legend")
        expect(legend).to_contain_text(f"red: dimension {dimension}", timeout=SLOW)
        assert walk.clicks <= 1


@pytest.mark.long
def test_save_where_one_stands_and_come_back(walk: Walk, store: Store) -> None:
    clip = clips(store, "plays.mp4")[1]["clip_id"]
    state = f"&clip={clip}&slice=3&patches={clip}-3.1.2&color=labels&map=true&map-of=the+corpus&search-corpus=true"
    open_player(walk.visit, store, "plays.mp4", state)
    walk.visit.expect_heading("Patch (1, 2) of slice 3")
    before = walk.page.url
    walk.page.goto("about:blank")
    walk.page.goto(before)
    walk.visit.expect_heading("Patch (1, 2) of slice 3")
    walk.visit.expect_text("most similar patches")
    expect(walk.page.locator(".cloud .legend")).to_contain_text("(no label)", timeout=SLOW)
    expect(walk.page).to_have_url(before)
    assert walk.clicks == 0


@pytest.mark.long
def test_ask_a_question_in_sql_and_keep_the_answer(walk: Walk) -> None:
    walk.visit.open("sql", "What do you want to know?")
    query = "SELECT v.name, c.clip_id, avg(s.norm) OVER (PARTITION BY v.name) AS n FROM videos v JOIN clips c USING (video_id) JOIN slice_stats s USING (clip_id) LIMIT 9"
    editor = walk.visit.editor()
    editor.fill(query)
    editor.press("Control+Enter")
    walk.visit.expect_text("9 rows in")
    walk.clicks += 1
    walk.page.get_by_role("button", name="Download", exact=True).click()
    walk.visit.expect_text("9 rows, 3 columns")
    walk.clicks += 1
    assert walk.visit.download(re.compile("^CSV"), "link").read_text().count("\n") == 10
    assert walk.clicks <= 3
