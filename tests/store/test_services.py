"""A store in a bucket of Google Cloud Storage, and in a container of Azure: what differs from S3, whose tests are of everything else."""

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import buckets
from tests.azure_storage import KEY, serve_azure
from tests.google_storage import serve_google
from tests.stores import Recipe, add_videos, fill_store
from tests.videos import make_folder
from tubelet.ingest.job import Job
from tubelet.store import Store, StoreError
from tubelet.store.disk import integrity
from tubelet.store.remote.address import read_address
from tubelet.store.remote.bucket import Bucket, connect
from tubelet.store.remote.services import SERVICES

ONE = Recipe(videos=1, clips=1, slices=2, side=2, dim=8)
WRONG = {
    "gs": [
        ({"region": "x"}, "no store option 'region' for gs://"),
        ({"service_account_key": "{"}, "cannot be opened with these options: check the project"),
    ],
    "az": [
        ({"region": "x"}, "no store option 'region' for az://"),
        ({"account_key": "AAAA"}, r"refuses access \(403\): check the credentials .*AZURE_"),
    ],
}


@pytest.fixture(scope="module", params=["gs", "az"])
def scheme(request: pytest.FixtureRequest) -> Iterator[str]:
    with serve_google("films") if request.param == "gs" else serve_azure():
        yield request.param


def test_a_file_is_replaced_only_if_nobody_else_has(scheme: str) -> None:
    bucket = Bucket(read_address(f"{scheme}://films/alone"), {})
    assert bucket.create("a", b"first") and not bucket.create("a", b"second")
    seen = bucket.read("a")
    assert seen.data == b"first" and seen.etag
    later = bucket.swap("a", b"third", seen.etag)
    assert later == bucket.read("a").etag != seen.etag
    assert bucket.swap("a", b"fourth", seen.etag) is None and bucket.read("a").data == b"third"


@pytest.mark.long
def test_of_many_writers_every_commit_is_there_once(scheme: str, tmp_path: Path) -> None:
    """Each commit replaces the marker on the condition that nobody else has."""
    url = f"{scheme}://films/lab/store"

    def write(number: int) -> None:
        store = Store.create(url, {"cache": str(tmp_path / str(number))})
        begin.wait()
        for commit in range(5):
            add_videos(store, ONE, first=number * 5 + commit)
        store.close()

    begin = threading.Barrier(3)
    fill_store(Store.create(url, {"cache": str(tmp_path / "first")}), Recipe(videos=0))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, range(3)))
    store = Store(url, fresh=True)
    assert store.rows("SELECT count(*) AS n, count(DISTINCT video_id) AS d FROM videos") == [
        {"n": 15, "d": 15}
    ]
    assert [str(problem) for problem in integrity.check(store)] == []
    store.close()


def test_videos_and_store_may_both_be_there(scheme: str, tmp_path: Path) -> None:
    files = make_folder(tmp_path / "videos", 2, frames=16)
    bucket = connect(read_address(f"{scheme}://films"), {})
    for path in sorted(files.iterdir()):
        bucket.put(f"raw/{path.name}", path)
    toy: dict[str, Any] = {"encoder": "toy", "size": "64", "frames": 4, "device": "cpu", "quiet": True}  # fmt: skip
    job = Job.of(paths=[f"{scheme}://films/raw/"], **toy)
    summary = job.run(f"{scheme}://films/second").execute(job.sources)
    assert not summary.failures and summary.videos == 2
    again = Job.of(paths=[f"{scheme}://films/raw/"], **toy)
    assert again.run(f"{scheme}://films/second").execute(again.sources).clips == 0


def test_what_is_wrong_is_said(scheme: str, tmp_path: Path) -> None:
    for options, said in WRONG[scheme]:
        with pytest.raises(StoreError, match=said) as refused:
            Store(f"{scheme}://films/lab/store", options={"cache": str(tmp_path), **options})
        assert KEY not in str(refused.value)
    with pytest.raises(StoreError, match="is not a Tubelet store"):
        Store(f"{scheme}://absent/store", options={"cache": str(tmp_path)})


@pytest.mark.parametrize("name", SERVICES)
def test_without_credentials_nothing_is_asked(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore", reason="a bucket takes the extra: pip install 'tubelet[s3]'")
    service = SERVICES[name]
    for variable in service.credentials & os.environ.keys():
        monkeypatch.delenv(variable)
    with pytest.raises(StoreError, match=service.variables.split(",")[0]):
        Store(f"{name}://films/store", options={"cache": str(tmp_path)})


@pytest.fixture
def role() -> Iterator[list[str]]:
    """A machine's own service that hands out the credentials of its role, as on EC2; what was asked of it."""
    asked: list[str] = []
    given = {
        "/latest/api/token": "token",
        "/latest/meta-data/iam/security-credentials/": "films-reader",
        "/latest/meta-data/iam/security-credentials/films-reader": json.dumps(
            {
                "AccessKeyId": buckets.KEY,
                "SecretAccessKey": buckets.SECRET,
                "Token": "token",
                "Expiration": "2099-01-01T00:00:00Z",
            }
        ),
    }

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200 if self.path in given else 404)
            self.end_headers()
            self.wfile.write(given.get(self.path, "").encode())

        do_PUT = do_GET

        def log_message(self, *said: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server, pytest.MonkeyPatch.context() as patch:  # fmt: skip
        threading.Thread(target=server.serve_forever, daemon=True).start()
        patch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield asked
        server.shutdown()


def test_a_machine_may_have_a_role_instead_of_a_key(role: list[str]) -> None:
    with buckets.serve_bucket(), pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        address = read_address(buckets.URL)
        with pytest.raises(StoreError, match="machine_role=true"):
            Bucket(address, {})
        assert Bucket(address, {"machine_role": "true"}).create("a", b"first")
        assert role[-1].endswith("films-reader")
        patch.setenv("TUBELET_MACHINE_ROLE", "true")  # as videos at addresses have it
        assert Bucket(address, {}).read("a").data == b"first"
