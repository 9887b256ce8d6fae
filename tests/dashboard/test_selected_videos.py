"""The selected videos: in the address, on every page, dropped, and kept as a tag; labels as filters and columns of the Corpus page."""

import re
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.test_corpus_map import EVERYWHERE
from tests.dashboard.test_dashboard import open_page, stands, text
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.dashboard import selected_videos
from tubelet.dashboard.access import READ_ONLY
from tubelet.dashboard.chosen import VideoChoice
from tubelet.dashboard.launch import Listening
from tubelet.store import Store
from tubelet.store.annotations.importing import ImportOptions, TableFile, import_sources
from tubelet.store.annotations.kept import keep_videos
from tubelet.store.annotations.tags import TagMember, add_tag, list_tags, remove_tag
from tubelet.store.sandbox import conditions

LABELS = """video,split,action
video-00000.mp4,train,it's <b>pour</b>
video-00001.mp4,test,stir
video-00002.mp4,test,stir
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("selected")
    made = synthetic_store(folder / "films", videos=6, clips=3)
    (folder / "labels.csv").write_text(LABELS)
    import_sources(made, [TableFile(folder / "labels.csv")], ImportOptions())
    add_tag(made, "o'dd", [TagMember(video_id=id_) for id_ in ids(made)[3:5]], "two")
    yield made
    made.close()


def ids(store: Store) -> list[str]:
    return [row["video_id"] for row in store.rows("SELECT video_id FROM videos ORDER BY name")]


def listed(test: AppTest) -> list[str]:
    """The names in the table of the Corpus page."""
    return test.dataframe[0].value["name"].to_list()


def names(*numbers: int) -> list[str]:
    return [f"video-{number:05d}.mp4" for number in numbers]


def select(store: Store, test: AppTest, label: str, value: str) -> AppTest:
    next(box for box in test.selectbox if box.label == label).set_value(value)
    return test.run()


@pytest.mark.parametrize(
    "written",
    [
        "",
        "odd",
        "tag:",
        "label:action",
        "ids:a'b",
        "ids:",
        "ids:a,,b",
        "kept:",
        "kept:x'",
        "other:x",
    ],
)
def test_what_is_no_selection_is_none(written):
    assert VideoChoice.parse(written) is None


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("tag:o'dd", [3, 4]),
        ("label:action=it's <b>pour</b>", [0]),
        ("label:folder=cooking", [0, 4]),
        ("where:name LIKE '%2.mp4' OR tag('o''dd')", [2, 3, 4]),
    ],
)
def test_every_way_of_selecting_is_a_condition(store, written, numbers):
    chosen = VideoChoice.parse(written)
    assert chosen.written == written
    assert sorted(conditions.videos(store, chosen.condition)) == sorted(
        ids(store)[n] for n in numbers
    )
    picked = VideoChoice.of_ids([ids(store)[n] for n in numbers])
    assert VideoChoice.parse(picked.written) == picked
    assert sorted(conditions.videos(store, picked.condition)) == sorted(
        ids(store)[n] for n in numbers
    )


def test_labels_are_columns_and_filters_of_the_corpus(store):
    test = open_page("corpus", store)
    table = test.dataframe[0].value
    assert table["label: split"].fillna("").to_list() == ["train", "test", "test", "", "", ""]
    added = [name for name in table if name.startswith("label: ")]
    assert added == ["label: split", "label: action"]  # what reports go by comes first
    assert table["label: action"].to_list()[0] == "it's <b>pour</b>"
    tested = select(
        store, test, "Value", "test"
    )  # of the label that comes first, not of the folder
    assert listed(tested) == names(1, 2) and stands(tested, "label-name") == "split"
    test = select(store, open_page("corpus", store), "Label", "action")
    test = select(store, test, "Value", "stir")
    assert listed(test) == names(1, 2)
    of_folder = open_page("corpus", store, label="cooking")  # a link without the name of a label
    assert listed(of_folder) == names(0, 4)
    again = open_page("corpus", store, **{"label-name": "action", "label": "stir"})
    assert listed(again) == names(1, 2)
    test.button("go-select-filtered").click().run()
    assert stands(test, "selected") == "label:action=stir"
    assert "**2 videos selected**" in text(test) and "action = stir" in text(test)


def test_a_value_of_a_label_is_selected_from_any_page(store):
    test = open_page("sql", store)
    (box,) = [box for box in test.selectbox if box.key == "select-label"]
    assert box.options[:2] == ["action: stir (2 videos)", "action: it's <b>pour</b> (1 video)"]
    box.select("split: test (2 videos)").run()
    assert not test.exception and stands(test, "selected") == "label:split=test"
    assert "**2 videos selected**" in text(test)


def test_the_chosen_row_can_be_selected(store):
    test = open_page("corpus", store, video=ids(store)[5])
    test.button("go-select-chosen").click().run()
    assert stands(test, "selected") == f"ids:{ids(store)[5]}" and listed(test) == names(5)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("SELECT video_id FROM videos WHERE name LIKE '%4.mp4' OR name LIKE '%2.mp4'", [2, 4]),
        ("SELECT clip_id, slices FROM clips JOIN videos USING (video_id) WHERE name LIKE '%5.mp4'", [5]),
        ("SELECT video_id, 'gone' AS clip_id FROM videos WHERE name LIKE '%1.mp4'", [1]),
        ("SELECT NULL AS video_id, clip_id FROM clips JOIN videos USING (video_id) WHERE name LIKE '%3.mp4'", [3]),
        ("SELECT * FROM (VALUES ('gone'), ('<b>'), (NULL)) t(video_id)", []),
        ("SELECT 7 AS video_id", []),
        ("SELECT name FROM videos", []),
    ],
)  # fmt: skip
def test_the_videos_of_a_querys_rows_can_be_selected(store, query, numbers):
    test = open_page("sql", store, query=query)
    assert not test.exception
    offered = [button for button in test.button if button.key == "go-select-rows"]
    assert len(offered) == bool(numbers)
    if numbers:
        offered[0].click().run()
        assert stands(test, "selected") == "ids:" + ",".join(ids(store)[n] for n in numbers)
        assert listed(open_page("corpus", store, selected=stands(test, "selected"))) == names(
            *numbers
        )


def test_more_videos_than_an_address_carries_are_selected_by_a_kept_id(store, monkeypatch):
    monkeypatch.setattr(selected_videos, "IDS_MOST", 4)
    query = "SELECT video_id FROM videos WHERE name <> 'video-00002.mp4'"
    test = open_page("sql", store, query=query)
    test.button("go-select-rows").click().run()
    written = stands(test, "selected")
    assert not test.exception and re.fullmatch("kept:[0-9a-f]{16}", written)
    assert "**5 videos selected**" in text(test) and "picked videos" in text(test)
    assert listed(open_page("corpus", store, selected=written)) == names(0, 1, 3, 4, 5)
    assert [row["tag"] for row in list_tags(store)] == ["o'dd"], "not a tag that people gave"
    before = store.fingerprint
    assert f"kept:{keep_videos(store, ids(store)[3:] + ids(store)[:2])}" == written
    assert store.fingerprint == before, "kept once"
    monkeypatch.setenv(READ_ONLY, "1")
    test = open_page("sql", store, query=query)
    assert test.button("go-select-rows").disabled
    monkeypatch.delenv(READ_ONLY)
    remove_tag(store, written)


def test_rows_of_more_videos_than_an_address_carries_become_a_tag(store, monkeypatch):
    monkeypatch.setattr(selected_videos, "IDS_MOST", 5)
    test = open_page("sql", store, query="SELECT video_id FROM videos")
    test.text_input("tag-name-rows").set_value("all o'them")
    next(button for button in test.button if button.label == "Tag 6 videos").click().run()
    assert not test.exception and stands(test, "selected") == "tag:all o'them"
    remove_tag(store, "all o'them")


@pytest.mark.parametrize("page", thin(["corpus", "video", "windows", "sensitivity", "sql"], 2))
def test_the_selection_of_an_address_holds_on_every_page(store, page):
    test = open_page(page, store, selected="tag:o'dd")
    assert not test.exception
    assert "**2 videos selected**" in text(test)
    if page == "corpus":
        assert listed(test) == names(3, 4)
    if page in ("video", "windows"):
        (box,) = [box for box in test.selectbox if box.label == "Video"]
        assert set(names(3, 4)) <= {option.partition(" ")[0] for option in box.options}
        assert not {"video-00001.mp4", "video-00005.mp4"} & {
            option.partition(" ")[0] for option in box.options
        }
    if page == "sensitivity":
        assert "2 videos" in text(test) and "tag('o''dd')" in text(test)
    if page == "sql":
        assert any("has_tag(video_id, 'o''dd')" in code.value for code in test.code)
    test.button("go-drop").click().run()
    assert not test.exception and "selected**" not in text(test)
    assert stands(test, "selected") == ""


def test_a_condition_of_a_link_waits_and_a_typed_one_holds(store):
    written = "where:label['split'] = 'train'"
    test = open_page("corpus", store, selected=written)
    assert len(listed(test)) == 6 and "This condition came with a link" in test.info[0].value
    test.button("selected-apply").click().run()
    assert listed(test) == names(0)
    test = open_page("corpus", store)
    test.text_input("select-where").set_value("label['split'] = 'train'").run()
    assert listed(test) == names(0) and stands(test, "selected") == written


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("tag:gone", "no video has the tag 'gone'"),
        ("kept:0123456789abcdef", "no video has the tag 'kept:0123456789abcdef'"),
        ("ids:0123456789abcdef", "No video of the store is selected by picked videos"),
        ("nonsense", "selects videos in a way that this version does not know"),
    ],
)
def test_a_selection_whose_videos_are_gone_says_so_and_can_be_dropped(store, written, said):
    test = open_page("corpus", store, selected=written)
    assert not test.exception and said in text(test).replace("`", "")
    assert len(listed(test)) == 6
    test.button("go-drop").click().run()
    assert stands(test, "selected") == ""


def test_what_is_listed_is_kept_as_a_tag_which_is_then_selected(store):
    test = open_page("corpus", store, search="walking")
    test.text_input("tag-name-filtered").set_value('my "tag"')
    test.text_input("tag-note-filtered").set_value("to look at")
    next(button for button in test.button if button.label == "Tag 1 video").click().run()
    assert not test.exception and not test.error
    held = {row["tag"]: (row["videos"], row["note"]) for row in list_tags(store)}
    assert held['my "tag"'] == (1, "to look at")
    assert stands(test, "selected") == 'tag:my "tag"' and listed(test) == names(2)
    test.text_input("search").set_value("").run()
    assert listed(test) == names(2)


def test_a_read_only_dashboard_saves_no_tag_and_no_query(store, monkeypatch):
    assert any(
        "tag-name" in (box.key or "")
        for box in open_page("corpus", store, search="walking").text_input
    )
    monkeypatch.setenv(READ_ONLY, "1")
    test = open_page("corpus", store, search="walking", selected=f"ids:{ids(store)[2]}")
    assert not [box for box in test.text_input if "tag-name" in (box.key or "")]
    assert not [button for button in test.button if button.label.startswith("Tag ")]
    page = open_page("sql", store)
    assert not page.exception and not [b for b in page.button if b.label == "Save query"]
    monkeypatch.delenv(READ_ONLY)
    assert [b for b in open_page("sql", store).button if b.label == "Save query"]


def test_the_command_tells_its_server_to_write_nothing():
    assert Listening(read_only=True).environment("")[READ_ONLY] == "1"
    assert not Listening().environment("")[READ_ONLY]


def test_the_tokens_of_an_area_become_a_tag_whose_videos_are_selected(store):
    """All tokens of a clip lie in an area that is drawn around everything."""
    test = open_page("video", store, video=ids(store)[5], map="true", area=EVERYWHERE)
    assert not test.exception
    test.text_input("tag-name-tokens").set_value("odd patches")
    next(button for button in test.button if re.fullmatch("Tag .* tokens", button.label)).click().run()  # fmt: skip
    assert not test.exception and not test.error and stands(test, "selected") == "tag:odd patches"
    (tag,) = (row for row in list_tags(store) if row["tag"] == "odd patches")
    joined = "SELECT count(*) AS n FROM tags JOIN token_stats USING (clip_id, slice, y, x) WHERE tag = 'odd patches'"
    assert tag["videos"] == 1 and tag["tokens"] == store.rows(joined)[0]["n"] > 0
    assert listed(open_page("corpus", store, selected="tag:odd patches")) == names(5)
