"""Videos at addresses: copied to be shown where that is allowed, and only as they were ingested."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.videos import make_folder
from tests.web_server import WebServer, serve_files
from tubelet.dashboard.access import OWN
from tubelet.dashboard.launch import Listening
from tubelet.ingest.job import Job
from tubelet.media import remote_videos, sources
from tubelet.media.remote_videos import REMOTE_VIDEOS
from tubelet.store import Store, StoreError
from tubelet.store.remote import file_copies
from tubelet.store.rows import VideoRow

pytest.importorskip("obstore", reason="addresses take the extra: pip install 'tubelet[s3]'")

TOY = {"encoder": "toy", "size": "64", "frames": 4, "device": "cpu", "quiet": True}


@pytest.fixture
def web(tmp_path) -> Iterator[WebServer]:
    remote_videos._look.cache_clear()
    file_copies.own_copies.cache_clear()
    with serve_files(make_folder(tmp_path / "videos", 1, frames=12)) as server:
        yield server


@pytest.fixture
def video(web, tmp_path) -> VideoRow:
    """The row of a video that was ingested from an address."""
    job = Job.of(paths=[f"{web.address}/video_000.mp4"], **TOY)
    run = job.run(str(tmp_path / "store"))
    run.execute(job.sources)
    run.store.close()
    store = Store(tmp_path / "store")
    row = store.video(store.rows("SELECT video_id FROM videos")[0]["video_id"])
    store.close()
    web.requests.clear()
    return row


@pytest.fixture
def allowed(monkeypatch) -> None:
    environment = Listening(remote_videos=True).environment("")
    monkeypatch.setenv(REMOTE_VIDEOS, environment[REMOTE_VIDEOS])


def rewrite(web: WebServer) -> Path:
    """Put other bytes in the place of the file, as many."""
    path = web.folder / "video_000.mp4"
    path.write_bytes(path.read_bytes()[::-1])
    return path


def test_a_video_at_an_address_is_copied_once_and_played(web, video, allowed):
    assert sources.unplayable(video, [], []) is None
    assert sources.verify(video).read_bytes() == (web.folder / "video_000.mp4").read_bytes()
    asked = len(web.requests)
    assert sources.verify(video).suffix == "" and sources.missing(video) is None
    assert len(web.requests) == asked, "for a minute, and what was copied, it is not asked again"


def test_a_dashboard_asks_no_address_unless_it_was_told_to(web, video, monkeypatch):
    monkeypatch.setenv(REMOTE_VIDEOS, Listening().environment("")[REMOTE_VIDEOS])
    assert "--remote-videos" in str(sources.missing(video))
    with pytest.raises(StoreError, match="--remote-videos"):
        sources.verify(video)
    assert web.requests == [] and REMOTE_VIDEOS in OWN


def test_what_is_not_the_file_that_was_ingested_is_not_shown(web, video, allowed):
    rewrite(web)
    assert "has changed since it was ingested" in str(sources.missing(video))
    remote_videos._look.cache_clear()
    web.status = 403
    assert "may not be read (403)" in str(sources.missing(video))
    remote_videos._look.cache_clear()
    web.status, web.tags = 0, False  # a server that says nothing of the change
    file_copies.own_copies.cache_clear()
    stamped = VideoRow.of({**video.columns, "modified_ns": remote_state(video).mark})
    with pytest.raises(StoreError, match="its bytes differ"):
        sources.verify(stamped)


def remote_state(video: VideoRow):
    from tubelet.store.remote.remote_file import read_file_address

    return read_file_address(video.path).look()
