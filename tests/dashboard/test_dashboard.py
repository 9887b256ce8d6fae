"""The dashboard's pages on stores of every kind, what they show and offer, and what the dashboard imports."""

import json
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.kinds import KINDS
from tests.markers import edit_marker
from tests.stores import Recipe, add_videos, synthetic_store
from tubelet.dashboard import app, consent
from tubelet.dashboard.corpus import page as corpus
from tubelet.dashboard.corpus import videos as corpus_videos
from tubelet.dashboard.selection import describe_untrained
from tubelet.dashboard.sql import page as sql
from tubelet.store import Store
from tubelet.store.questions import corpus as queries
from tubelet.store.questions.corpus import VideoFilter
from tubelet.store.sandbox.untrusted import Answer, ask

APP = app.HERE / "app.py"
SLOW = 60  # seconds a run may take on a busy machine


def page_script(name: str, path: str) -> None:
    """What the app does for one page; AppTest runs its source."""
    from importlib import import_module

    from tubelet.dashboard import address, caching, dropped_values, selection

    store = caching.open_store(path)
    chosen = selection.choose(store, name)
    with dropped_values.report_dropped(name):
        import_module(f"tubelet.dashboard.{name}.page").show(store, chosen)
    address.settle(name)


SQL = ("query", "where", "search-where", "compare-where")  # parameters that hold it


def open_page(name: str, store: Store, **url: str) -> AppTest:
    """A page as a link of this server opens it: the SQL in it runs at once."""
    if sql := [value for key, value in url.items() if key in SQL]:
        url = {consent.SIGNED: consent.sign(sql[-1])} | url
    test = AppTest.from_function(page_script, args=(name, str(store.root)), default_timeout=SLOW)
    for key, value in url.items():
        test.query_params[key] = value
    return test.run()


def stands(test: AppTest, name: str) -> str:
    """A parameter of the page's address, "" where it carries none."""
    value = test.query_params.get(name) or ""
    return value if isinstance(value, str) else value[-1]


def text(test: AppTest) -> str:
    """All words on the page, title first."""
    elements = [*test.title, *test.markdown, *test.caption, *test.error, *test.warning, *test.code]
    return "\n".join(str(element.value) for element in elements)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", app.PAGES)
def test_every_page_opens_on_every_kind_of_store(
    name: str, kind: str, stores: dict[str, Store]
) -> None:
    test = open_page(name, stores[kind])
    assert not test.exception
    assert not test.error
    assert test.title[0].value.endswith("?"), "a page's title is the question that it answers"


@pytest.mark.parametrize("section", corpus.SECTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_section_of_the_corpus_opens(
    section: str, kind: str, stores: dict[str, Store]
) -> None:
    assert not open_page("corpus", stores[kind], section=section).exception


@pytest.mark.parametrize("name", app.PAGES)
def test_a_stale_link_falls_back_to_defaults(name: str, small: Store) -> None:
    stale = {
        "encoder": "gone",
        "label": "gone",
        "show": "gone",
        "order": "gone",
        "statistic": "gone",
        "page": "99",
        "video": "gone",
        "section": "gone",
    }
    assert not open_page(name, small, **stale).exception


def test_the_answer_stands_in_one_sentence(small: Store) -> None:
    shown = text(open_page("corpus", small))
    assert "**3 videos**" in shown
    assert "**6 clips** of 3 videos by 1 encoder, **600 tokens**" in shown
    assert "**1 failure**" in shown
    assert "untrained weights in this store:] toy" in shown


def test_a_result_is_called_untrained_for_its_own_encoder_alone(small: Store) -> None:
    (encoder,) = small.rows("FROM encoders")
    own = describe_untrained(small, encoder["encoder_id"])
    assert own.endswith("toy") and describe_untrained(small).endswith("toy")
    assert describe_untrained(small, "another") == ""


@pytest.mark.parametrize("page", ["corpus", "video", "dimension"])
def test_an_empty_store_says_what_to_type(page: str, stores: dict[str, Store]) -> None:
    said = text(open_page(page, stores["empty"]))
    assert "tubelet ingest FOLDER" in said and f"--store {stores['empty'].root}" in said


def test_a_new_clip_shows_at_the_next_rerun(tmp_path: Path) -> None:
    store = synthetic_store(tmp_path / "store", videos=2)
    test = open_page("corpus", store)
    assert "**2 videos**" in text(test)
    add_videos(store, Recipe(videos=1), first=2)
    assert "**3 videos**" in text(test.run())
    store.close()


def test_the_url_chooses_video_filter_and_statistic(small: Store) -> None:
    chosen = small.rows("FROM videos ORDER BY name")[1]
    shown = text(
        open_page("corpus", small, video=chosen["video_id"], search="00001", statistic="kurtosis")
    )
    assert "1–1 of 1 video" in shown
    assert "Curves: kurtosis" in shown
    assert (
        "2 clips over 0.00–0.48 s, 4 × 5 × 5 tokens each (slices × rows × columns), 200 tokens by toy (untrained)"
        in shown
    )


@pytest.mark.parametrize(
    "signed",
    ["", "0" * 64, "é", consent.sign("SELECT 41")],
    ids=["unsigned", "zeros", "odd", "another"],
)
def test_a_query_of_a_link_waits_until_it_is_run(small: Store, signed: str) -> None:
    test = open_page("sql", small, query="SELECT 42 AS answer", signed=signed)
    assert test.text_area[0].value == "SELECT 42 AS answer"
    assert not test.dataframe and "came with a link" in test.info[0].value
    next(button for button in test.button if button.label == "Run query").click()
    assert test.run().dataframe[0].value["answer"].tolist() == [42] and not test.info
    test.text_area[0].set_value("SELECT 43 AS answer")
    assert (
        test.run().dataframe[0].value["answer"].tolist() == [42]
        and "has changed" in test.info[0].value
    ), "what is typed waits, too"
    next(button for button in test.button if button.label == "Run query").click()
    assert test.run().dataframe[0].value["answer"].tolist() == [43] and not test.info


@pytest.mark.parametrize(("page", "key"), [("sensitivity", "where"), ("video", "search-where")])
def test_a_condition_of_a_link_waits_until_it_is_applied(small: Store, page: str, key: str) -> None:
    clip = small.rows("FROM clips ORDER BY first_frame LIMIT 1")[0]
    url = (
        {
            "video": clip["video_id"],
            "clip": clip["clip_id"],
            "patches": f"{clip['clip_id']}-0.0.0",
            "search-corpus": "true",
        }
        if page == "video"
        else {}
    )
    test = open_page(page, small, **url, **{key: "nam = 1", "signed": "no"})
    assert "came with a link" in test.info[0].value and not test.error
    next(button for button in test.button if button.label == "Apply condition").click()
    assert "nam" in test.run().error[0].value and not test.info


def test_sql_shows_an_error_in_place(small: Store) -> None:
    test = open_page("sql", small, query="SELECT nam FROM videos")
    assert '"nam"' in test.error[0].value
    assert not test.exception


def test_sql_states_rows_seconds_and_the_cap(small: Store) -> None:
    assert "**42 rows in " in text(open_page("sql", small, query="FROM range(42)"))
    assert "**First 10,000 rows of more, in " in text(
        open_page("sql", small, query="FROM range(20_000)")
    )


def test_the_sql_page_opens_with_an_answer(small: Store) -> None:
    test = open_page("sql", small)
    assert "**3 rows in " in text(test)
    assert test.text_area(key="query").value == sql.FIRST


@pytest.mark.parametrize("name", sql.EXAMPLES)
@pytest.mark.parametrize("kind", KINDS)
def test_examples_run_on_any_store(name: str, kind: str, stores: dict[str, Store]) -> None:
    assert isinstance(ask(stores[kind], sql.EXAMPLES[name]), Answer)


UNAVAILABLE = {
    "missing": (lambda path: None, "does not exist"),
    "foreign": (lambda path: path.mkdir(), "is not a Tubelet store"),
    "newer": (lambda path: _make_newer(path), "upgrade Tubelet"),
    "damaged": (lambda path: _make_damaged(path), "is damaged"),
}


@pytest.mark.parametrize("kind", UNAVAILABLE)
def test_a_store_that_cannot_be_shown_is_explained(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, sentence = UNAVAILABLE[kind]
    make(tmp_path / "store")
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path / "store")])
    test = AppTest.from_file(str(APP), default_timeout=SLOW).run()
    assert not test.exception
    assert sentence in text(test)


def test_the_app_shows_the_store_it_was_given(
    small: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py", str(small.root)])
    test = AppTest.from_file(str(APP), default_timeout=SLOW).run()
    assert not test.exception
    assert test.title[0].value == "What is in the store?"
    assert "**small**" in [element.value for element in test.sidebar.markdown]


def test_the_app_without_a_store_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py"])
    assert "tubelet dashboard --store STORE" in text(
        AppTest.from_file(str(APP), default_timeout=SLOW).run()
    )


def test_a_thumbnail_that_is_gone_is_an_empty_cell(small: Store) -> None:
    assert corpus_videos.thumbnail(small, "media/gone.jpg") is None
    assert corpus_videos.thumbnail(small, small.rows("FROM videos")[0]["thumbnail"]).startswith(
        "data:image/jpeg;base64,"
    )


def _make_newer(path: Path) -> None:
    Store.create(path).close()
    marker = path / "tubelet.json"
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"format": 999}))


def _make_damaged(path: Path) -> None:
    Store.create(path).close()
    edit_marker(path)
    (path / "tubelet.json").write_text("{")


MISSING = {  # page, parameter, what it is called
    "video": ("video", {"video": "nonexistent"}, "no video nonexistent"),
    "clip": ("video", {"clip": "zzz"}, "no clip zzz"),
    "pair": ("windows", {"pair": "zzz"}, "no pair zzz"),
    "encoder": ("corpus", {"encoder": "gone"}, "no encoder gone"),
}


@pytest.mark.parametrize("kind", MISSING)
def test_an_id_that_is_not_there_says_so_and_offers_what_is_near(kind: str, small: Store) -> None:
    page, url, said = MISSING[kind]
    test = open_page(page, small, **url)
    assert said in test.warning[0].value and not test.exception
    if kind != "encoder":
        assert "video-0000" not in "".join(
            element.value for element in [*test.header, *test.title]
        ), "nothing else is shown instead"
        near = [button for button in test.button if button.label.startswith("Open video-0000")]
        assert near
        opened = near[0].click().run()
        assert not opened.warning and not opened.exception and stands(opened, "video")


def test_an_address_by_name_finds_what_is_nearest(small: Store) -> None:
    test = open_page("video", small, video="video-00002")
    assert test.button[0].label == "Open video-00002.mp4"
    (encoder,) = small.rows("FROM encoders")
    assert stands(open_page("corpus", small, encoder="toy"), "encoder") == encoder["encoder_id"]


@pytest.mark.parametrize("page", ["video", "windows"])
def test_an_id_alone_opens_what_it_names(page: str, small: Store) -> None:
    row = small.rows(
        "FROM clips ORDER BY clip_id DESC LIMIT 1"
        if page == "video"
        else "FROM pairs ORDER BY pair_id DESC LIMIT 1"
    )[0]
    shown = open_page(
        page, small, **({"clip": row["clip_id"]} if page == "video" else {"pair": row["pair_id"]})
    )
    assert (stands(shown, "video"), stands(shown, "encoder")) == (
        row["video_id"],
        row["encoder_id"],
    )
    assert not shown.warning and row["video_id"] in [box.value for box in shown.selectbox]


def test_any_video_of_many_is_found_in_the_chooser(
    small: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tubelet.dashboard.video.choice.OFFERED", 2)
    test = open_page("video", small)
    assert not any("video-00002" in option for box in test.selectbox for option in box.options)
    test.text_input(key="find-video").set_value("00002")
    test.run()
    assert any("video-00002" in option for box in test.selectbox for option in box.options)


def test_videos_are_ordered_by_a_statistic_over_all_of_them_and_share_one_axis(
    small: Store,
) -> None:
    encoder = small.rows("SELECT encoder_id FROM encoders")[0]["encoder_id"]
    means = {}
    for row in small.rows(
        "SELECT v.name, s.kurtosis AS value FROM slice_stats s JOIN clips USING (clip_id) JOIN videos v USING (video_id)"
    ):
        means.setdefault(row["name"], []).append(row["value"])
    expected = sorted(means, key=lambda name: -sum(means[name]) / len(means[name]))
    for order, names in (("highest curve", expected), ("lowest curve", expected[::-1])):
        first, then = (
            queries.videos_page(VideoFilter(encoder_id=encoder), order, 2, at, "kurtosis").answer(
                small
            )
            for at in (0, 2)
        )
        assert first["name"].to_pylist() + then["name"].to_pylist() == names
    assert first["mean"].to_pylist() == pytest.approx(
        [sum(means[name]) / len(means[name]) for name in expected[::-1][:2]]
    )
    low, high = min(map(min, means.values())), max(map(max, means.values()))
    shown = [
        text(open_page("corpus", small, statistic="kurtosis", search=name))
        for name in ("", "00001")
    ]
    assert all(f"one y axis for all videos, {low:.4g} to {high:.4g}" in words for words in shown)
