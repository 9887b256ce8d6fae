"""Azurite as the server of a container of Azure, where `TUBELET_AZURITE` names the script that starts it (`npm install azurite`)."""

import base64
import hashlib
import hmac
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

ACCOUNT, PORT = "devstoreaccount1", 10_123
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # of every Azurite


@contextmanager
def serve_azure() -> Iterator[str]:
    """A server with an empty container `films`, its credentials in the environment. Skips where it is not installed."""
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
