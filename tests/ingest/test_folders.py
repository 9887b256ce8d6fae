"""Folders and places that an ingest finds again, holds for another's, or gets no answer from."""

import os
import shutil
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from tests.contents import rows
from tests.ingest.test_ingest import run
from tests.videos import make_video
from tubelet.ingest.pipeline.summary import KnownPlaces
from tubelet.ingest.search import search
from tubelet.store import Store, stalling
from tubelet.store.annotations.match import Videos


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return make_video(tmp_path_factory.mktemp("one") / "one.mp4", frames=9)


@pytest.fixture
def folder(video, tmp_path) -> Path:
    made = tmp_path / "videos"
    made.mkdir()
    shutil.copy(video, made / "good.mp4")
    return made


def test_a_folder_that_does_not_answer_is_named_and_the_others_go_on(
    folder, video, tmp_path, monkeypatch
):
    """No listing can be made to hang as a file can: the call into the kernel waits instead, in a folder, in the target of a link, and in a folder that was named itself."""
    monkeypatch.setattr(stalling, "PATIENCE_S", 0.4)
    answer, found_at = threading.Event(), {"scandir": os.scandir, "stat": os.stat}
    for name in ("a-gone", "b-links", "c-well"):
        (folder / name).mkdir()
        shutil.copy(video, folder / name / f"{name}.mp4")
    (folder / "b-links" / "a-link.mp4").symlink_to(tmp_path / "gone")
    gone = {str(folder / "a-gone"): "scandir", str(folder / "b-links" / "a-link.mp4"): "stat", str(tmp_path / "named"): "stat"}  # fmt: skip

    def wait_where_gone(call, path=".", *rest, **options):
        if gone.get(os.fspath(path)) == call and not options.get("dir_fd"):
            answer.wait(30)
        return found_at[call](path, *rest, **options)

    (tmp_path / "named").mkdir()
    for call in found_at:
        monkeypatch.setattr(os, call, partial(wait_where_gone, call))
    began_at = time.monotonic()
    found = search([str(tmp_path / "named"), str(folder)])
    assert time.monotonic() - began_at < 20
    answer.set()
    assert [source.path.name for source in found.sources] == [
        "b-links.mp4",
        "c-well.mp4",
        "good.mp4",
    ]
    sentence = "it does not answer, it gave nothing for 0 s: run the same command again once its disk answers"
    assert {Path(one.path).name: one.reason for one in found.skipped} == dict.fromkeys(
        ("named", "a-gone", "a-link.mp4"), sentence
    )
    monkeypatch.undo()
    assert any(source.path.name == "a-gone.mp4" for source in search([str(folder)]).sources)


def test_a_disk_that_files_were_copied_from_is_asked_once(tmp_path, monkeypatch):
    monkeypatch.setattr(stalling, "PATIENCE_S", 0.4)
    answer, asked, exists = threading.Event(), [], Path.exists
    monkeypatch.setattr(
        Path, "exists", lambda path: asked.append(path) or answer.wait(30) or exists(path)
    )
    places, began_at = KnownPlaces(), time.monotonic()
    assert [places.is_gone(str(tmp_path / name)) for name in "abc"] == [True] * 3
    assert not places.is_gone("s3://films/a.mp4")
    assert asked == [tmp_path / "a"] and time.monotonic() - began_at < 20
    answer.set()


def test_a_path_belongs_to_the_video_that_was_found_there_last(folder, video, tmp_path):
    """Two videos had a place at one path, and labels that name it were ambiguous."""
    run([folder], tmp_path / "store")
    (before,) = rows(tmp_path / "store", "SELECT video_id FROM videos")
    make_video(folder / "good.mp4", frames=9, seed=5)
    summary = run([folder], tmp_path / "store")
    (now,) = rows(tmp_path / "store", "SELECT video_id FROM places")
    (told,) = summary.replaced
    assert (told.path, told.before, told.now) == (str(folder / "good.mp4"), before["video_id"], now["video_id"])  # fmt: skip
    assert before != now and any("other content at the path" in one for one in summary.lines())
    lost = (
        "SELECT v.video_id FROM videos v JOIN places p USING (path) WHERE p.video_id != v.video_id"
    )
    assert rows(tmp_path / "store", lost) == [before]
    matches = Videos(Store(tmp_path / "store")).match([str(folder / "good.mp4"), before["video_id"]], "path")  # fmt: skip
    assert matches.found == {str(folder / "good.mp4"): now["video_id"]}
    assert Videos(Store(tmp_path / "store")).match([before["video_id"]]).found == {before["video_id"]: before["video_id"]}  # fmt: skip
    assert run([folder], tmp_path / "store").replaced == []
    (folder / "good.mp4").rename(folder / "new.mp4")
    shutil.copy(video, folder / "good.mp4")
    assert run([folder], tmp_path / "store").clips == 0
    assert rows(tmp_path / "store", "SELECT video_id, name FROM places ORDER BY name") == [
        {**before, "name": "good.mp4"},
        {**now, "name": "new.mp4"},
    ]
    assert rows(tmp_path / "store", lost) == []
