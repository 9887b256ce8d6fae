"""What a folder may hold, and where content is found: nothing hangs or ends a run, nothing is passed over without a word."""

import json
import os
import shutil
import signal
import socket
import time
from pathlib import Path

import pyarrow as pa
import pytest

from tests.commands import started, tubelet
from tests.contents import contents, rows
from tests.ingest.test_ingest import run
from tests.oriented import MATRICES, oriented_video
from tests.stalled import stalled
from tests.tiers import thin
from tests.videos import make_video
from tubelet.ingest.errors import UsageError
from tubelet.ingest.folders import ENDING, PICTURE
from tubelet.ingest.pipeline.summary import Elsewhere
from tubelet.ingest.search import search
from tubelet.store import Store, stalling
from tubelet.store.schema import TABLES


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return make_video(tmp_path_factory.mktemp("one") / "one.mp4", frames=9)


@pytest.fixture
def folder(video, tmp_path) -> Path:
    made = tmp_path / "videos"
    made.mkdir()
    shutil.copy(video, made / "good.mp4")
    return made


def names(found) -> list[str]:
    return [source.path.name for source in found.sources]


def reasons(found) -> dict[str, str]:
    return {Path(one.path).name: one.reason for one in found.skipped}


def test_fifos_sockets_and_folders_named_like_videos_are_named_and_never_opened(folder):
    os.mkfifo(folder / "fifo.mp4")
    (folder / "folder.mp4").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(folder / "socket.mp4"))
        found = search([str(folder), str(folder / "fifo.mp4")])
    assert names(found) == ["good.mp4"]
    assert reasons(found) == {
        "fifo.mp4": "not a regular file but a FIFO",
        "socket.mp4": "not a regular file but a socket",
    }
    with pytest.raises(UsageError, match="a FIFO"):
        search([str(folder / "fifo.mp4")])


def test_unknown_endings_are_named_once_in_the_summary(folder, tmp_path):
    for name in ("notes.txt", "film.mp5", "picture.jpg", ".hidden"):
        (folder / name).touch()
    summary = run([folder], tmp_path / "store")
    assert reasons(search([str(folder), str(folder / "picture.jpg")])) == {
        "notes.txt": ENDING,
        "film.mp5": ENDING,
    }  # what is named is tried
    assert {Path(one.path).name for one in summary.skipped} == {
        "notes.txt",
        "film.mp5",
        "picture.jpg",
    }
    (line,) = (line for line in summary.lines() if ENDING in line)
    assert "film.mp5" in line and "2 paths, which is not a failure" in line
    (line,) = (line for line in summary.lines() if PICTURE in line)
    assert "picture.jpg" in line
    assert json.loads(json.dumps(summary.as_json()))["skipped"][0]["reason"] == ENDING


def test_linked_folders_are_followed_and_loops_end(folder, video, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "deep").mkdir(parents=True)
    shutil.copy(video, elsewhere / "deep" / "far.mp4")
    (folder / "sub").mkdir()
    (folder / "sub" / "up").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    (folder / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder / "sub")
    found = search([str(folder)])
    assert [str(source.path.relative_to(folder)) for source in found.sources] == [
        "good.mp4",
        "linked/deep/far.mp4",
    ]
    assert [source.label for source in found.sources] == [None, "linked/deep"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a user whose rights can be given up")
def test_a_folder_that_cannot_be_read_is_named_and_the_rest_is_found(folder):
    (folder / "lost+found").mkdir(mode=0)
    for path in (folder, *folder.parents):
        path.chmod(path.stat().st_mode | 0o555) if path.stat().st_uid == 0 and path != Path(
            "/"
        ) else None
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.setuid(65534)
        found = search([str(folder)])
        os.write(writer, json.dumps([names(found), reasons(found)]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    found, why = json.loads(os.read(reader, 10_000))
    assert found == ["good.mp4"] and why == {
        "lost+found": "the folder cannot be read: permission denied"
    }


@pytest.mark.parametrize("name", thin([b"k\xf6ln/clip.mp4", b"caf\xe9.mp4", b"\x93\xfa\x96{.mp4"]))
def test_a_name_that_is_not_utf_8_is_a_failure_beside_good_ones(name, folder, video, tmp_path):
    path = os.path.join(os.fsencode(folder), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copy(video, path)
    with open(path, "ab") as file:
        file.write(b"other content")
    process = tubelet(
        "ingest",
        folder,
        "--store",
        tmp_path / "store",
        "--encoder",
        "toy",
        "--size",
        "64",
        "--frames",
        "4",
    )
    assert (
        process.returncode == 1
        and "is not UTF-8" in process.stdout
        and "Traceback" not in process.stderr
    )
    assert rows(tmp_path / "store", "SELECT name FROM videos") == [{"name": "good.mp4"}]
    (failure,) = rows(tmp_path / "store", "FROM failures")
    assert failure["stage"] == "read" and "\\x" in failure["path"]


def test_names_of_any_utf_8_are_ingested_and_printed_on_one_line(folder, video, tmp_path):
    for number, name in enumerate(
        ["a\nb.mp4", "日本語.mp4", "e\u0301.mp4", "😀.mp4", "\x1b[31m.mp4", 'it\'s "q".mp4']
    ):
        (folder / name).write_bytes(video.read_bytes() + bytes(number + 1))
    (folder / "x\ny.mp4").write_bytes(b"no video")
    summary = run([folder], tmp_path / "store")
    assert summary.clips == 7 * 2 and len(summary.failures) == 1
    assert all(line.isprintable() for line in summary.lines()) and any(
        "x\\ny.mp4" in line for line in summary.lines()
    )


def test_content_that_moved_is_found_and_nothing_is_encoded_again(folder, tmp_path):
    assert run([folder], tmp_path / "store").clips == 2
    (folder / "cooking").mkdir()
    (folder / "good.mp4").rename(folder / "cooking" / "better.mp4")
    summary = run([folder], tmp_path / "store")
    assert (
        summary.clips,
        summary.videos_decoded,
        summary.videos_unchanged,
        summary.clips_kept,
    ) == (0, 0, 1, 2)
    assert [(one.label, one.same_label, one.moved) for one in summary.moved] == [
        ("cooking", None, True)
    ]
    assert any(
        "moved; the store has the new path" in line and "better.mp4 was" in line
        for line in summary.lines()
    )
    (row,) = rows(tmp_path / "store", "SELECT name, path, label FROM videos")
    assert row == {
        "name": "better.mp4",
        "path": str(folder / "cooking" / "better.mp4"),
        "label": "cooking",
    }
    assert rows(tmp_path / "store", "SELECT name, label FROM places ORDER BY name") == [
        {"name": "better.mp4", "label": "cooking"},
        {"name": "good.mp4", "label": None},
    ]
    before = contents(tmp_path / "store")
    assert run([folder], tmp_path / "store").moved == [] and contents(tmp_path / "store") == before
    run(
        [folder / "cooking" / "better.mp4"], tmp_path / "store"
    )  # named by itself, it keeps its label
    assert contents(tmp_path / "store") == before


def test_a_touched_file_is_compared_by_content(folder, tmp_path):
    run([folder], tmp_path / "store")
    os.utime(folder / "good.mp4", (1, 1))
    summary = run([folder], tmp_path / "store")
    assert (summary.clips, summary.videos_decoded, summary.moved) == (0, 0, [])
    assert (
        rows(
            tmp_path / "store",
            "SELECT modified_ns FROM videos UNION ALL SELECT modified_ns FROM places",
        )
        == [{"modified_ns": 10**9}] * 2
    )


def test_a_row_of_an_older_version_is_completed_and_nothing_is_encoded_again(folder, tmp_path):
    run([folder], tmp_path / "store")
    before = contents(tmp_path / "store")
    store = Store(tmp_path / "store")
    (row,), (place,) = store.rows("FROM videos"), store.rows("FROM places")
    older = {
        **row,
        **dict.fromkeys(
            ["mirrored", "transfer", "primaries", "bit_depth", "corrupt_frames", "gaps"]
        ),
    }
    gone = {"videos": [row["video_id"]], "places": [place["place_id"]]}
    store.commit({"videos": pa.Table.from_pylist([older], TABLES["videos"].arrow)}, gone)
    store.close()
    summary = run([folder], tmp_path / "store")
    assert (summary.clips, summary.videos_decoded, summary.clips_kept) == (0, 0, 2)
    assert rows(
        tmp_path / "store", "SELECT mirrored, (SELECT count(*) FROM places) AS places FROM videos"
    ) == [{"mirrored": False, "places": 1}]
    assert contents(tmp_path / "store")["clips"] == before["clips"]


def test_what_an_older_version_stored_of_a_mirrored_video_is_replaced(tmp_path):
    path = oriented_video(tmp_path / "mirrored.mp4", MATRICES["mirrored"], frames=9)
    run([path], tmp_path / "store", pairs="1", hop=2)
    store = Store(tmp_path / "store")
    (row,) = store.rows("FROM videos")
    as_before = {
        "videos": pa.Table.from_pylist(
            [{**row, "mirrored": None, "rotation": 180}], TABLES["videos"].arrow
        )
    }
    store.commit(as_before, {"videos": [row["video_id"]]})
    store.close()
    clips = run([path], tmp_path / "store", pairs="1", hop=2)
    assert rows(tmp_path / "store", "SELECT rotation, mirrored FROM videos") == [
        {"rotation": 0, "mirrored": True}
    ]
    assert clips.clips == 0 and clips.videos_decoded == 1
    assert tubelet("check", "--store", tmp_path / "store").returncode == 0


def test_two_places_of_one_content_with_two_labels_are_both_told(folder, video, tmp_path):
    for label in ("cooking", "walking"):
        (folder / label).mkdir()
        (folder / "good.mp4").exists() and (folder / "good.mp4").unlink()
        shutil.copy(video, folder / label / f"{label}.mp4")
    summary = run([folder], tmp_path / "store")
    assert (summary.duplicates, summary.clips) == (1, 2)
    assert [(one.label, one.same_label) for one in summary.duplicates_of] == [
        ("walking", "cooking")
    ]
    assert any("(labels walking, cooking)" in line for line in summary.lines())
    assert (
        "(labels none, cooking)"
        in Elsewhere(path="b", label=None, same_as="a", same_label="cooking").words
    )
    assert rows(tmp_path / "store", "SELECT label FROM places ORDER BY label") == [
        {"label": "cooking"},
        {"label": "walking"},
    ]


@pytest.mark.long
def test_the_first_ctrl_c_ends_a_run_that_waits_for_a_file(folder, tmp_path):
    make_video(folder / "stalled.mp4", seed=8)
    with stalled(folder / "stalled.mp4") as asked:
        process = started(
            "ingest",
            folder,
            "--store",
            tmp_path / "store",
            "--encoder",
            "toy",
            "--size",
            "64",
            "--frames",
            "4",
            "--readers",
            "1",
        )
        deadline = time.monotonic() + 60
        while (
            not (asked.is_set() and list((tmp_path / "store").glob("embeddings/*/*/*.parquet")))
            and time.monotonic() < deadline
        ):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and "did not respond" in output, errors
    assert rows(tmp_path / "store", "SELECT name FROM videos") == [{"name": "good.mp4"}]


@pytest.mark.long
def test_a_file_that_does_not_answer_is_a_failure_and_those_after_it_go_on(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(stalling, "PATIENCE_S", 4.0)
    hung = make_video(folder / "a-stalled.mp4", seed=8)
    started_at = time.monotonic()
    with stalled(hung):
        summary = run([folder], tmp_path / "store")
        assert time.monotonic() - started_at < 40  # the kernel would let the file go after 45 s
    (failure,) = summary.failures
    assert (failure.stage, Path(failure.path)) == ("read", hung)
    assert "does not answer, it gave nothing for 4 s: run the same command again" in failure.error
    assert rows(tmp_path / "store", "SELECT name FROM videos") == [{"name": "good.mp4"}]
    again = run([folder], tmp_path / "store")
    assert (again.failures, again.videos) == ([], 2)
    assert rows(tmp_path / "store", "SELECT count(*) AS n FROM videos") == [{"n": 2}]


def test_a_very_long_frame_is_a_row_or_a_clip_and_never_the_end(folder, tmp_path):
    make_video(folder / "strip.mp4", frames=9, height=8, width=1600)
    cropped = run([folder], tmp_path / "store")
    assert (cropped.clips, cropped.failures) == (4, [])
    fitted = run([folder], tmp_path / "store", fit=True)
    (failure,) = fitted.failures
    assert (
        failure.stage == "window"
        and "1600 x 8 px" in failure.error
        and "choose another --framing" in failure.error
    )


def test_stills_and_single_frames_with_tail(tmp_path):
    from PIL import Image

    Image.new("RGB", (64, 48), (200, 30, 30)).save(tmp_path / "still.jpg")
    for arguments in ({"frames": 1, "tail": True}, {"frames": 1}, {"frames": 4, "tail": True}):
        summary = run([tmp_path / "still.jpg"], tmp_path / "store", **arguments)
        assert (summary.exit_code, summary.dropped_windows, summary.dropped_frames) == (0, 0, 0), (
            arguments
        )
    assert rows(tmp_path / "store", "SELECT frame_count, slices FROM clips") == [
        {"frame_count": 1, "slices": 1}
    ]


@pytest.mark.parametrize("name", ["a\nb", "tab\t", "\x7f"])
def test_a_store_s_path_that_no_query_could_name_is_refused(name, folder, tmp_path):
    process = tubelet(
        "ingest",
        folder,
        "--store",
        tmp_path / name,
        "--encoder",
        "toy",
        "--size",
        "64",
        "--frames",
        "4",
    )
    assert (
        process.returncode == 2
        and "pass another path" in process.stderr
        and "Traceback" not in process.stderr
    )
