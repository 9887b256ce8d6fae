"""Saved queries on the SQL page: opened with their picture, their parameters as widgets, and saved from the editor."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from tests.dashboard.test_dashboard import open_page, stands, text
from tests.stores import synthetic_store
from tubelet.dashboard.permalinks import Permalinks
from tubelet.store import Store
from tubelet.store.saved_queries import SavedQuery, find_query, save_query

SQL = "SELECT clip_id, slice, y, x, norm FROM token_stats JOIN clips USING (clip_id) WHERE video_id = $video AND norm > $least ORDER BY norm DESC LIMIT $k"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = synthetic_store(tmp_path / "films", videos=2)
    yield made
    made.close()


def press(test, label: str):
    next(button for button in test.button if button.label == label).click()
    return test.run()


def test_parameters_are_widgets_and_stand_in_the_address(store: Store) -> None:
    videos = [row["video_id"] for row in store.rows("FROM videos ORDER BY name")]
    save_query(
        store,
        SavedQuery(
            name="top",
            sql=SQL,
            description="largest",
            defaults={"video": videos[0], "least": -1.0, "k": 7},
        ),
    )
    test = open_page("sql", store, query=SQL)
    assert not test.exception and "**7 rows in " in text(test), "the defaults of the saved query"
    (number, least), (video,) = test.number_input, [box for box in test.selectbox if box.label == "video"]  # fmt: skip
    assert {number.label, least.label} == {"k", "least"} and video.value == videos[0]
    next(box for box in test.number_input if box.label == "k").set_value(3)
    assert "**3 rows in " in text(test.run())
    assert json.loads(stands(test, "values")) == {"k": 3}
    again = open_page("sql", store, query=SQL, values=json.dumps({"k": 4, "video": "gone"}))
    assert "**0 rows in " in text(again)


@pytest.mark.parametrize("values", ["{", "[1]", '{"k": [1]}', "7", ""])
def test_a_query_waits_for_its_values(values: str, store: Store) -> None:
    test = open_page("sql", store, query="SELECT $k AS k", values=values)
    assert not test.exception and not test.dataframe and "Give `$k` a value" in test.info[0].value
    next(box for box in test.text_input if box.label == "k").set_value("x")
    assert test.run().dataframe[0].value["k"].tolist() == ["x"]


def test_what_stands_in_the_editor_is_saved_with_its_values_and_picture(store: Store) -> None:
    test = open_page(
        "sql", store, query="SELECT clip_id, $k AS k FROM clips", values='{"k": 5}', picture="cards"
    )
    next(box for box in test.text_input if box.label == "Name").set_value("mine")
    next(box for box in test.text_input if box.label == "Description").set_value("*all*")
    assert not press(test, "Save query").exception
    expected = SavedQuery(
        name="mine",
        sql="SELECT clip_id, $k AS k FROM clips",
        description="*all*",
        defaults={"k": 5},
        picture="cards",
    )
    assert find_query(store, "mine") == expected
    next(box for box in test.text_input if box.label == "Name").set_value(" ")
    assert "is not a name for a query" in text(press(test, "Save query"))


async def answer_with_address(scope, receive, send) -> None:
    """An app that answers with the query of its address."""
    await PlainTextResponse(scope["query_string"])(scope, receive, send)


def test_a_short_link_opens_query_values_and_picture(store: Store) -> None:
    long = f"SELECT clip_id, $k AS k FROM clips -- {'so that ' * 1000}"
    test = open_page("sql", store, query=long, values='{"k": 5}', picture="cards")
    (link,) = [code.value for code in press(test, "Make short link").code if "short=" in code.value]
    client = TestClient(Permalinks(answer_with_address, str(store.root)))
    opened = dict(parse_qsl(client.get(f"/sql{link[link.index('?') :]}").text))
    assert json.loads(opened.pop("values")) == {"k": 5} and opened.pop("encoder")
    assert opened == {"query": long, "picture": "cards"}, "unsigned: it waits to be run"


def test_a_short_link_that_the_store_does_not_know_says_so(store: Store) -> None:
    test = open_page("sql", store, short="0" * 16)
    assert not test.exception and "keeps no query 0000000000000000" in test.warning[0].value
    long = open_page("sql", store, query=f"SELECT 1 -- {'%' * 20_000}")
    assert "save it under a name" in text(press(long, "Make short link"))
