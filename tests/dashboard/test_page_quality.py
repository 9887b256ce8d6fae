"""What every page owes whoever reads it: no accessibility violation in light and dark, nothing that moves while it is drawn, and a word when
the store has grown."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.browsing import BROWSER, SLOW, Visit, expect, visiting
from tests.dashboard.test_windows_page import add_pairs
from tests.keyboard import Tabbed, walk_by_tab
from tests.planted_changes import plant_changes
from tests.planted_probes import keep_planted_run
from tests.planted_surprise import plant_surprise
from tests.stores import Recipe, add_videos, synthetic_store
from tests.tiers import thin
from tubelet.dashboard import document
from tubelet.store import Store
from tubelet.store.jobs.recording import Recording
from tubelet.store.jobs.state import JobProgress

pytestmark = BROWSER
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
VIDEOS, MOST_SHIFT, PHONE = 15, 0.1, 500
PAGES = [
    "",
    "?view=Pictures",
    "?view=Map",
    "?section=Questions",
    "?section=Failures",
    "?section=Encoders",
    "video",
    "windows",
    "sensitivity",
    "changes",
    "dimensions",
    "prediction",
    "probes",
    "scores",
    "encoders",
    "dimension",
    "masking?mask=tube",
    "sql",
    "jobs",
    "jobs?jobs-section=Start+a+job",
    "help",
]
QUICK = [page for page in PAGES if not re.match(".*[?](section|view=Pictures|jobs-)", page)]
TABBED, LATE_ON = ("changes", "encoders", "sql"), ("sensitivity", "windows")
SIZES = {"light": (1280, 800), "dark": (390, 844)}
WATCH_SHIFTS = """window.shifts = []
const name = source => `${source.node?.dataset?.testid ?? source.node?.nodeName} from ${source.previousRect.top} to ${source.currentRect.top}`
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push({ at: entry.startTime, value: entry.value, moved: entry.sources.map(name) })
}).observe({ type: "layout-shift", buffered: true })"""
LATE = re.compile(f"/static/js/({'|'.join(document.MODULES)})[.]")
VIOLATIONS = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations.map(
  ({ id, nodes }) => `${id}: ${nodes.map(node => node.html.slice(0, 120)).join(" | ")}`)"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(
        tmp_path_factory.mktemp("quality") / "films", videos=VIDEOS, clips=2, failures=1
    )
    add_pairs(made, clips=4)
    plant_changes(made, {("flip", None): 0.2, ("noise", 0.1): 0.1})
    plant_surprise(made)
    keep_planted_run(made)
    with running_job(made):
        yield made
    made.close()


@contextmanager
def running_job(store: Store) -> Iterator[None]:
    """A job that has ended, and one that runs: this process."""
    ended, running = (Recording(store.root, ["ingest", "films"]) for _ in range(2))
    ended.begin()
    ended.end(1, "")
    running.begin()
    running.report(JobProgress(done=3, total=9, seconds_left=60, failed=1, failures=("a.mp4: gone",)))  # fmt: skip
    yield
    running.end(0, "")


@pytest.fixture(scope="module", params=thin(SIZES, ["dark"]))
def pages(request, browser, server: str) -> Iterator[Visit]:
    """Every page once, in light on a desk and in dark on a phone."""
    with visiting(browser, server, SIZES[request.param]) as visit:
        watch_shifts(visit, request.param)
        yield visit
        visit.problems[:] = [
            problem for problem in visit.problems if "/pictures/" not in problem
        ]  # a synthetic store has none


@pytest.fixture(params=thin(PAGES, QUICK))
def page(request, pages: Visit) -> Visit:
    """On a desk, some are drawn before the browser has the modules that draw widgets: on a slow machine they come one by one."""
    late = request.param in LATE_ON and pages.page.viewport_size["width"] > PHONE
    with late_modules(pages) if late else nullcontext():
        until = "commit" if late else "load"
        pages.page.goto(f"{pages.address}/{request.param}", wait_until=until)
        expect(pages.page.get_by_role("heading", level=1)).to_be_visible(timeout=SLOW)
        pages.settle()
    pages.page.wait_for_load_state("load")
    expect(pages.page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=SLOW)
    return pages


@contextmanager
def late_modules(visit: Visit) -> Iterator[None]:
    """Until the block ends; what stands in for a widget has to take the place that it gets."""
    held: list = []
    visit.page.route(LATE, lambda route: held.append(route))
    yield
    expect(visit.page.get_by_test_id("stSkeleton").first).to_be_attached(timeout=SLOW)
    while held:
        held.pop().continue_()
    expect(visit.page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=SLOW)
    visit.page.unroute(LATE)


def test_nothing_moves_and_nothing_is_out_of_reach(page: Visit) -> None:
    """Of the keyboard, too: the same visit walks pages that stand still by Tab, on a desk."""
    shifts = page.page.evaluate("window.shifts")
    assert largest_session(shifts) < MOST_SHIFT, shifts
    assert page.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    if page.page.viewport_size["width"] > PHONE and page.page.url.split("/")[-1] in TABBED:
        assert walk_by_tab(page) == Tabbed([], [], "")
    if not AXE.is_file():
        pytest.skip("no axe-core in node_modules: run `npm ci` to check accessibility, too")
    page.page.evaluate(AXE.read_text())
    assert page.page.evaluate(VIOLATIONS) == []


def watch_shifts(visit: Visit, scheme: str) -> None:
    """Count what moves: in light as most readers have it, in dark for those who asked for less motion."""
    motion = "no-preference" if scheme == "light" else "reduce"
    visit.page.emulate_media(color_scheme=scheme, reduced_motion=motion)
    visit.page.add_init_script(WATCH_SHIFTS)


def largest_session(shifts: list[dict]) -> float:
    """The score of the worst burst: shifts less than a second apart, within five seconds, as browsers sum them."""
    sessions: list[list[dict]] = []
    for shift in sorted(shifts, key=lambda shift: shift["at"]):
        last = sessions[-1] if sessions else []
        if last and shift["at"] - last[-1]["at"] < 1000 and shift["at"] - last[0]["at"] < 5000:
            last.append(shift)
        else:
            sessions.append([shift])
    return max((sum(shift["value"] for shift in session) for session in sessions), default=0.0)


@pytest.mark.long
def test_a_store_that_grows_is_told_and_shown_when_asked(visit: Visit, store: Store) -> None:
    before = len(store.rows("FROM videos"))
    visit.lacks_pictures = True
    visit.open("", "What is in the store?")
    visit.expect_text(f"1–{before} of {before} videos")
    add_videos(store, Recipe(videos=3), first=before)
    visit.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    visit.expect_text("3 new videos")
    visit.expect_text(f"1–{before} of {before} videos")  # until asked, nothing moves
    visit.page.get_by_role("button", name="Refresh").click()
    visit.expect_text(f"1–{before + 3} of {before + 3} videos")
    expect(visit.page.get_by_text("3 new videos")).to_have_count(0, timeout=SLOW)
