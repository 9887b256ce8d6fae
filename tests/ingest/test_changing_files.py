"""A file and its content belong together: one that changes while it is read is taken back, and one whose frames are elsewhere is no video."""

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from PIL import Image

from tests.commands import run_here
from tests.contents import rows
from tests.ingest.test_ingest import run
from tests.tiers import thin
from tests.videos import make_video
from tubelet.media.decoder import Decoder
from tubelet.store import ids


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return make_video(tmp_path_factory.mktemp("one") / "one.mp4", frames=9)


@pytest.fixture
def folder(video, tmp_path) -> Path:
    made = tmp_path / "videos"
    made.mkdir()
    shutil.copy(video, made / "good.mp4")
    return made


class Meddling:
    """Sources whose file somebody changes as soon as their first clip has been read."""

    def __init__(self, job, change) -> None:
        self.job, self.change, self.done = job, change, False

    def read(self, source, read) -> Iterator:
        return self.pass_on(source, read(source))

    def pass_on(self, source, items) -> Iterator:
        for item in items:
            yield item
            if not self.done:
                self.done = True
                self.change(source.path)


def _grow(path: Path) -> None:
    with open(path, "ab") as file:
        file.write(b"more")


def _replace(path: Path) -> None:
    make_video(path.parent.parent / "new.mp4", frames=9, seed=5).rename(path)


@pytest.mark.parametrize("change", thin([_grow, _replace, Path.unlink]))
def test_a_file_that_does_not_stay_as_it_was_is_taken_back(change, folder, tmp_path, monkeypatch):
    from tubelet.ingest.job import Job
    from tubelet.ingest.pipeline import writer

    monkeypatch.setattr(
        writer, "COMMIT_SECONDS", 0
    )  # its first clip is committed when the file changes
    make_video(folder / "later.mp4", frames=9, seed=3)
    job = Job.of(paths=[str(folder)], encoder="toy", size="64", frames=4, pairs="1", hop=2)
    ingest, meddling = job.run(str(tmp_path / "store")), Meddling(job, change)
    reader = ingest._reader
    read, reader.read = reader.read, lambda source: meddling.read(source, read)
    summary = ingest.execute(job.sources)
    (failure,) = summary.failures
    assert failure.stage == "read" and "run the same command again" in failure.error
    assert rows(tmp_path / "store", "SELECT name FROM videos") == [{"name": "later.mp4"}]
    for table in ("clips", "pairs", "places"):
        assert rows(
            tmp_path / "store",
            f"SELECT DISTINCT name FROM {table} t LEFT JOIN videos v USING (video_id)"
            if table != "places"
            else "SELECT name FROM places",
        ) == [{"name": "later.mp4"}]
    assert run_here("check", "--store", tmp_path / "store").returncode == 0
    again = run([folder], tmp_path / "store")
    assert again.videos == 1 + (change is not Path.unlink) and not again.failures


@pytest.mark.parametrize(("times", "clips"), [(1, 2), (2, 0)])
def test_a_file_that_is_written_to_while_it_is_hashed_is_hashed_again_once(
    times, clips, folder, tmp_path, monkeypatch
):
    """What its row says of its bytes is then what was hashed."""
    hash_file, left = ids.video_id, [times]

    def meddle(path):
        found = hash_file(path)
        if left[0]:
            left[0] -= 1
            _grow(path)
        return found

    monkeypatch.setattr(ids, "video_id", meddle)
    summary = run([folder], tmp_path / "store")
    assert summary.clips == clips
    if clips:
        (row,) = rows(tmp_path / "store", "SELECT bytes, video_id FROM videos")
        path = folder / "good.mp4"
        assert row == {"bytes": path.stat().st_size, "video_id": hash_file(path)}
    else:
        assert "changed while it was read" in summary.failures[0].error


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.mp4", "ffconcat version 1.0\nfile good.mp4\n"),
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\ngood.ts\n#EXT-X-ENDLIST\n"),
    ],
)  # fmt: skip
def test_a_list_of_other_files_is_not_a_video(name, text, folder, tmp_path):
    (folder / name).write_text(text)
    with av.open(str(folder / "good.mp4")) as given, av.open(str(folder / "good.ts"), "w") as made:
        made.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = made.streams[0]
                made.mux(packet)
    (failure,) = run([folder / name], tmp_path / "store").failures
    assert failure.stage == "open" and "a list of other files" in failure.error


def test_a_percent_sign_in_the_name_of_a_picture_stands_for_itself(tmp_path):
    folder = tmp_path / "shot%d"
    folder.mkdir()
    for name, value in (("q%d.png", 200), ("q1.png", 0)):
        Image.new("RGB", (64, 64), (value,) * 3).save(folder / name)
    summary = run([folder / "q%d.png"], tmp_path / "store", frames=1)
    assert (summary.clips, summary.failures) == (1, [])
    (row,) = rows(tmp_path / "store", "SELECT thumbnail FROM videos")
    picture = Image.open(tmp_path / "store" / row["thumbnail"])
    assert picture.getpixel((5, 5)) == (200,) * 3


def test_an_error_of_the_disk_says_nothing_of_the_content_and_is_tried_again(
    folder, tmp_path, monkeypatch
):
    left = [4]

    class Failing(Decoder):
        def _await(self, packet):
            left[0] -= 1
            if not left[0]:
                av.error.err_check(-errno.EIO)
            return super()._await(packet)

    with monkeypatch.context() as patched:
        patched.setattr("tubelet.media.video.Decoder", Failing)
        (failure,) = run([folder], tmp_path / "store").failures
    assert (failure.stage, "input/output error" in failure.error) == ("read", True)
    assert rows(tmp_path / "store", "SELECT name FROM videos") == []
    again = run([folder], tmp_path / "store")
    assert (again.clips, again.failures) == (2, [])


@pytest.mark.long
@pytest.mark.parametrize("name", ["a-copy.mp4", "z-copy.mp4"])
def test_a_copy_of_a_file_that_fails_is_no_duplicate_without_its_video(
    name, folder, tmp_path, monkeypatch
):
    """Read after the file that vanishes, the copy stands for it; met while that one is read, it leaves no place behind."""
    from tubelet.ingest.job import Job

    shutil.copy(folder / "good.mp4", folder / name)
    job = Job.of(paths=[str(folder)], encoder="toy", size="64", frames=4, pairs="0", readers=1)
    ingest, meddling = job.run(str(tmp_path / "store")), Meddling(job, Path.unlink)
    reader = ingest._reader
    read, reader.read = reader.read, lambda source: meddling.read(source, read)
    ingest.execute(job.sources)
    videos, places = (
        rows(tmp_path / "store", f"SELECT video_id FROM {table}") for table in ("videos", "places")
    )
    assert places == videos
    run([folder], tmp_path / "store")
    assert len(rows(tmp_path / "store", "SELECT name FROM videos")) == 1
