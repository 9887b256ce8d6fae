"""Conditions in which a label is a column and a tag a function, and the tags themselves."""

import json
import threading
from datetime import datetime

import pytest

from tests.commands import run_here
from tests.stores import synthetic_store
from tubelet.reports.sensitivity.findings import find, read_groups
from tubelet.reports.sensitivity.request import SensitivityRequest
from tubelet.store import Store
from tubelet.store.annotations.importing import ImportOptions, TableFile, import_sources
from tubelet.store.annotations.tags import TagMember, add_tag, list_tags, remove_tag
from tubelet.store.disk import removal
from tubelet.store.errors import AnnotationError, NoVideos, Overtaken, QueryError
from tubelet.store.questions.condition import read_condition
from tubelet.store.sandbox import conditions

LABELS = """video,split,group,action
video-00000.mp4,train,a,pour
video-00001.mp4,test,a,stir
video-00002.mp4,test,b,it's
video-00003.mp4,test,b,
"""
SEGMENTS = """video,event,start,stop
video-00000.mp4,cut,0,0.1
video-00000.mp4,mix,0.1,0.2
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("conditions")
    made = synthetic_store(folder / "store", videos=5, clips=3)
    for name, text in (("labels.csv", LABELS), ("segments.csv", SEGMENTS)):
        (folder / name).write_text(text)
    import_sources(
        made, [TableFile(folder / name) for name in ("labels.csv", "segments.csv")], ImportOptions()
    )
    add_tag(made, 'o\'dd "one"', members(made, 0, 4), "two of them")
    yield made
    made.close()


def members(store: Store, *numbers: int) -> list[TagMember]:
    rows = store.rows("SELECT video_id FROM videos ORDER BY name")
    return [TagMember(video_id=rows[number]["video_id"]) for number in numbers]


@pytest.mark.parametrize(
    ("where", "sql"),
    [
        ("label['a'] = 'pour'", "label_of(video_id, 'a') = 'pour'"),
        ('LABEL [ "it\'s" ]  IS NULL', "label_of(video_id, 'it''s')  IS NULL"),
        ("videos.label['a'] IN ('b')", "label_of(videos.video_id, 'a') IN ('b')"),
        ("NOT tag('o''dd')", "NOT has_tag(video_id, 'o''dd')"),
        ("any_label('a', 'b')", "has_label(video_id, 'a', 'b')"),
        ("label = 'cooking' AND name LIKE '%label[''a'']%' -- tag('x')", None),
        ("labels['a']", None),
        ("[x for x in [1]] IS NOT NULL", None),
        ("é = 'ü' AND label['é'] = 'ü'", "é = 'ü' AND label_of(video_id, 'é') = 'ü'"),
    ],
)
def test_labels_and_tags_become_functions_and_nothing_else_changes(where, sql):
    assert read_condition(where).sql == (where if sql is None else sql)


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ("label['split'] = 'test'", [1, 2, 3]),
        ("label['split'] = 'test' AND label = 'swimming'", [1]),
        ("label['action'] = 'it''s'", [2]),
        ("label['split'] IS NULL", [4]),
        ("label['folder'] = 'cooking'", [0, 4]),
        ("any_label('event', 'mix')", [0]),
        ("tag('o''dd \"one\"') AND label['split'] = 'train' -- and more", [0]),
        ("NOT tag('o''dd \"one\"')", [1, 2, 3]),
    ],
)
def test_a_condition_selects_by_labels_and_tags_in_every_place(store, where, numbers):
    wanted = sorted(member.video_id for member in members(store, *numbers))
    chosen = conditions.videos(store, where)
    assert sorted(chosen) == wanted
    assert sorted(removal.choose(store, "videos", [], where)["videos"]) == wanted
    (row,) = store.rows(f"SELECT {chosen.sql} AS found")  # the SQL that a page shows
    assert sorted(row["found"]) == wanted
    of_clips = where.replace("label = 'swimming'", "true")  # a column of videos alone
    found = conditions.keys(store, "clips", "clip_id", of_clips)
    assert len(found) == (9 if of_clips != where else 3 * len(wanted))


@pytest.mark.parametrize(
    ("where", "why"),
    [
        (
            "label['acton'] IS NULL",
            r"no video has the label 'acton'; the store has: action, event, folder, group, split",
        ),
        ("NOT tag('even')", r"no video has the tag 'even'; the store has: o'dd"),
        (
            "label['event'] = 'cut'",
            r"video \w{16} has several values of event: .*any_label\('event', VALUE\)",
        ),
        ("label['split' = 'test'", "syntax|parser|Parser"),
        ("1=1) OR (1=1", r"has a \) that nothing in it opens"),
        ("true) UNION (SELECT 'not of this store'", r"has a \) that nothing in it opens"),
        ("true\n) -- (", r"has a \) that nothing in it opens"),
        ("[true)] IS NOT NULL", r"has a \) that nothing in it opens"),
        ("1 AS BOOLEAN) OR CAST(1=1", r"has a \) that nothing in it opens"),
        ("SELECT true", 'syntax error at or near "SELECT"'),
        ("FROM videos", 'syntax error at or near "FROM"'),
        ("true; SELECT true", "syntax error"),
        ("true ORDER BY 1", 'syntax error at or near "ORDER"'),
        (" -- nothing", "the condition is empty"),
    ],
)
def test_what_a_condition_cannot_mean_is_refused(store, where, why):
    with pytest.raises(QueryError, match=why):
        conditions.videos(store, where)
    with pytest.raises(QueryError):
        removal.choose(store, "clips", [], where)
    with pytest.raises(QueryError):
        find(store, SensitivityRequest(where=where))


@pytest.mark.parametrize(
    "where",
    [
        "name LIKE '%)%' OR true /* ) */ -- )",
        '(("name") IS NOT NULL)',
        "$$)$$ <> name",
        "EXISTS (FROM clips c WHERE c.video_id = videos.video_id)",
        "{'a': [1, 2]}['a'][1] = 1",
    ],
)
def test_brackets_in_strings_comments_and_pairs_are_part_of_a_condition(store, where):
    assert len(conditions.videos(store, where)) == 5


def test_encoders_have_no_labels_and_no_match_says_what_can_be_written(store):
    with pytest.raises(QueryError, match="encoders have no labels and no tags"):
        conditions.keys(store, "encoders", "encoder_id", "label['split'] = 'test'")
    with pytest.raises(NoVideos, match=r"matches no video.*label\['split'\] = 'test'"):
        conditions.videos(store, "label['split'] = 'none'")


def test_a_report_takes_labels_and_counts_the_groups_that_were_brought(store):
    found = find(
        store, SensitivityRequest(where="label['split'] IN ('train', 'test')", unit="group")
    )
    assert found.count == 2 and sorted(found.videos["name"].to_pylist()) == ["group a", "group b"]
    assert find(store, SensitivityRequest(where="label['split'] = 'test'")).count == 3
    assert len(read_groups(store)) == 4


def test_tags_are_kept_with_their_note_and_taken_away(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=4)
    first = add_tag(store, " odd ", members(store, 0, 1), "look again")
    again = add_tag(store, "odd", [*members(store, 1, 2), TagMember(video_id="not here")])
    assert (first.added, again.added, again.present, again.gone) == (2, 1, 1, 1)
    (clip,) = store.rows("FROM clips LIMIT 1")
    token = TagMember(
        video_id=members(store, 3)[0].video_id, clip_id=clip["clip_id"], slice=0, y=1, x=2
    )
    add_tag(store, "odd", [token])
    (row,) = list_tags(store)
    assert (row["tag"], row["videos"], row["tokens"], row["note"]) == ("odd", 4, 1, "look again")
    add_tag(store, "odd", members(store, 1), "seen")
    assert list_tags(store)[0]["note"] == "look again; seen"
    before = store.fingerprint
    add_tag(store, "odd", members(store, 1), "seen")
    assert store.fingerprint == before, "the note is there already"
    with pytest.raises(
        AnnotationError, match="together with the existing note.*write 1,982 or fewer"
    ):
        add_tag(store, "odd", members(store, 1), "x" * 1999)
    assert list_tags(store)[0]["videos"] == 4
    removal.remove(store, removal.choose(store, "videos", ["video-00000.mp4"], None))
    assert list_tags(store)[0]["videos"] == 3
    assert remove_tag(store, "odd", [members(store, 0)[0].video_id]) == 1
    assert remove_tag(store, "odd") == 2 and not list_tags(store)
    with pytest.raises(AnnotationError, match="has no tag 'odd'; its tags are: none"):
        remove_tag(store, "odd")
    for name in ("", " ", "two\nlines", "x" * 101):
        with pytest.raises(AnnotationError, match="is not the name of a tag|write 100 or fewer"):
            add_tag(store, name, [])
    store.close()


@pytest.mark.long
def test_two_writers_tag_at_once_and_nothing_is_lost(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=8)
    stores = [Store(store.root), Store(store.root)]
    everyone = members(store, *range(8))

    def tag(which: int) -> None:
        for member in everyone[which::2]:
            add_tag(stores[which], "mine", [member])
            add_tag(stores[which], "ours", [everyone[0]])

    threads = [threading.Thread(target=tag, args=[which]) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(row["tag"], row["videos"]) for row in list_tags(store)] == [("mine", 8), ("ours", 1)]
    assert len(store.rows("FROM tags")) == 9
    for one in (store, *stores):
        one.close()


@pytest.mark.long
def test_two_writers_note_one_video_at_once_and_both_notes_stay(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=1)
    stores = [Store(store.root), Store(store.root)]
    member = members(store, 0)
    start = threading.Barrier(2)

    def note(which: int) -> None:
        for number in range(4):
            start.wait()
            add_tag(stores[which], "odd", member, f"{number} of {which}")

    threads = [threading.Thread(target=note, args=[which]) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (row,) = store.rows("FROM tags")
    assert sorted(row["note"].split("; ")) == sorted(
        f"{number} of {which}" for number in range(4) for which in (0, 1)
    )
    for one in (store, *stores):
        one.close()


def test_a_commit_from_rows_of_an_older_store_is_refused_whole(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=1)
    before = store.fingerprint
    add_tag(store, "odd", members(store, 0), "first")
    with pytest.raises(Overtaken, match="another writer has changed .*: read it again"):
        store.commit({}, {"tags.tag": ["odd"]}, expected=before)
    assert list_tags(store)[0]["note"] == "first"
    store.close()


def test_the_command_tags_lists_and_removes(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=4)
    store.close()
    told = run_here(
        "tag",
        "calm",
        "--where",
        "label = 'cooking'",
        "--note",
        "to begin with",
        "--store",
        store.root,
        check=True,
    )
    assert told.stdout == "calm: 1 tagged, 0 had the tag\n"
    run_here("tag", "calm", "video-00001.mp4", "--store", store.root, check=True)
    assert (
        run_here("tag", "--store", store.root, check=True).stdout
        == "calm (2 videos): to begin with\n"
    )
    listed = json.loads(run_here("tag", "--json", "--store", store.root, check=True).stdout)
    assert [(row["tag"], row["videos"]) for row in listed] == [("calm", 2)]
    assert datetime.fromisoformat(listed[0]["added_at"]).tzinfo
    (tmp_path / "labels.csv").write_text(LABELS)
    run_here("annotate", tmp_path / "labels.csv", "--store", store.root, check=True)
    sources = run_here("annotate", "--list", "--json", "--store", store.root, check=True).stdout
    assert datetime.fromisoformat(json.loads(sources)[0]["added_at"]).tzinfo
    removed = run_here(
        "tag",
        "calm",
        "--remove",
        "--where",
        "tag('calm') AND label = 'cooking'",
        "--store",
        store.root,
    )
    assert removed.stdout == "calm: taken from 1\n"
    refused = run_here("tag", "calm", "--store", store.root)
    assert refused.returncode == 2 and "name the videos that get the tag calm" in refused.stderr
