"""Answers as pictures: which an answer can be, what stands in them and where they lead."""

import json
import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.test_dashboard import open_page, text
from tests.stores import synthetic_store
from tubelet.dashboard.sql import chart, frames, linked_patches
from tubelet.dashboard.sql.chart import COUNT, NOTHING, ChartSpec
from tubelet.dashboard.sql.pictures import list_pictures
from tubelet.store import Store

TOKENS = "SELECT clip_id, slice, y, x, norm, v.name FROM token_stats JOIN clips USING (clip_id) JOIN videos v USING (video_id) ORDER BY clip_id, slice, y, x"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("pictures") / "films", videos=2, clips=2)
    yield made
    made.close()


def html(test: AppTest) -> str:
    return "\n".join(element.proto.body for element in test.get("html"))


@pytest.mark.parametrize(
    "columns, pictures",
    [
        ({"clip_id": ["a"], "slice": [0], "y": [0], "x": [0], "norm": [1.0]}, "table chart patches frames cards plan"),
        ({"clip_id": ["a"], "slice": [0], "y": [0], "x": [0]}, "table chart patches cards plan"),
        ({"video_id": ["a"]}, "table chart cards plan"),
        ({"embedding": [[1.0]]}, "table plan"),
        ({"a": pa.array([], pa.int64())}, "table plan"),
        ({"dim": [0], "std": [1.0]}, "table chart plan"),
    ],
)  # fmt: skip
def test_the_columns_say_which_pictures_an_answer_can_be(columns: dict, pictures: str) -> None:
    assert list_pictures(pa.table(columns)) == pictures.split()


def test_a_gallery_shows_each_patch_and_leads_to_it(store: Store) -> None:
    test = open_page("sql", store, query=TOKENS, picture="patches")
    assert not test.exception
    shown, rows = html(test), store.rows(TOKENS)
    links = [unescape(link) for link in re.findall(r'href="([^"]+)"', shown)]
    assert len(links) == 60 and len(rows) == 400, "a page of them"
    first = {name: value for name, (value,) in parse_qs(urlsplit(links[7]).query).items()}
    assert urlsplit(links[7]).path == "video"
    token = rows[7]
    assert first["clip"] == token["clip_id"] and first["slice"] == str(token["slice"])
    assert first["patches"] == f"{token['clip_id']}-{token['slice']}.{token['y']}.{token['x']}"
    assert f"norm: {token['norm']:.5g}" in shown and token["name"] in shown
    opened = open_page("video", store, **first)
    assert f"Patch ({token['y']}, {token['x']}) of slice {token['slice']}" in "\n".join(
        str(element.value) for element in opened.header
    )


def test_a_gallery_says_which_rows_have_no_picture(store: Store) -> None:
    clip = store.rows("FROM clips ORDER BY clip_id LIMIT 1")[0]["clip_id"]
    query = f"SELECT '{clip}' AS clip_id, i AS slice, 0 AS y, 0 AS x FROM range(6) r(i) UNION ALL SELECT '<b>gone', 0, 0, 0 UNION ALL SELECT NULL, NULL, NULL, NULL"
    test = open_page("sql", store, query=query, picture="patches")
    assert not test.exception and "4 rows without a picture" in text(test)
    assert html(test).count("<a ") == 4 and "<b>gone" not in html(test)


def test_a_table_shows_the_pictures_that_a_query_names_and_fetches_no_other_text(
    store: Store,
) -> None:
    named = "SELECT patch_picture(clip_id, slice, y, x) AS shown, 'patch/' || clip_id AS other FROM token_stats LIMIT 4"
    test = open_page("sql", store, query=named)
    columns = json.loads(test.dataframe[0].proto.columns)
    assert columns["shown"]["type_config"]["type"] == "image" and "other" not in columns
    for text_ in (
        "https://example.com/patch/a/0.0.0",
        "patch/../0.0.0",
        "patch/a/0.0.0?b",
        "",
        None,
    ):
        assert linked_patches.find_columns(pa.table({"a": pa.array([text_], pa.string())})) == []
    assert linked_patches.find_columns(pa.table({"a": ["patch/a/0.0.0", None]})) == ["a"]


def test_cards_stand_for_clips_and_videos(store: Store) -> None:
    for query in ("SELECT clip_id, start_s FROM clips", "SELECT video_id, name FROM videos"):
        test = open_page("sql", store, query=query, picture="cards")
        assert not test.exception
        assert html(test).count('href="video?') == len(store.rows(query))


def test_heat_is_drawn_over_every_slice(store: Store) -> None:
    test = open_page("sql", store, query=TOKENS, picture="frames")
    assert not test.exception and html(test).count("data:image/png") == 16
    best = store.rows(f"FROM ({TOKENS}) ORDER BY clip_id, slice, norm DESC, y, x LIMIT 1")[0]
    assert f"slice 0: up to {best['norm']:.4g} at ({best['y']}, {best['x']})" in html(test)
    colors = frames.color_heat(np.array([[0.0, 1.0], [np.nan, 0.5]]), 0.0, 1.0)
    assert colors[0, 0].tolist() == [68, 1, 84, 165] and colors[0, 1].tolist() == [
        253,
        231,
        37,
        165,
    ]
    assert colors[1, 0, 3] == 0 and colors[1, 1].tolist() == [33, 145, 140, 165]


DEFAULTS = {
    "dim results are bars": ({"dim": [0, 1], "std": [1.0, 2.0]}, ChartSpec(mark="bar", x="dim", y="std")),
    "two indices and a value": ({"y": [0, 0], "x": [0, 1], "l2": [1.0, 2.0]}, ChartSpec(mark="heat map", x="x", y="y", color="l2")),
    "over slices": ({"slice": [0, 1], "norm": [1.0, 2.0], "name": ["a", "b"]}, ChartSpec(mark="line", x="slice", y="norm", color="name")),
    "over time": ({"at": pa.array([0, 1], pa.timestamp("us")), "n": [1, 2]}, ChartSpec(mark="line", x="at", y="n")),
    "words and a number": ({"name": ["a", "b"], "n": [1, 2]}, ChartSpec(mark="bar", x="n", y="name")),
    "two numbers": ({"a": [1.0, 2.0], "b": [1.0, 2.0]}, ChartSpec(mark="point", x="a", y="b")),
    "one number": ({"a": [1.0, 2.0]}, ChartSpec(mark="bar", x="a", y=COUNT)),
    "words alone": ({"name": ["a", "b"]}, ChartSpec(mark="bar", x="name", y=COUNT)),
}  # fmt: skip


@pytest.mark.parametrize("case", DEFAULTS)
def test_the_columns_suggest_a_chart(case: str) -> None:
    columns, expected = DEFAULTS[case]
    table = pa.table(columns)
    assert chart.choose_default(table) == expected
    drawn = chart.draw(chart.prepare(table), expected).to_dict()
    assert drawn["encoding"]["x"]["title"] == expected.x
    assert drawn["mark"]["type"] == {"heat map": "rect"}.get(expected.mark, expected.mark)
    whole = expected.x in ("dim", "slice")
    assert (drawn["encoding"]["x"].get("axis", {}).get("format") == "d") == whole
    assert not whole or drawn["encoding"]["x"]["scale"]["nice"] is False, "no dimension below 0"


def test_a_chart_of_odd_names_and_of_every_mark_is_drawn() -> None:
    table = pa.table(
        [[1.0, 2.0], ["u", "v"], [3, 4], [None, [1]]], names=["a.b[0]:Q", "a", "a", "list"]
    )
    prepared = chart.prepare(table)
    assert prepared.column_names == ["a.b[0]:Q", "a_2", "a"]
    for mark in chart.MARKS:
        spec = ChartSpec(mark=mark, x="a.b[0]:Q", y="a_2", color="a", facet="a")
        drawn = chart.draw(prepared, spec).to_dict()
        fields = {
            part["field"]
            for part in (drawn["encoding"][name] for name in ("x", "y", "color", "facet"))
        }
        assert fields == {"c0", "c2", "c1"} and drawn["encoding"]["x"]["title"] == "a.b[0]:Q"


def test_words_beyond_the_colors_of_the_theme_look_different() -> None:
    words = [f"w{number:02d}" for number in range(14)]
    rows = pa.table({"a": range(14), "word": words})
    for mark, channel in (("line", "strokeDash"), ("point", "shape"), ("bar", "opacity"), ("area", "opacity")):  # fmt: skip
        drawn = chart.draw(rows, ChartSpec(mark=mark, x="a", y="a", color="word")).to_dict()
        looks = drawn["encoding"][channel]["scale"]["range"]
        seen = {(at % chart.THEME_COLORS, str(look)) for at, look in enumerate(looks)}
        assert drawn["encoding"][channel]["field"] == drawn["encoding"]["color"]["field"]
        assert len(looks) == len(seen) == len(words)
    few = chart.draw(rows[:10], ChartSpec(mark="line", x="a", y="a", color="word")).to_dict()
    assert "strokeDash" not in few["encoding"]


def test_a_chart_refuses_what_nobody_could_read() -> None:
    rows = pa.table({"a": range(50), "b": [f"w{i}" for i in range(50)]})
    assert "50 different values" in chart.explain_refusal(
        rows, ChartSpec(mark="bar", x="a", y="a", facet="b")
    )
    assert "50 different values" in chart.explain_refusal(
        rows, ChartSpec(mark="bar", x="a", y="a", facet="a")
    )
    assert "more than the 20" in chart.explain_refusal(
        rows, ChartSpec(mark="bar", x="a", y="a", color="b")
    )
    assert chart.explain_refusal(rows, ChartSpec(mark="bar", x="a", y="a", color="a")) is None
    assert NOTHING not in rows.column_names


def test_the_address_chooses_picture_and_chart(store: Store) -> None:
    url = {
        "query": "SELECT slice, y, x, norm FROM token_stats",
        "picture": "chart",
        "chart-mark": "point",
        "chart-x": "y",
        "chart-color": "slice",
    }
    test = open_page("sql", store, **url)
    assert not test.exception
    chosen = {box.key: box.value for box in test.selectbox}
    assert (
        chosen["chart-x"] == "y"
        and chosen["chart-mark"] == "point"
        and chosen["chart-color"] == "slice"
    )
    stale = open_page("sql", store, **(url | {"picture": "patches", "chart-x": "gone"}))
    assert not stale.exception and stale.dataframe, "what this answer cannot be is the table"
    gone = open_page("sql", store, **(url | {"chart-x": "gone", "heat-of": "gone"}))
    assert not gone.exception


def test_a_plan_is_shown(store: Store) -> None:
    test = open_page("sql", store, query="SELECT name FROM videos WHERE frames > 3", picture="plan")
    assert not test.exception and "READ_PARQUET" in test.code[0].value.upper()
