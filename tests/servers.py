"""A real HTTP server of small files that breaks off, lies and refuses as it is told to."""

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """One file and how it is served. `breaks` and `statuses` are used up, one a request."""

    body: bytes
    etag: str = '"first"'
    type: str = "application/octet-stream"
    breaks: list[int] = field(default_factory=list)  # bytes sent before the connection is cut
    statuses: list[int] = field(default_factory=list)  # answered instead of the file
    promised: int | None = None  # a Content-Length that is not true
    ranges: bool = True
    lengthless: bool = False  # the end of the connection is the end of the file
    location: str | None = None  # where a redirect leads
    pause: float = 0.0  # seconds after every 64 KiB
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """The files by path, and what was asked for: (path, Range or None, status)."""

    address: str
    files: dict[str, Served] = field(default_factory=dict)
    asked: list[tuple[str, str | None, int]] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)  # headers of a 404

    def url(self, path: str) -> str:
        return self.address + path


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: Server

    def do_GET(self) -> None:
        file = self.server_of.files.get(self.path)
        if file is None:
            self._answer(404, b"no", self.server_of.absent)
        elif file.statuses:
            self._answer(file.statuses.pop(0), b"no")
        elif file.location:
            self._answer(302, b"", {"Location": file.location})
        else:
            self._send(file)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass

    def _send(self, file: Served) -> None:
        start = self._start(file)
        if start > len(file.body) - 1 and start:
            self._answer(416, b"", {"Content-Range": f"bytes */{len(file.body)}"})
            return
        body = file.body[start:]
        headers = {"Content-Type": file.type, "Accept-Ranges": "bytes", **file.headers}
        headers |= {"ETag": file.etag} if file.etag else {}
        headers |= (
            {"Content-Range": f"bytes {start}-{len(file.body) - 1}/{len(file.body)}"}
            if start
            else {}
        )
        promised = file.promised if file.promised is not None and not start else len(body)
        self._answer(206 if start else 200, body, headers, promised, file)

    def _start(self, file: Served) -> int:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        fresh = self.headers.get("If-Range") in (None, file.etag)
        return int(asked[1]) if asked and fresh and file.ranges else 0

    def _answer(
        self,
        status: int,
        body: bytes,
        headers: dict | None = None,
        promised: int | None = None,
        file: Served | None = None,
    ) -> None:
        self.server_of.asked.append((self.path, self.headers.get("Range"), status))
        self.send_response(status)
        lengthless = file is not None and file.lengthless
        length = (
            {}
            if lengthless
            else {"Content-Length": str(len(body) if promised is None else promised)}
        )
        for name, value in {**(headers or {}), **length}.items():
            self.send_header(name, value)
        self.close_connection = self.close_connection or lengthless
        self.end_headers()
        if self.command != "HEAD":
            self._write(body, promised, file)

    def _write(self, body: bytes, promised: int | None, file: Served | None) -> None:
        cut = file.breaks.pop(0) if file and file.breaks else None
        body = body[:cut]
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(body), 1 << 16):
                self.wfile.write(body[start : start + (1 << 16)])
                self.wfile.flush()
                time.sleep(file.pause if file else 0)
        self.close_connection = (
            self.close_connection
            or cut is not None
            or (promised is not None and promised != len(body))
        )


class Listening(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the tests."""


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port of this machine, gone at the end."""
    handler = type("Handler", (Handler,), {})
    with Listening(("127.0.0.1", 0), handler) as listening:
        handler.server_of = Server(f"http://127.0.0.1:{listening.server_port}")
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield handler.server_of
        finally:
            listening.shutdown()
            thread.join()
