"""A real browser against a real server: fixtures and the visitor of whom nothing may leave the machine and nothing may go wrong.

A module of browser tests has a fixture `store` of its own and sets ``pytestmark = BROWSER``.
"""

import base64
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import numpy as np
import pytest

from tests.forks import ROOT, fork
from tubelet.store import Store

try:
    from playwright import sync_api
except ImportError:
    sync_api = None

expect = sync_api.expect if sync_api else None
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
BROWSER = [
    pytest.mark.browser,
    pytest.mark.flaky(reruns=1),  # a page can be late on a busy machine: what fails twice is broken
    pytest.mark.skipif(
        sync_api is None, reason="playwright is not installed: pip install 'tubelet[test]'"
    ),
    pytest.mark.skipif(
        CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"
    ),
]
ARGUMENTS = [
    "--no-sandbox",
    "--process-per-site",
    "--js-flags=--no-opt",  # no script of a visit runs for so long that optimizing it pays
]
START_S = 120
SLOW = 120_000  # ms a page may take on a busy machine, the first one with every import uncached
HELD: WeakKeyDictionary = (
    WeakKeyDictionary()
)  # by browser: what its visitors share, and the pages that stay open
PORTS: list[int] = []  # of dashboards that this process has started
PIXELS = """canvas => {
  const { width, height } = canvas
  const copy = Object.assign(document.createElement('canvas'), { width, height })
  copy.getContext('2d').drawImage(canvas, 0, 0)
  const { data } = copy.getContext('2d').getImageData(0, 0, width, height)
  let text = ''
  for (let at = 0; at < data.length; at += 8192) text += String.fromCharCode(...data.subarray(at, at + 8192))
  return [width, height, btoa(text)]
}"""
CLICKS = 3  # on a download, before it counts as broken


def in_browser(test: Callable) -> Callable:
    """A test that needs Chromium, in a module of others."""
    for mark in BROWSER:
        test = mark(test)
    return test


class Visit:
    """A page of the browser, with what it asked for and what went wrong in it."""

    def __init__(self, page: "sync_api.Page", address: str) -> None:
        self.page, self.address = page, address
        self.hosts: set[str] = set()
        self.problems: list[str] = []
        self.sent = 0  # messages to the server
        self.lacks_pictures = (
            False  # True: a store without pictures of its slices, of which the server knows nothing
        )
        page.set_default_timeout(SLOW)
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("requestfailed", lambda request: self._note_failure(request.url, request.failure))
        page.on("response", lambda response: self._note_response(response.status, response.url))
        page.on("websocket", lambda socket: socket.on("framesent", lambda _: self._count_message()))
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("console", lambda message: self._note_console(message.type, message.text))

    def open(self, path: str, heading: str) -> None:
        self.page.goto(f"{self.address}/{path}")
        self.expect_heading(heading)

    def expect_heading(self, text: str) -> None:
        expect(self.page.get_by_role("heading", name=text)).to_be_visible(timeout=SLOW)
        self.settle()

    def expect_text(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=SLOW)
        self.settle()

    def expect_in_url(self, pattern: str) -> None:
        expect(self.page).to_have_url(re.compile(pattern), timeout=SLOW)

    def download(self, name: str | re.Pattern[str], role: str = "button") -> Path:
        """What a click on a button or link brings; clicked again, as a visitor would, where a run of the script took the file from under it."""
        for _ in range(CLICKS):
            self.settle()
            try:
                with self.page.expect_download(timeout=SLOW / CLICKS) as download:
                    self.page.get_by_role(role, name=name, exact=True).click()
                return Path(download.value.path())
            except sync_api.TimeoutError:
                continue
        raise AssertionError(f"{CLICKS} clicks on {name} brought no file")

    def editor(self) -> "sync_api.Locator":
        """Where SQL is written. Until its module has loaded, a plain text area stands there, which is soon replaced."""
        return self.page.locator(".cm-content[aria-label=Query]")

    def settle(self) -> None:
        """Wait until the script has run: Streamlit may lose a change of the URL that overlaps a run."""
        self.page.wait_for_selector(".stApp[data-test-script-state=notRunning]")

    def _count_message(self) -> None:
        self.sent += 1

    def _note_response(self, status: int, url: str) -> None:
        missing = self.lacks_pictures and status == 404 and "/pictures/" in url
        if status >= 400 and not missing and not _is_probe(url):
            self.problems.append(f"{status}: {url}")

    def _note_failure(self, url: str, reason: str | None) -> None:
        if reason != "net::ERR_ABORTED":  # what a reload cuts short
            self.problems.append(f"{reason}: {url}")

    def _note_console(self, kind: str, text: str) -> None:
        if (
            kind == "error" and "status of 404" not in text
        ):  # counted by its response, which names the address
            self.problems.append(f"console: {text}")


@pytest.fixture(scope="module")
def server(store: Store) -> Iterator[str]:
    with serving(store) as address:
        yield address


@contextmanager
def serving(store: Store) -> Iterator[str]:
    """Address of a dashboard over the store."""
    with started(store) as (address, _):
        yield address


@contextmanager
def started(store: Store) -> Iterator[tuple[str, BaseProcess]]:
    """The same, and the server's process."""
    port = find_port()
    server = str(ROOT / "tubelet/dashboard/server.py")
    command = ["streamlit", "run", server, "--server.port", str(port), "--", str(store.root)]
    process = fork(_serve, command, folder=ROOT)
    with _running(process, f"http://127.0.0.1:{port}") as address:
        yield address, process
    process.join()


@contextmanager
def commanded(store: Store, base: str, *options: str, folder: Path = ROOT) -> Iterator[str]:
    """Address of a dashboard below a base path, started by the command in a folder, and ended by Ctrl-C, without a word about leaks."""
    port = find_port()
    at = ["--store", str(store.root), "--port", str(port), "--base-path", base]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "tubelet", "dashboard", *at, *options],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        with process, _running(process, f"http://127.0.0.1:{port}{base}", signal.SIGINT) as address:
            yield address
        said.seek(0)
        told = said.read()
        assert process.returncode == 0 and not re.search("leaked|Traceback", told), told


def find_port() -> int:
    """One that an earlier dashboard has left, if there is any: the browser has fetched and compiled the scripts of that address."""
    for port in PORTS:
        with socket.socket() as free, contextlib.suppress(OSError):
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", port))
            return port
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        PORTS.append(free.getsockname()[1])
    return PORTS[-1]


@contextmanager
def _running(
    process: BaseProcess | subprocess.Popen, address: str, end: int = signal.SIGTERM
) -> Iterator[str]:
    """Its address, once it answers there; it is ended with the block, by a signal."""
    try:
        _wait_until_up(f"{address}/_stcore/health")
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(cast(int, process.pid), end)


def _serve(command: list[str]) -> None:
    """Be the process of this command of Streamlit, whose output nobody reads."""
    from streamlit.web import cli

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.argv = command
    cli.main()


@pytest.fixture(scope="session")
def browser() -> Iterator["sync_api.Browser"]:
    """One for all modules, and in it one process per site: it keeps the scripts of the pages compiled from one visit to the next."""
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: "sync_api.Browser", server: str) -> Iterator[Visit]:
    with visiting(browser, server) as visitor:
        yield visitor


@contextmanager
def visiting(
    browser: "sync_api.Browser", server: str, size: tuple[int, int] = (1280, 800)
) -> Iterator[Visit]:
    """A visitor with a page of its own, of whom nothing may leave the machine and nothing may go wrong; `size` of the window."""
    held = _hold(browser, server)
    visitor = Visit(held.context.new_page(), server)
    visitor.page.set_viewport_size({"width": size[0], "height": size[1]})
    yield visitor
    visitor.page.close()
    _forget(held)
    _judge(visitor)


@contextmanager
def visiting_afresh(browser: "sync_api.Browser", server: str) -> Iterator[Visit]:
    """One in a browser that has never been here: dearer, for what a link is to bring to somebody else."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    visitor = Visit(context.new_page(), server)
    yield visitor
    context.close()
    _judge(visitor)


def _judge(visitor: Visit) -> None:
    assert visitor.hosts <= {urlsplit(visitor.address).netloc, ""}, "a request left the machine"
    assert not visitor.problems, visitor.problems


def open_page(browser: "sync_api.Browser", server: str) -> "sync_api.Page":
    """A page beside those of visitors, of which nobody expects anything."""
    return _hold(browser, server).context.new_page()


def _hold(browser: "sync_api.Browser", server: str) -> "sync_api.Page":
    """A page that stays, so that the process of the site and what it has compiled stay, too: a first page costs three times the next.

    Dashboards that follow one another at an address share it. Its visitors ask for less motion: every frame of an animation is drawn
    by the processor, and they cost a fifth of a visit.
    """
    if browser not in HELD:
        HELD[browser] = browser.new_context(reduced_motion="reduce"), {}
    context, pages = HELD[browser]
    if server not in pages:
        pages[server] = context.new_page()
        pages[server].goto(f"{server}/_stcore/health")
    return pages[server]


def _forget(held: "sync_api.Page") -> None:
    """What the visitors before have left in the browser."""
    held.context.clear_cookies()
    held.evaluate("localStorage.clear()")


def fetched(server: str, path: str, **headers: str) -> tuple[int, bytes, dict]:
    """What the server answers to a plain request, a refusal included: status, body and headers."""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"{server}/{path}", headers=headers), timeout=60
        ) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def read_pixels(canvas: "sync_api.Locator") -> np.ndarray:
    """What a canvas shows, RGBA ``(H, W, 4)``. It travels as text: as a list, each of its numbers would be a message part of its own."""
    width, height, text = canvas.evaluate(PIXELS)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)


def _wait_until_up(address: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except urllib.error.HTTPError as refusal:
            if refusal.code == 401:  # it is up, and asks for a token
                return
            time.sleep(0.1)
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no dashboard at {address} after {START_S} s")


def _is_probe(url: str) -> bool:
    """Streamlit's browser code looks for its server below the page's own path first, and is told 404."""
    return re.match(r"(/\w+){1,2}/_stcore/", urlsplit(url).path) is not None
