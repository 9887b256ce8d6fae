"""Every page with hostile names, labels, folders, errors, addresses and queries, in a real browser: shown as they are, and nothing leaves."""

import re
import time
from collections.abc import Iterator
from itertools import cycle, islice
from urllib.parse import quote, quote_plus

import pytest

from tests.browsing import BROWSER, Visit, sync_api, visiting
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.store import Store

pytestmark = BROWSER
SLOW = 120_000
PICTURE = "![x](http://evil.test/leak.png)"
WORDS = (
    f"{PICTURE} [go](http://evil.test) <img src=http://evil.test/i.png onerror=alert(1)>.mp4",
    "www.evil.test https://evil.test/a :red[red] $x^2$ :material/warning: :smile: **b** `c`.mp4",
    f"```\n{PICTURE}\n\n````\n{PICTURE}</div><script>alert(1)</script>",
)
FOREIGN = "a[href*='//evil'], a[href*='//www.evil'], img[src*='evil'], img[alt='x'], [src*='evil'], [style*='evil'], .katex, [onerror]"  # what the words ask for
PAGES = {
    "": "What is in the store?",
    "?section=Failures": "What is in the store?",
    "?section=Encoders": "What is in the store?",
    "video": "What does the encoder see in this video?",
    "windows": "What changes when the window shifts?",
    "sensitivity": "Which dimensions react when the window shifts?",
    "dimension": "What does this dimension encode?",
    "masking": "What does the predictor fill in?",
    "sql": "What do you want to know?",
}
LISTING = [path for path in PAGES if path not in ("", "video", "windows")]
PARAMETERS = (
    "video",
    "clip",
    "pair",
    "encoder",
    "search",
    "label",
    "section",
    "statistic",
    "patches",
    "segment",
    "color",
    "pair_search",
    "dim",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("hostile") / "a __b__ www.evil.test"
    made = synthetic_store(folder, videos=6, clips=2, words=WORDS)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(browser, server: str) -> Iterator[Visit]:
    """One page for all tests: each opens an address of its own."""
    with visiting(browser, server) as visitor:
        visitor.lacks_pictures = True
        yield visitor


@pytest.fixture
def visit(shared: Visit) -> Iterator[Visit]:
    yield shared
    assert not shared.problems, shared.problems


def shown(page: "sync_api.Page") -> str:
    """All text of the page, blanks as one, with what fields hold."""
    text = page.locator(".stApp").inner_text() + " ".join(
        page.locator("textarea, input").evaluate_all("all => all.map(one => one.value)")
    )
    return re.sub(r"\s+", " ", text.replace("\u2060", ""))


def literally(words: str) -> str:
    return re.sub(r"\s+", " ", words).strip()


def count_shown(visit: Visit, words: str, without: str = "", least: int = 1) -> int:
    """How often the page shows the words, `without` taken out of it first; a block of code is drawn a moment after the page is settled."""
    wanted, deadline = literally(words), time.monotonic() + SLOW / 1000
    while True:
        text = shown(visit.page)
        count = (text.replace(literally(without), "") if without else text).count(wanted)
        if count >= least or time.monotonic() > deadline:
            return count
        visit.page.wait_for_timeout(100)


def nothing_came_of_it(visit: Visit) -> None:
    page = visit.page
    visit.settle()
    page.wait_for_timeout(300)
    assert page.locator(FOREIGN).count() == 0, page.locator(FOREIGN).first.evaluate(
        "one => one.outerHTML"
    )
    assert page.locator(".stException").count() == 0


def folder_is_shown(visit: Visit, store: Store) -> None:
    assert store.root.name in shown(visit.page), "the folder's name is shown as it is"


@pytest.mark.parametrize("path", thin(LISTING, ["?section=Encoders"]))
def test_hostile_names_do_nothing_on_any_page(visit: Visit, store: Store, path: str) -> None:
    """On those that the other tests open by the name of a video, there."""
    visit.open(path, PAGES[path])
    nothing_came_of_it(visit)
    folder_is_shown(visit, store)


@pytest.mark.long
@pytest.mark.parametrize("number", range(len(WORDS)))
def test_a_hostile_name_is_shown_as_it_is(visit: Visit, store: Store, number: int) -> None:
    (video,) = store.rows("FROM videos WHERE name = ? ORDER BY video_id LIMIT 1", [WORDS[number]])
    visit.open(f"?video={video['video_id']}", PAGES[""])
    nothing_came_of_it(visit)
    assert count_shown(visit, WORDS[number], least=2) >= 2, (
        "the heading has the name, and the path ends in it"
    )
    folder_is_shown(visit, store)
    clip = store.rows("FROM clips WHERE video_id = ? ORDER BY first_frame", [video["video_id"]])[0]
    on = f"video={video['video_id']}&clip={clip['clip_id']}&patches={clip['clip_id']}-0.0.0&search=true&alike=true&map=true"
    visit.open(f"video?{on}", PAGES["video"])
    visit.expect_text("best first")
    nothing_came_of_it(visit)
    assert literally(WORDS[number]) in shown(visit.page)
    folder_is_shown(visit, store)
    visit.page.get_by_test_id("stSidebar").get_by_role("link", name="Windows", exact=True).click()
    visit.expect_heading(PAGES["windows"])
    visit.expect_in_url(f"video={video['video_id']}")
    nothing_came_of_it(visit)
    folder_is_shown(visit, store)


@pytest.mark.long
def test_hostile_addresses_do_nothing(visit: Visit) -> None:
    """Neighboring parameters get different words, and every page another one of them."""
    for number, path in enumerate(("", "video", "windows")):
        words = islice(cycle(WORDS), number, None)
        given = "&".join(f"{name}={quote(word)}" for name, word in zip(PARAMETERS, words))
        visit.open(f"{path}?{given}", PAGES[path])
        nothing_came_of_it(visit)


@pytest.mark.long
def test_hostile_conditions_do_nothing(visit: Visit) -> None:
    """The one of several lines from the address, whose other parameters hold the others; those as they are typed, too."""
    *typed, lines = WORDS
    given = f"where={quote(lines)}&setting={quote(typed[0])}&compare={quote(typed[1])}"
    visit.open(f"sensitivity?{given}", PAGES["sensitivity"])
    visit.page.get_by_role("button", name="Apply condition").click()
    refusals(visit).first.wait_for(timeout=SLOW)
    nothing_came_of_it(visit)
    for word in typed:
        field = visit.page.get_by_role("textbox", name="Videos where", exact=True)
        field.fill(word)
        field.press("Enter")
        visit.expect_in_url(f"where={re.escape(quote_plus(word.split()[0]))}")
        visit.settle()
        refusals(visit).first.wait_for(timeout=SLOW)
        nothing_came_of_it(visit)


def refusals(visit: Visit) -> "sync_api.Locator":
    return visit.page.locator(
        "[data-testid=stAlertContentError], [data-testid=stAlertContentWarning]"
    )


@pytest.mark.long
def test_hostile_queries_wait_and_their_errors_and_answers_do_nothing(visit: Visit) -> None:
    """The first by a link, the others typed; in the end one that answers, with the words as names of its columns, too."""
    raising = [f"SELECT error('{word}')" for word in WORDS]
    visit.open(f"sql?query={quote(raising[0])}", PAGES["sql"])
    visit.expect_text("This query came with a link")
    visit.editor().wait_for(timeout=SLOW)
    assert literally(raising[0]) in shown(visit.page)
    assert visit.page.locator("[data-testid=stAlertContentError]").count() == 0
    visit.settle()
    visit.page.get_by_role("button", name="Run query").click()
    error_is_shown(visit, 0, raising[0])
    for number in range(1, len(WORDS)):
        visit.editor().fill(raising[number])
        visit.editor().press("Control+Enter")
        error_is_shown(visit, number, raising[number])
    visit.editor().fill("SELECT " + ", ".join(f"'{word}' AS \"{word}\"" for word in WORDS))
    visit.editor().press("Control+Enter")
    visit.expect_text("1 row in")
    nothing_came_of_it(visit)


def error_is_shown(visit: Visit, number: int, query: str) -> None:
    """As it is, beside the query, which has the word, too."""
    visit.expect_text("Query failed")
    first = literally(WORDS[number].partition("\n")[0])
    assert count_shown(visit, first, without=query), "the error is shown as it is"
    nothing_came_of_it(visit)
