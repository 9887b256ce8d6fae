"""A server that speaks what Google Cloud Storage does of its XML API, as far as a store asks for it: conditions on generations above all.

Written from the public reference, because no server for tests from elsewhere honors `x-goog-if-generation-match` there.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment
from xml.sax.saxutils import escape

import pytest

MATCH = "HTTP_X_GOOG_IF_GENERATION_MATCH"
PAGE = 100  # names in one answer to a list


@dataclass
class Objects:
    """The objects of one bucket, each with its generation, which is never used again."""

    bucket: str
    held: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    generation: int = 1_700_000_000_000_000
    lock: threading.Lock = field(default_factory=threading.Lock)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].lstrip("/")
        bucket, _, name = path.partition("/")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with self.lock:
            self.requests.append((method, name))
            status, headers, data = self._answer(method, bucket, name, body, environ)
        if method == "HEAD":
            start(status, headers)
            return []
        start(status, [*headers, ("Content-Length", str(len(data)))])
        return [data]

    def _answer(
        self, method: str, bucket: str, name: str, body: bytes, environ: WSGIEnvironment
    ) -> tuple[str, list[tuple[str, str]], bytes]:
        if bucket != self.bucket:
            return "404 Not Found", [], b"NoSuchBucket"
        if not name:
            return "200 OK", [], self._list(parse_qs(environ["QUERY_STRING"]))
        if method == "PUT":
            return self._put(name, body, environ.get(MATCH))
        if name not in self.held:
            return "404 Not Found", [], b"NoSuchKey"
        if method == "DELETE":
            del self.held[name]
            return "204 No Content", [], b""
        return self._get(name, method, environ.get("HTTP_RANGE", ""))

    def _put(
        self, name: str, body: bytes, match: str | None
    ) -> tuple[str, list[tuple[str, str]], bytes]:
        generation = self.held[name][1] if name in self.held else 0
        if match is not None and int(match) != generation:
            return "412 Precondition Failed", [], b"PreconditionFailed"
        self.generation += 1
        self.held[name] = body, self.generation
        return "200 OK", self._describe(name), b""

    def _get(self, name: str, method: str, wanted: str) -> tuple[str, list[tuple[str, str]], bytes]:
        data, status, headers = self.held[name][0], "200 OK", self._describe(name)
        if method == "HEAD":
            return status, [*headers, ("Content-Length", str(len(data)))], b""
        if wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            end = min(int(last), len(data) - 1)
            headers.append(("Content-Range", f"bytes {first}-{end}/{len(data)}"))
            data, status = data[int(first) : end + 1], "206 Partial Content"
        return status, headers, data

    def _describe(self, name: str) -> list[tuple[str, str]]:
        generation = self.held[name][1]
        return [
            ("ETag", f'"{generation:x}"'),
            ("x-goog-generation", str(generation)),
            ("Last-Modified", formatdate(generation / 1e6, usegmt=True)),
        ]

    def _list(self, asked: dict[str, list[str]]) -> bytes:
        prefix, delimiter, after = (
            asked.get(key, [""])[0] for key in ("prefix", "delimiter", "continuation-token")
        )
        found: dict[str, str] = {}
        for name in sorted(self.held):
            if name.startswith(prefix):
                top, more, _ = name[len(prefix) :].partition(delimiter or "\0")
                folder = f"{prefix}{top}/"
                found[folder if more else name] = (
                    f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>"
                    if more
                    else self._list_one(name)
                )
        page = [name for name in sorted(found) if name > after]
        token = f"<NextContinuationToken>{escape(page[PAGE - 1])}</NextContinuationToken>" if len(page) > PAGE else ""  # fmt: skip
        listed = "".join(found[name] for name in page[:PAGE])
        return f"<ListBucketResult>{token}{listed}</ListBucketResult>".encode()

    def _list_one(self, name: str) -> str:
        data, generation = self.held[name]
        return (
            f"<Contents><Key>{escape(name)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f'<ETag>"{generation:x}"</ETag><Size>{len(data)}</Size></Contents>'
        )


@contextmanager
def serve_google(bucket: str) -> Iterator[Objects]:
    """A server with an empty bucket, its credentials in the environment. Skips where obstore is missing."""
    pytest.importorskip("obstore", reason="a bucket takes the extra: pip install 'tubelet[s3]'")
    serving = pytest.importorskip(
        "werkzeug.serving", reason="the server of the tests: pip install 'moto[s3]'"
    )

    class Quiet(serving.WSGIRequestHandler):
        protocol_version = "HTTP/1.1"
        log: Callable = lambda *said: None

    objects = Objects(bucket)
    running = serving.make_server("127.0.0.1", 0, objects, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    key = {
        "gcs_base_url": f"http://127.0.0.1:{running.server_address[1]}",
        "disable_oauth": True,
        **dict.fromkeys(("client_email", "private_key", "private_key_id"), ""),
    }
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps(key))
            patch.setenv("GOOGLE_ALLOW_HTTP", "true")
            yield objects
    finally:
        running.shutdown()
        running.server_close()
        thread.join()
