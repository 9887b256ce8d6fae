"""Where the reader stands survives a run that was asked for with the URL of a moment before."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import address

OLD = {"video": "v", "clip": "a", "slice": "0"}


def page():
    import streamlit as st

    from dashboard import address

    address.write(**st.session_state.pop("change", {}))
    st.json(address.read())


def stands(test: AppTest, parameters: dict[str, str]) -> dict[str, str]:
    """Where a run with these parameters in its URL stands, once it has written them there."""
    test.query_params.clear()
    for name, value in parameters.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    shown = {name: value if isinstance(value, str) else value[0] for name, value in test.query_params.items()}
    read = {name: value for name, value in json.loads(test.json[0].value).items() if value}
    assert shown == read
    return read


@pytest.fixture
def moved() -> AppTest:
    """Patches were taken at slice 5 of clip a, after it had been opened."""
    test = AppTest.from_function(page)
    assert stands(test, OLD) == OLD
    test.session_state["change"] = {"slice": "5", "patches": "a-5.1.1"}
    assert stands(test, OLD) == {**OLD, "slice": "5", "patches": "a-5.1.1"}
    return test


def test_a_url_from_before_the_last_change_is_put_right(moved: AppTest):
    assert stands(moved, OLD) == {**OLD, "slice": "5", "patches": "a-5.1.1"}
    moved.session_state["change"] = {"slice": "6"}
    assert stands(moved, OLD) == {**OLD, "slice": "6", "patches": "a-5.1.1"}, "and a change builds on what is kept"


def test_a_link_to_somewhere_else_holds(moved: AppTest):
    assert stands(moved, {"video": "w"}) == {"video": "w"}
    assert stands(moved, OLD) == OLD, "nothing is kept of what was before the link"


def test_going_back_later_holds(moved: AppTest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(address, "ECHO_S", 0)
    assert stands(moved, OLD) == OLD


def test_what_is_emptied_leaves_the_url(moved: AppTest):
    moved.session_state["change"] = {"patches": "", "slice": ""}
    assert stands(moved, {**OLD, "slice": "5", "patches": "a-5.1.1"}) == {"video": "v", "clip": "a"}
