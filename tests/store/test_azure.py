"""A store in a container of Azure: Azurite is its server, where `TUBELET_AZURITE` names the script that starts it (`npm install azurite`)."""

import base64
import hashlib
import hmac
import os
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.stores import Recipe, add_videos, fill_store
from tests.videos import make_folder
from tubelet.ingest.job import Job
from tubelet.store import Store, StoreError
from tubelet.store.disk import integrity
from tubelet.store.remote.services import AZURE

ACCOUNT, PORT = "devstoreaccount1", 10_123
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # of every Azurite
URL = "az://films/lab/store"
ONE = Recipe(videos=1, clips=1, slices=2, side=2, dim=8)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    script = os.environ.get("TUBELET_AZURITE")
    if not script:
        pytest.skip("the server of these tests: npm install azurite, then TUBELET_AZURITE=.../azurite/dist/src/blob/main.js")  # fmt: skip
    asked = ["--inMemoryPersistence", "--blobPort", str(PORT), "--silent", "--skipApiVersionCheck", "--disableTelemetry"]  # fmt: skip
    running = subprocess.Popen(["node", script, *asked], stdout=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{PORT}/{ACCOUNT}"
    given = {"AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": KEY, "AZURE_STORAGE_ENDPOINT": endpoint, "AZURE_ALLOW_HTTP": "true"}  # fmt: skip
    try:
        _wait()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in given.items():
                patch.setenv(name, value)
            _make_container(f"{endpoint}/films")
            yield endpoint
    finally:
        running.kill()
        running.wait()


def _wait() -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", PORT)).close()
            return
        except OSError:
            time.sleep(0.1)


def _make_container(address: str) -> None:
    now, kind = format_datetime(datetime.now(UTC), usegmt=True), "application/octet-stream"
    said = (
        f"x-ms-date:{now}\nx-ms-version:2021-08-06\n/{ACCOUNT}/{ACCOUNT}/films\nrestype:container"
    )
    signed = "\n".join(["PUT", *[""] * 4, kind, *[""] * 6, said])
    made = hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
    headers = {"x-ms-date": now, "x-ms-version": "2021-08-06", "Content-Type": kind, "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(made).decode()}"}  # fmt: skip
    asked = urllib.request.Request(f"{address}?restype=container", b"", headers, method="PUT")
    urllib.request.urlopen(asked).close()


def test_of_many_writers_every_commit_is_there_once(server, tmp_path):
    """Each commit replaces the marker on the condition that nobody else has."""

    def write(number: int) -> None:
        store = Store.create(URL, {"cache": str(tmp_path / str(number))})
        begin.wait()
        for commit in range(5):
            add_videos(store, ONE, first=number * 5 + commit)
        store.close()

    begin = threading.Barrier(3)
    fill_store(Store.create(URL, {"cache": str(tmp_path / "first")}), Recipe(videos=0))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, range(3)))
    store = Store(URL, fresh=True)
    assert store.rows("SELECT count(*) AS n, count(DISTINCT video_id) AS d FROM videos") == [
        {"n": 15, "d": 15}
    ]
    assert [str(problem) for problem in integrity.check(store)] == []
    store.close()


def test_videos_and_store_may_both_be_there(server, tmp_path):
    from obstore.store import AzureStore

    files = make_folder(tmp_path / "videos", 2, frames=16)
    bucket = AzureStore("films", client_options={"allow_http": True})
    for path in sorted(files.iterdir()):
        bucket.put(f"raw/{path.name}", path)
    toy = {"encoder": "toy", "size": "64", "frames": 4, "device": "cpu", "quiet": True}
    job = Job.of(paths=["az://films/raw/"], **toy)
    summary = job.run("az://films/second").execute(job.sources)
    assert not summary.failures and summary.videos == 2
    again = Job.of(paths=["az://films/raw/"], **toy)
    assert again.run("az://films/second").execute(again.sources).clips == 0


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        (URL, {"region": "x"}, "no store option 'region' for az://"),
        (URL, {"account_key": "AAAA"}, r"refuses access \(403\): check the credentials .*AZURE_"),
        ("az://absent/store", {}, "is not a Tubelet store"),
    ],
)
def test_what_is_wrong_is_said(server, url, options, said, tmp_path):
    with pytest.raises(StoreError, match=said) as refused:
        Store(url, options={"cache": str(tmp_path), **options})
    assert KEY not in str(refused.value)


def test_without_credentials_nothing_is_asked(tmp_path: Path, monkeypatch):
    pytest.importorskip("obstore", reason="a bucket takes the extra: pip install 'tubelet[s3]'")
    for name in AZURE.credentials:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StoreError, match="AZURE_STORAGE_ACCOUNT_NAME"):
        Store("az://films/store", options={"cache": str(tmp_path)})
