"""A real S3 server on this machine, with a store in one of its buckets: moto's, spoken to over HTTP."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KEY, SECRET = "AKIATUBELETTESTS0000", "very+secret/value0123456789"
BUCKET, PREFIX = "films", "lab/store"
URL = f"s3://{BUCKET}/{PREFIX}"


@contextmanager
def serve_bucket() -> Iterator[str]:
    """A server with an empty bucket, its credentials in the environment; yields its address. Skips where moto or obstore is missing."""
    pytest.importorskip(
        "obstore", reason="reading a bucket takes the extra: pip install 'tubelet[s3]'"
    )
    server = pytest.importorskip(
        "moto.server", reason="the S3 server of the tests: pip install 'moto[server]'"
    )
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    given = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ALLOW_HTTP": "true",
    }
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in given.items():
                patch.setenv(name, value)
            _client().create_bucket(Bucket=BUCKET)
            yield given["AWS_ENDPOINT_URL"]
    finally:
        running.stop()


def upload(root: Path) -> None:
    """Copy a folder into the bucket, as `aws s3 sync` does; what is there and not in the folder goes."""
    client = _client()
    names = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    for name, path in sorted(names.items(), key=lambda named: named[0] == "tubelet.json"):
        client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=path.read_bytes())
    for name in held() - names.keys():
        delete(name)


def put(name: str, data: bytes) -> None:
    _client().put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=data)


def read(name: str) -> bytes:
    return _client().get_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}")["Body"].read()


def delete(name: str) -> None:
    _client().delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}")


def held() -> set[str]:
    pages = _client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{PREFIX}/")
    return {
        found["Key"].removeprefix(f"{PREFIX}/")
        for page in pages
        for found in page.get("Contents", ())
    }


def _client():
    import boto3

    return boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
