"""A plain web server on this machine, with the files of a folder: ranges, tags and conditions, or none of them, and faults on demand."""

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass
class WebServer:
    """What the server does; `requests` are method, path and range."""

    folder: Path
    address: str = ""
    ranges: bool = True
    tags: bool = True
    status: int = 0  # of every answer, instead of what is right
    head_status: int = 0
    delay_s: float = 0.0
    cut_after: int = 0  # bytes of one answer, once
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    web: WebServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *said: object) -> None:
        return

    def do_HEAD(self) -> None:
        self._answer(self.web.head_status or self.web.status)

    def do_GET(self) -> None:
        self._answer(self.web.status)

    def _answer(self, status: int) -> None:
        self.web.requests.append((self.command, self.path, self.headers["Range"]))
        time.sleep(self.web.delay_s)
        file = self.web.folder / unquote(self.path.partition("?")[0]).lstrip("/")
        status = status or (200 if file.is_file() else 404)
        if status != 200:
            self._send(status, {}, b"secret said by the server")
            return
        data, stat = file.read_bytes(), file.stat()
        tag = f'"{hashlib.sha256(data).hexdigest()[:12]}"'
        headers = {"Last-Modified": formatdate(stat.st_mtime, usegmt=True)}
        headers |= {"ETag": tag} if self.web.tags else {}
        if self.web.tags and self.headers.get("If-Match", tag) != tag:
            self._send(412, headers, b"")
            return
        span = RANGE.fullmatch(self.headers["Range"] or "")
        if span and self.web.ranges:
            first, last = int(span[1]), min(int(span[2]), len(data) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            self._send(206, headers, data[first : last + 1])
        else:
            self._send(200, headers, data)

    def _send(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut, self.web.cut_after = self.web.cut_after, 0
        self.wfile.write(data[:cut] if cut else data)
        self.close_connection = bool(cut)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client: object) -> None:
        return  # a client that has enough closes the connection


@contextmanager
def serve_files(folder: Path) -> Iterator[WebServer]:
    web = WebServer(folder)
    with Server(("127.0.0.1", 0), type("OfFolder", (Handler,), {"web": web})) as server:
        web.address = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield web
        server.shutdown()
