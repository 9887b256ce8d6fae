"""The ready questions of the Corpus page: what is planted is named, with its chance level, and becomes the selected videos."""

import json
from collections.abc import Iterator

import pyarrow as pa
import pytest
from click.testing import CliRunner

import tubelet.cli as front_door
from tests.dashboard.test_dashboard import open_page, stands, text
from tests.stores import synthetic_store
from tubelet.cli.questions import NAMES
from tubelet.dashboard.corpus.questions import BY_TITLE
from tubelet.reports.ready_questions import QUESTIONS
from tubelet.store import Store
from tubelet.store.annotations.importing import ImportOptions, TableFile, import_sources

VIDEOS = 20


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Videos of which the second shows the same as the first, one of each split."""
    folder = tmp_path_factory.mktemp("ready")
    made = synthetic_store(folder / "films", videos=VIDEOS, clips=2)
    copy_statistics(made, *ids(made)[:2])
    lines = [f"video-{n:05d}.mp4,{('train', 'test')[n % 2]},x{n // 10}" for n in range(VIDEOS)]
    (folder / "labels.csv").write_text("\n".join(["video,split,tenth", *lines]) + "\n")
    import_sources(made, [TableFile(folder / "labels.csv")], ImportOptions())
    yield made
    made.close()


def ids(store: Store) -> list[str]:
    return [row["video_id"] for row in store.rows("SELECT video_id FROM videos ORDER BY name")]


def copy_statistics(store: Store, source: str, target: str) -> None:
    """Give the clips of one video the statistics of another's."""
    sql = "SELECT clip_id FROM clips WHERE video_id = ? ORDER BY start_s, clip_id"
    of, to = ([row["clip_id"] for row in store.rows(sql, [id_])] for id_ in (source, target))
    listed = "SELECT * FROM {} WHERE clip_id IN (SELECT unnest($1::VARCHAR[])) ORDER BY ALL"
    rows = {name: store.query(listed.format(name), [of]) for name in ("dim_stats",)}
    place = dict(zip(of, to, strict=True))
    for name, table in rows.items():
        moved = pa.array([place[id_] for id_ in table["clip_id"].to_pylist()], pa.string())
        rows[name] = table.set_column(table.column_names.index("clip_id"), "clip_id", moved)
    rows["clips"] = store.query(listed.format("clips"), [to])
    store.commit(rows, {"clips": to, "dim_stats": to})


def ask(store: Store, name: str, **given: str):
    return open_page("corpus", store, section="Questions", question=name, **given)


@pytest.mark.parametrize("name", BY_TITLE)
def test_every_question_is_answered_with_its_chance_level(store: Store, name: str) -> None:
    test = ask(store, name)
    assert not test.exception
    shown = text(test)
    assert any(words in shown for words in ("5% of corpora", "5% of cases", "videos at random: ", "fewer than 8 videos", "choose another label"))  # fmt: skip


@pytest.mark.parametrize("name", ["Near-duplicate moments", "Leaks between splits"])
def test_a_planted_copy_is_named_and_becomes_the_selection(store: Store, name: str) -> None:
    test = ask(store, name)
    table = test.dataframe[0].value
    assert {table["name_a"][0], table["name_b"][0]} == {"video-00000.mp4", "video-00001.mp4"}
    assert table["distance"][0] == pytest.approx(0, abs=1e-2) and table["p"][0] <= 0.05
    test.button("go-select-answer").click().run()
    assert not test.exception
    assert set(ids(store)[:2]) <= set(stands(test, "selected").removeprefix("ids:").split(","))


def test_videos_to_label_next_leave_out_those_that_have_the_label(store: Store) -> None:
    some = open_page("corpus", store, section="Questions", question="Videos to label first", **{"question-count": "3"})  # fmt: skip
    assert not some.exception and len(some.dataframe[0].value) == 3
    assert "videos at random" in text(some)
    none = ask(store, "Videos to label first", **{"question-label": "split"})
    assert "every encoded video has the label" in none.info[0].value and not none.dataframe


def test_a_question_is_about_the_selected_videos(store: Store) -> None:
    few = ask(store, "Near-duplicate moments", selected="ids:" + ",".join(ids(store)[:3]))
    assert "3 encoded videos are too few to compare" in few.info[0].value
    some = ask(store, "Near-duplicate moments", selected="ids:" + ",".join(ids(store)[:9]))
    assert "of 9 videos were compared, beside 99 corpora" in text(some)


def command(store: Store, *arguments: str):
    return CliRunner().invoke(front_door.main, ["ask", *arguments, "--store", str(store.root)])


def test_the_command_says_what_the_page_says_and_tags_the_videos(store: Store) -> None:
    assert tuple(QUESTIONS) == NAMES
    done = command(store, "leaks", "--json", "--tag", "leaking")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    page = text(ask(store, "Leaks between splits")).replace("**", "")
    assert told["answer"] in page and "leaking: " in done.stderr
    first = told["rows"][0]
    assert {first["video_a"], first["video_b"]} == set(ids(store)[:2])
    tagged = store.rows("SELECT DISTINCT video_id FROM tags WHERE tag = 'leaking'")
    assert set(ids(store)[:2]) <= {row["video_id"] for row in tagged}


def test_the_command_prints_a_table_of_the_videos_that_meet_a_condition(store: Store) -> None:
    done = command(store, "label-first", "--count", "3", "--where", "name < 'video-00009'")
    sentence, head, *rows = done.stdout.splitlines()
    assert sentence.startswith("3 videos: no video is farther than ") and "*" not in sentence
    assert head.split() == ["place", "name", "distance"] and len(rows) == 3
    assert all(row.split()[1].startswith("video-0000") for row in rows)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["outliers"], "outliers needs a label: pass --label, one of split, tenth, folder"),
        (["leaks", "--label", "spilt"], "has no label 'spilt': its labels are"),
        (["label-first", "--where", "name = 'no'"], "no videos of"),
        (["label-first", "--tag", ""], "tag"),
        (["copies"], "'copies' is not one of"),
    ],
)
def test_the_command_says_what_is_wrong(store: Store, arguments: list[str], told: str) -> None:
    done = command(store, *arguments)
    assert done.exit_code == 2 and told in done.output, done.output
