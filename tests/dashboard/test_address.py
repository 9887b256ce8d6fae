"""Where the reader stands survives a run that was asked for with the URL of a moment before; links and the Back button lead there."""

import json

import pytest
from streamlit.runtime.state.query_params import QueryParams
from streamlit.testing.v1 import AppTest

from tubelet.dashboard import address

SLOW = 120  # seconds a run may take on a busy machine
OLD = {"video": "v", "clip": "a", "slice": "0"}
NEW = {**OLD, "slice": "5", "patches": "a-5.1.1"}


def page():
    import streamlit as st

    from tubelet.dashboard import address

    st.checkbox("Map", key="map")
    st.button(
        "Show",
        key=f"{address.BUTTON}show",
        on_click=lambda: address.redirect(video="w", clip="b", slice="1", patches=""),
    )
    if "change" in st.session_state:
        address.write(**st.session_state["change"])
        del st.session_state["change"]
    st.json({"stands": address.read(), "led": address.count_redirects()})
    address.settle("video")


def stands(test: AppTest, parameters: dict[str, str]) -> dict[str, str]:
    """Where a run with these parameters in its URL stands, once it has written them there."""
    test.query_params.clear()
    for name, value in parameters.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    shown = {
        name: value if isinstance(value, str) else value[0]
        for name, value in test.query_params.items()
    }
    read = {
        name: value for name, value in json.loads(test.json[0].value)["stands"].items() if value
    }
    assert shown == read
    return read


def led(test: AppTest) -> int:
    return json.loads(test.json[0].value)["led"]


@pytest.fixture
def moved() -> AppTest:
    """Patches were taken at slice 5 of clip a, after it had been opened."""
    test = AppTest.from_function(page, default_timeout=SLOW)
    assert stands(test, OLD) == OLD
    test.session_state["change"] = {"slice": "5", "patches": "a-5.1.1"}
    assert stands(test, OLD) == NEW
    return test


def test_a_url_from_before_the_last_change_is_put_right_where_the_page_asked_for_the_run(
    moved: AppTest,
):
    moved.checkbox[0].check()
    assert stands(moved, OLD) == NEW
    moved.session_state["change"] = {"slice": "6"}
    assert stands(moved, OLD) == {**NEW, "slice": "6"}, "and a change builds on what is kept"
    assert led(moved) == 0


def test_going_back_leads_back_at_once(moved: AppTest):
    assert stands(moved, OLD) == OLD and led(moved) == 1
    assert stands(moved, NEW) == NEW and led(moved) == 2, "and forward again"


def test_going_back_after_a_button_led_elsewhere_leads_back(moved: AppTest):
    moved.button[0].click()
    there = {"video": "w", "clip": "b", "slice": "1"}
    assert stands(moved, NEW) == there and led(moved) == 1
    assert stands(moved, NEW) == NEW and led(moved) == 2


def test_a_link_to_somewhere_else_leads_there(moved: AppTest):
    moved.checkbox[0].check()
    assert stands(moved, {"video": "w"}) == {"video": "w"} and led(moved) == 1
    assert stands(moved, OLD) == OLD, "nothing is kept of what was before the link"


def test_a_url_of_long_ago_is_no_echo(moved: AppTest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(address, "ECHO_S", 0)
    moved.checkbox[0].check()
    assert stands(moved, OLD) == OLD


def test_what_is_emptied_leaves_the_url(moved: AppTest):
    moved.session_state["change"] = {"patches": "", "slice": ""}
    assert stands(moved, NEW) == {"video": "v", "clip": "a"}


def listing():
    import streamlit as st

    from tubelet.dashboard.paging import lead_to_first, turn_pages
    from tubelet.dashboard.parameters import bind

    st.text_input("Search", **bind("search"), on_change=lead_to_first, args=("page",))
    turn_pages(100, 25, "page")


def test_what_is_typed_until_the_page_number_has_left_the_url_comes_back_to_it(
    monkeypatch: pytest.MonkeyPatch,
):
    """A URL that the server sends replaces the browser's, which may have more letters by then."""
    sent: list[dict[str, str]] = []
    send = QueryParams._send_query_param_msg
    monkeypatch.setattr(
        QueryParams, "_send_query_param_msg", lambda self: (sent.append(self.to_dict()), send(self))
    )

    def ask(url: dict[str, str]) -> list[dict[str, str]]:
        """What a run sends whose letters are those of the browser's URL."""
        sent.clear()
        test.query_params.clear()
        for name, value in url.items():
            test.query_params[name] = value
        if "search" in url:
            test.text_input[0].set_value(url["search"])
        test.run()
        assert not test.exception
        return list(sent)

    test = AppTest.from_function(listing, default_timeout=SLOW)
    assert ask({"page": "2"}) == []
    assert ask({"search": "c", "page": "2"}) == [{"search": "c"}]
    assert ask({"search": "co", "page": "2"}) == [{"search": "co"}], "the first has not arrived"
    assert ask({"search": "coo"}) == [{"search": "coo"}], "the second may arrive after this one"
    monkeypatch.setattr(address, "ECHO_S", 0)
    assert ask({"search": "cook"}) == []
