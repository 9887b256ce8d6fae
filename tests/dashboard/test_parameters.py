"""The URL's parameters: each widget is bound to one that is registered for its page and holds its kind, and yesterday's links mean the same."""

import ast
from collections.abc import Iterator
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from tests.commands import ROOT
from tests.dashboard.test_dashboard import open_page
from tests.stores import synthetic_store
from tubelet.dashboard import menu, parameters
from tubelet.dashboard.parameters import CHOICE, CONDITION, NUMBER, PAGES, PARAMETERS, SWITCH, TEXT
from tubelet.reports.catalogue import REPORTS
from tubelet.store import Store

KINDS = {
    "checkbox": {SWITCH},
    "toggle": {SWITCH},
    "text_input": {TEXT, CONDITION},
    "number_input": {NUMBER},
    "text_area": {CONDITION},
    "selectbox": {CHOICE, NUMBER},
    "button_group": {CHOICE},
    "segmented_control": {CHOICE},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(
        tmp_path_factory.mktemp("parameters") / "films", videos=3, clips=2, slices=8
    )
    yield made
    made.close()


def everything(store: Store, page: str) -> dict[str, str]:
    """An address that has a page draw all that it has."""
    clip = store.rows(
        "SELECT c.* FROM clips c JOIN videos USING (video_id) ORDER BY name, first_frame LIMIT 1"
    )[0]
    switches = {
        name: "true"
        for name, parameter in PARAMETERS.items()
        if parameter.kind == SWITCH and page in parameter.pages
    }
    at = (
        {"video": clip["video_id"], "clip": clip["clip_id"], "patches": f"{clip['clip_id']}-0.0.0"}
        if page == "video"
        else {}
    )
    return switches | at


def widgets(test: AppTest) -> Iterator[tuple[str, str]]:
    """Kind and key of every widget of a page."""
    for kind in KINDS:
        yield from ((kind, widget.key) for widget in test.get(kind) if widget.key)


@pytest.mark.parametrize("page", PAGES)
def test_every_widget_in_the_url_is_registered_for_its_page_with_its_kind(
    store: Store, page: str
) -> None:
    test = open_page(page, store, **everything(store, page))
    assert not test.exception
    drawn = {(kind, key) for kind, key in widgets(test) if key in PARAMETERS}
    own = [one for one in PARAMETERS.values() if page in one.pages and one.pages != PAGES]
    assert drawn or page == "sql" or not own, "its parameters are registered, and no widget has one"
    for kind, key in drawn:
        assert page in PARAMETERS[key].pages and PARAMETERS[key].kind in KINDS[kind], (kind, key)


def test_a_parameter_that_a_widget_carries_belongs_to_one_page() -> None:
    """Streamlit keeps the value of a key from page to page."""
    assert {
        name: parameter.pages
        for name, parameter in PARAMETERS.items()
        if parameter.bound and len(parameter.pages) > 1
    } == {}


def test_nothing_but_the_registry_names_a_parameter_of_the_url() -> None:
    """`bind` and `address` are the only ways to one: a name that the registry does not know is a KeyError."""
    for path in sorted((ROOT / "dashboard").rglob("*.py")):
        tree = ast.parse(path.read_text())
        words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        allowed = ("parameters.py", "report_page.py")  # a report's keys begin with its name
        assert "query-params" not in words or path.name in allowed, path
        uses = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if path.name not in ("address.py", "api.py", "consent.py", "routes.py", "films.py"):
            assert "query_params" not in uses, path
    with pytest.raises(KeyError):
        parameters.bind("serach")
    with pytest.raises(KeyError):
        parameters.bind("encoder")


YESTERDAY = {  # links of earlier versions, and where they lead today
    "video?video=a&colour=three+dimensions&dimensions=3,4,5": "video=a&color=three+dimensions&dimensions=3,4,5",
    "video?search=true&exactly=true&search-where=label+IS+NULL": "search-corpus=true&exactly=true&search-where=label+IS+NULL",
    "windows?pair=p&dim=3&y=1&x=2&slice=1": "pair=p&dim=3&y=1&x=2&shared-slice=1",
    "video?clip=c&slice=3": "clip=c&slice=3",
    "corpus?search=cooking&order=newest": "search=cooking&order=newest",
}


FIRST = {  # every parameter of version 0.1.0 besides `encoder` and `video`, by page
    "corpus": "section search label show order statistic page failures_page",
    "video": "clip slice patches segment colour dimensions unit positions foreground search exactly search-where map map-of map-x map-y map-z map-red map-green map-blue map-opacity alike alike-by",
    "windows": "pair_search pair dim y x slice",
    "sensitivity": "frames shift setting where compare",
    "sql": "query",
}  # fmt: skip


@pytest.mark.parametrize("page", FIRST)
def test_every_parameter_of_the_first_release_is_known_to_its_page_today(page: str) -> None:
    names = ["encoder", "video", *FIRST[page].split()]
    today = parameters.renew(page, {name: f"value of {name}" for name in names})
    assert sorted(today.values()) == sorted(f"value of {name}" for name in names)
    lost = [name for name in today if page not in getattr(PARAMETERS.get(name), "pages", ())]
    assert not lost, "name the parameter's successor in `RENAMED`"


@pytest.mark.parametrize("link", YESTERDAY)
def test_a_link_of_yesterday_says_the_same_today(link: str) -> None:
    page, _, query = link.partition("?")
    today = parameters.renew(page, dict(parse_qsl(query)))
    assert today == dict(parse_qsl(YESTERDAY[link]))
    assert parameters.renew(page, today) == today, "and stays as it is"
    assert today.keys() <= PARAMETERS.keys()


def test_every_folder_with_a_page_is_registered() -> None:
    folders = {path.parent.name for path in (ROOT / "dashboard").glob("*/page.py")}
    assert not folders ^ {*PAGES}, "`PAGES` and the folders that hold a `page.py` differ by these"


def test_every_page_has_one_place_in_the_menu_and_a_new_one_finds_one() -> None:
    listed = [name for pages in menu.SECTIONS.values() for name in pages]
    assert len(set(listed)) == len(listed) and set(listed) <= {*PAGES, *REPORTS}
    assert len({*PAGES, *listed}) == menu.COUNT
    names = dict.fromkeys((*PAGES, *REPORTS, "newcomer"))
    grouped = menu.group_pages(names)
    placed = [name for pages in grouped.values() for name in pages]
    assert sorted(placed) == sorted(names)
    assert [name for name in placed if name in listed] == listed
    assert "newcomer" in grouped[menu.MEASURE]
