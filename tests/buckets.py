"""A real S3 server on this machine, with a store in one of its buckets: moto's, spoken to over HTTP, with faults on demand."""

import functools
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path

import pytest

KEY, SECRET = "AKIATUBELETTESTS0000", "very+secret/value0123456789"
BUCKET, PREFIX = "films", "lab/store"
URL = f"s3://{BUCKET}/{PREFIX}"


class Fault(Enum):
    """What happens to a request instead of its answer."""

    SLOW_DOWN = "503"
    DENIED = "403"
    GONE = "404"
    CUT = "the connection is closed, and nothing done"
    LOST = "the connection is closed, and all done"
    SLOW = "the answer takes its time"


class FaultyServer:
    """moto behind faults. It does one thing at a time: moto alone lets two conditional puts succeed, and loses its way where a file goes while it lists."""

    def __init__(self, app: Callable) -> None:
        self._app, self._turn = app, threading.Lock()
        self.choose: Callable[[str, str], Fault | None] = lambda method, path: None
        self.requests: list[tuple[str, str]] = []

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.requests.append((method, path))
        fault = self.choose(method, path.removeprefix(f"/{BUCKET}/{PREFIX}/"))
        if fault in (Fault.SLOW_DOWN, Fault.DENIED, Fault.GONE):
            _drain(environ)
            start_response(f"{fault.value} {fault.name}", [("Content-Length", "0")])
            return [b""]
        if fault is Fault.CUT:
            return _cut(environ)
        if fault is Fault.SLOW:
            time.sleep(0.3)
        with self._turn:
            answer = list(self._app(environ, start_response))
        return _cut(environ) if fault is Fault.LOST else answer


def _drain(environ: dict) -> None:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def _cut(environ: dict) -> Iterable[bytes]:
    with suppress(OSError):
        environ["werkzeug.socket"].shutdown(2)
    raise ConnectionResetError


@contextmanager
def serve_faulty() -> Iterator[FaultyServer]:
    """A server with an empty bucket, its credentials in the environment. Skips where moto or obstore is missing."""
    pytest.importorskip("obstore", reason="a bucket takes the extra: pip install 'tubelet[s3]'")
    moto = pytest.importorskip(
        "moto.moto_server.werkzeug_app", reason="the S3 server of the tests: pip install 'moto[s3]'"
    )
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *said: object) -> None:
            return

    faulty = FaultyServer(moto.DomainDispatcherApplication(moto.create_backend_app))
    running = make_server("127.0.0.1", 0, faulty, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    given = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{running.server_address[1]}",
        "AWS_ALLOW_HTTP": "true",
    }
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in given.items():
                patch.setenv(name, value)
            _client().create_bucket(Bucket=BUCKET)
            clear()  # moto keeps what a server before it held, as long as this process lives
            yield faulty
    finally:
        running.shutdown()
        running.server_close()


@contextmanager
def serve_bucket() -> Iterator[str]:
    """A server without faults; yields its address."""
    with serve_faulty():
        yield os.environ["AWS_ENDPOINT_URL"]


def upload(root: Path) -> None:
    """Copy a folder into the bucket, as `aws s3 sync` does; what is there and not in the folder goes. Without a request per file: moto is in this process."""
    from moto.backends import get_backend
    from moto.core import DEFAULT_ACCOUNT_ID

    held_by_moto = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"]
    names = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    for name, path in names.items():
        held_by_moto.put_object(BUCKET, f"{PREFIX}/{name}", path.read_bytes())
    for name in held() - names.keys():
        delete(name)


def put(name: str, data: bytes) -> None:
    _client().put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=data)


def read(name: str) -> bytes:
    return _client().get_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}")["Body"].read()


def delete(name: str) -> None:
    _client().delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}")


def clear() -> None:
    """Empty the bucket."""
    if names := [{"Key": f"{PREFIX}/{name}"} for name in held()]:
        _client().delete_objects(Bucket=BUCKET, Delete={"Objects": names})


def held() -> set[str]:
    pages = _client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{PREFIX}/")
    return {
        found["Key"].removeprefix(f"{PREFIX}/")
        for page in pages
        for found in page.get("Contents", ())
    }


@functools.cache
def _connect(endpoint: str):
    import boto3

    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")


def _client():
    return _connect(os.environ["AWS_ENDPOINT_URL"])
