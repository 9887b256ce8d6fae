"""Videos at addresses are those files: the same ids, the same clips; read once, in parts, and only while they stay as they are."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import buckets
from tests.contents import rows
from tests.videos import make_folder, make_video
from tests.web_server import WebServer, serve_files
from tubelet.ingest.errors import UsageError
from tubelet.ingest.job import Job
from tubelet.ingest.pipeline.summary import Summary
from tubelet.ingest.search import find, search
from tubelet.media.errors import VideoError
from tubelet.store.remote import file_copies, remote_file
from tubelet.store.remote.file_copies import FileCopies
from tubelet.store.remote.remote_file import FileChanged, RemoteFile

pytest.importorskip("obstore", reason="addresses take the extra: pip install 'tubelet[s3]'")

TOY = {"encoder": "toy", "size": "64", "frames": 4, "device": "cpu", "quiet": True}
SECRET = "X-Amz-Signature=9fQpwS3cr3t"


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    folder = make_folder(tmp_path_factory.mktemp("web"), 2, frames=12)
    return make_video(folder / "deep" / "an odd name (1).mp4", frames=12, seed=7).parents[1]


@pytest.fixture
def web(videos, monkeypatch) -> Iterator[WebServer]:
    monkeypatch.setattr(remote_file, "PART", 2_000)
    file_copies.own_copies.cache_clear()
    with serve_files(videos) as server:
        yield server


def ingest(store: Path, *paths: str) -> Summary:
    job = Job.of(paths=list(paths), **TOY)
    run = job.run(str(store))
    try:
        return run.execute(job.sources)
    finally:
        run.store.close()


def embeddings(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (store / "embeddings").rglob("*.parquet")}


def test_a_video_on_a_web_server_is_that_file(web, videos, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    names = ["video_000.mp4", "deep/an odd name (1).mp4"]
    whole = ingest(here, *(str(videos / name) for name in names)).clips
    uris = [
        f"{web.address}/video_000.mp4?{SECRET}",
        f"{web.address}/deep/an%20odd%20name%20(1).mp4",
    ]
    assert ingest(there, *uris).clips == whole
    assert embeddings(there) == embeddings(here)
    kept = "SELECT video_id, name, bytes FROM videos ORDER BY ALL"
    assert rows(there, kept) == rows(here, kept)
    paths = {
        row["path"] for row in rows(there, "SELECT path FROM videos UNION SELECT path FROM places")
    }
    assert paths == {uri.partition("?")[0] for uri in uris}
    assert not any(
        SECRET.encode() in file.read_bytes() for file in there.rglob("*") if file.is_file()
    )
    asked = [(path, span) for method, path, span in web.requests if method == "GET"]
    assert len(asked) > 4 and len(asked) == len(set(asked)), "every byte once, in parts"
    assert all(span for _, span in asked)
    web.requests.clear()
    again = ingest(there, *uris)
    assert (
        again.clips == 0
        and again.clips_kept == whole
        and {method for method, _, _ in web.requests} == {"HEAD"}
    )


@pytest.mark.long
def test_a_folder_of_a_bucket_is_read_as_a_folder_is(videos, tmp_path):
    with buckets.serve_faulty() as server:
        for path in videos.rglob("*.mp4"):
            buckets.put(f"films/{path.relative_to(videos).as_posix()}", path.read_bytes())
        buckets.put("films/notes.txt", b"-")
        whole = ingest(tmp_path / "here", str(videos)).clips
        found = ingest(tmp_path / "there", f"{buckets.URL}/films/")
        assert found.clips == whole and [one.path for one in found.skipped] == [
            f"{buckets.URL}/films/notes.txt"
        ]
        assert embeddings(tmp_path / "there") == embeddings(tmp_path / "here")
        kept = "SELECT video_id, name, label FROM videos ORDER BY ALL"
        assert rows(tmp_path / "there", kept) == rows(tmp_path / "here", kept)
        server.requests.clear()
        assert ingest(tmp_path / "there", f"{buckets.URL}/films").clips_kept == whole
        assert len(server.requests) == 1, "the list says that nothing has changed"
        one = ingest(
            tmp_path / "there",
            f"{buckets.URL}/films/video_000.mp4",
            f"{buckets.URL}/films/none.mp4",
        )
        assert one.clips_kept == whole // 3
        assert [failure.error for failure in one.failures] == [
            f"{buckets.URL}/films/none.mp4 is not there (404): check the address"
        ]
        with pytest.raises(UsageError, match="holds no file"):
            search([f"{buckets.URL}/none/"])


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, "is not there (404): check the address"),
        (
            403,
            "may not be read (403): check that the address may be read without a password, and has not expired",
        ),
        (429, "cannot be read: the server answered 429; run the same command again later"),
    ],
)
def test_what_a_server_refuses_is_said_without_its_words(web, tmp_path, status, said):
    web.status = status
    failures = ingest(tmp_path / "store", f"{web.address}/video_000.mp4?{SECRET}").failures
    assert [(failure.stage, failure.error) for failure in failures] == [
        ("read", f"{web.address}/video_000.mp4 {said}")
    ]


def test_a_server_without_heads_ranges_and_tags_will_do(web, tmp_path):
    web.head_status, web.ranges, web.tags = 403, False, False
    assert ingest(tmp_path / "store", f"{web.address}/video_000.mp4").clips == 4


def test_a_connection_that_is_cut_is_made_again(web, tmp_path):
    web.cut_after = 500
    assert ingest(tmp_path / "store", f"{web.address}/video_000.mp4").clips == 4


def test_a_server_that_is_too_slow_is_named(web, tmp_path, monkeypatch):
    web.delay_s = 0.6
    monkeypatch.setattr(remote_file, "ANSWER_S", 0.1)
    monkeypatch.setattr(remote_file, "RETRIES", 0)
    with pytest.raises(VideoError, match="is sent too slowly"):
        find_one(f"{web.address}/video_000.mp4").reading({})


def find_one(uri: str):
    return search([uri]).sources[0]


@pytest.mark.parametrize("tags", [True, False])
def test_a_file_that_changes_while_it_is_copied_is_no_mixture(web, videos, tmp_path, tags):
    web.tags, file = tags, RemoteFile(f"{web.address}/changing.mp4")
    (videos / "changing.mp4").write_bytes(b"a" * 10_000)
    state = file.look()
    parts = file._read(state)
    assert next(parts) == b"a" * 2_000
    (videos / "changing.mp4").write_bytes(b"b" * 10_000)
    os.utime(videos / "changing.mp4", (1, 1))
    with pytest.raises(FileChanged):
        list(parts)
    (videos / "changing.mp4").unlink()


def test_a_file_that_changes_after_it_was_listed_is_looked_at_again(web, videos):
    make_video(videos / "new.mp4", frames=8)
    source = find_one(f"{web.address}/new.mp4")
    first = source.reading({})
    assert source.reading({first.stamp: "known"}).video_id == "known"
    make_video(videos / "new.mp4", frames=8, seed=3)
    second = source.reading({first.stamp: first.video_id})
    assert second.video_id != first.video_id and second.change is None
    assert first.change is not None
    (videos / "new.mp4").unlink()


def test_copies_are_bounded_and_none_that_is_in_use_goes(web, tmp_path):
    copies = FileCopies(tmp_path, most_bytes=0)
    files = [RemoteFile(f"{web.address}/video_00{number}.mp4") for number in range(2)]
    with copies.hold(files[0]) as first:
        with copies.hold(files[1]) as second:
            assert first.exists() and second.exists()
        assert first.exists() and not second.exists()
    assert not first.exists()


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("ftp://host/a.mp4", "is not read by this version"),
        ("https://ann:S3cr3t@host/a.mp4", "an address with a name or a password is not read"),
        ("https:///a.mp4", "is not the address of a file"),
        ("https://host/films/", "is a folder of a web server"),
        ("s3://B/films/", "is not the address"),
    ],
)
def test_addresses_that_lead_nowhere_are_named(uri, said):
    with pytest.raises(UsageError, match=said) as raised:
        search([uri])
    assert "S3cr3t" not in str(raised.value)


def test_commands_that_need_files_say_so():
    with pytest.raises(UsageError, match="copy them to this machine"):
        find([f"https://host/a.mp4?{SECRET}"])
