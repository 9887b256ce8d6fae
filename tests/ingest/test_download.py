"""Downloads against a real HTTP server that breaks off, lies and refuses: whole or resumable, and always a sentence."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.commands import Running
from tests.servers import Served, Server, serving
from tests.tiers import thin
from tubelet.ingest.errors import DownloadError
from tubelet.ingest.weights import download as downloading
from tubelet.ingest.weights.download import download
from tubelet.ingest.weights.part import PartialFile, RemoteVersion

BODY = b"PK\x03\x04" + os.urandom(300_000)
QUICK = (0.0, 0.0, 0.0)
BREAK = 2 * downloading.CHUNK + 7  # bytes; 7 of them are lost with the connection
CAME = 2 * downloading.CHUNK


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def part(tmp_path: Path) -> PartialFile:
    return PartialFile(tmp_path / "weights.part")


def fetch(server: Server, part: PartialFile, reserve: int = 0) -> bytes:
    download(server.url("/w.pt"), part, reserve, QUICK)
    return part.path.read_bytes()


def test_a_file_comes_whole_and_is_not_asked_for_again(server: Server, part: PartialFile) -> None:
    server.files["/w.pt"] = Served(BODY)
    assert fetch(server, part) == BODY
    assert fetch(server, part) == BODY
    assert server.asked == [("/w.pt", None, 200)]


def test_a_transfer_that_breaks_off_goes_on_where_it_stopped(
    server: Server, part: PartialFile, capsys: pytest.CaptureFixture
) -> None:
    server.files["/w.pt"] = Served(BODY, breaks=[BREAK, downloading.CHUNK])
    assert fetch(server, part) == BODY
    assert server.asked == [
        ("/w.pt", None, 200),
        ("/w.pt", f"bytes={CAME}-", 206),
        ("/w.pt", f"bytes={CAME + downloading.CHUNK}-", 206),
    ]
    assert capsys.readouterr().err.count("the connection was interrupted; trying again in 0 s") == 2


def test_more_breaks_than_tries_are_no_end_as_long_as_bytes_come(
    server: Server, part: PartialFile
) -> None:
    server.files["/w.pt"] = Served(BODY, breaks=[downloading.CHUNK + 7] * 9)
    assert fetch(server, part) == BODY
    assert len(server.asked) == len(BODY) // downloading.CHUNK + 1 > len(QUICK) + 1


def test_a_file_that_changed_meanwhile_is_not_stitched_together(
    server: Server, part: PartialFile
) -> None:
    server.files["/w.pt"] = Served(BODY, breaks=[BREAK] * 10)
    with pytest.raises(DownloadError):
        server.files["/w.pt"].ranges = False
        fetch(server, part)
    assert part.path.read_bytes() == BODY[:CAME]
    changed = BODY[::-1]
    server.files["/w.pt"] = Served(changed, etag='"second"')
    assert fetch(server, part) == changed
    assert server.asked[-1] == ("/w.pt", f"bytes={CAME}-", 200)


def test_without_a_validator_a_transfer_starts_anew(server: Server, part: PartialFile) -> None:
    server.files["/w.pt"] = Served(BODY, etag="", breaks=[BREAK])
    assert fetch(server, part) == BODY
    assert server.asked == [("/w.pt", None, 200)] * 2


def test_a_weak_etag_is_no_validator_and_a_date_is_one(server: Server, part: PartialFile) -> None:
    date = "Sat, 21 Nov 2026 10:00:00 GMT"
    server.files["/w.pt"] = Served(
        BODY, etag='W/"weak"', headers={"Last-Modified": date}, breaks=[BREAK]
    )
    with pytest.raises(DownloadError):
        download(server.url("/w.pt"), part, 0, pauses=())
    assert part.version == RemoteVersion(server.url("/w.pt"), date, len(BODY))


def test_another_address_does_not_go_on_with_the_part_of_the_first(
    server: Server, part: PartialFile
) -> None:
    part.begin(RemoteVersion(server.url("/other.pt"), '"first"', len(BODY)))
    part.path.write_bytes(b"x" * 1000)
    server.files["/w.pt"] = Served(BODY)
    assert fetch(server, part) == BODY
    assert server.asked == [("/w.pt", None, 200)]


def test_a_range_past_the_end_starts_anew(server: Server, part: PartialFile) -> None:
    part.begin(RemoteVersion(server.url("/w.pt"), '"first"', len(BODY)))
    part.path.write_bytes(BODY + b"x" * 20)
    server.files["/w.pt"] = Served(BODY)
    assert fetch(server, part) == BODY
    assert [status for _, _, status in server.asked] == [416, 200]


def test_a_file_shorter_than_promised_is_told_and_dropped(
    server: Server, part: PartialFile
) -> None:
    server.files["/w.pt"] = Served(BODY, promised=len(BODY) + 1000)
    with pytest.raises(
        DownloadError, match="is incomplete: the server announced 301,004 bytes and has 300,004"
    ):
        fetch(server, part)
    assert [status for _, _, status in server.asked] == [200, 206]
    assert part.size == 0


def test_a_promise_without_ranges_ends_too(server: Server, part: PartialFile) -> None:
    server.files["/w.pt"] = Served(BODY, promised=len(BODY) + 1000, ranges=False)
    with pytest.raises(
        DownloadError, match="the connection was interrupted. 0.262 MB of 0.301 MB are kept"
    ):
        fetch(server, part)
    assert len(server.asked) == len(QUICK) + 1


def test_a_file_without_a_promised_length_is_whole_when_the_server_says_so(
    server: Server, part: PartialFile
) -> None:
    server.files["/w.pt"] = Served(BODY, lengthless=True)
    assert fetch(server, part) == BODY == fetch(server, part)
    assert (
        part.version == RemoteVersion(server.url("/w.pt"), '"first"', len(BODY))
        and len(server.asked) == 1
    )


def test_a_redirect_is_followed(server: Server, part: PartialFile) -> None:
    server.files["/w.pt"] = Served(b"", location="/far/w.pt")
    server.files["/far/w.pt"] = Served(BODY, breaks=[BREAK])
    assert fetch(server, part) == BODY
    assert ("/far/w.pt", f"bytes={CAME}-", 206) in server.asked


def test_redirects_in_a_circle_are_a_sentence(server: Server, part: PartialFile) -> None:
    server.files["/w.pt"] = Served(b"", location="/w.pt")
    with pytest.raises(DownloadError, match="cannot be requested"):
        fetch(server, part)


def test_answers_that_may_pass_are_tried_again(server: Server, part: PartialFile) -> None:
    server.files["/w.pt"] = Served(BODY, statuses=[503, 429, 500])
    assert fetch(server, part) == BODY
    server.files["/w.pt"] = Served(BODY, statuses=[503] * 9)
    part.remove()
    with pytest.raises(DownloadError, match="answered 503"):
        fetch(server, part)
    assert len(server.asked) == 4 + len(QUICK) + 1


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_answers_that_stay_are_said_at_once(server: Server, part: PartialFile, status: int) -> None:
    server.files["/w.pt"] = Served(BODY, statuses=[status])
    with pytest.raises(
        DownloadError, match=rf"w\.pt is not there: the server answered {status} .*--weights FILE"
    ):
        fetch(server, part)
    assert len(server.asked) == 1 and part.size == 0


def test_a_web_page_is_not_taken_for_weights(server: Server, part: PartialFile) -> None:
    server.files["/w.pt"] = Served(b"<html>please log in</html>", type="text/html; charset=utf-8")
    with pytest.raises(DownloadError, match="a web page instead of the file"):
        fetch(server, part)
    assert part.size == 0 and len(server.asked) == 1


def test_a_way_that_leaves_https_is_not_taken() -> None:
    answer = requests.Response()
    answer.status_code, answer.url = 200, "http://elsewhere.org/w.pt"
    with pytest.raises(
        DownloadError,
        match="https://here.org/w.pt leads to http://elsewhere.org/w.pt, where nobody vouches",
    ):
        downloading._check_answer("https://here.org/w.pt", answer)
    downloading._check_answer("http://here.org/w.pt", answer)


def test_no_server_is_a_sentence_and_keeps_what_came(server: Server, part: PartialFile) -> None:
    server.files["/w.pt"] = Served(BODY, breaks=[BREAK])
    with pytest.raises(DownloadError):
        download(server.url("/w.pt"), part, 0, pauses=())
    gone = "http://127.0.0.1:9/w.pt"
    part._describe(RemoteVersion(gone, '"first"', len(BODY)))
    with pytest.raises(
        DownloadError,
        match="no connection to the server. 0.131 MB of 0.300 MB are kept: run the same command again later to continue",
    ):
        download(gone, part, 0, QUICK)
    assert part.path.read_bytes() == BODY[:CAME]


def test_no_space_is_told_before_a_byte_is_written(server: Server, part: PartialFile) -> None:
    server.files["/w.pt"] = Served(BODY)
    with pytest.raises(
        DownloadError,
        match=r"no space for .*: [\d,.]+ GB are needed in .* are free: .* point HF_HOME to a folder",
    ):
        fetch(server, part, reserve=10**18)
    assert part.size == 0


def test_a_disk_that_fills_up_leaves_a_part_to_go_on_with(
    server: Server, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = os.urandom(6 << 20)
    server.files["/w.pt"] = Served(body)
    part = PartialFile(small_disk / "weights.part")
    monkeypatch.setattr(
        downloading.cache, "free", lambda path: 1 << 40
    )  # another program took the space meanwhile
    with pytest.raises(
        DownloadError,
        match="is full after .* are kept: free some space and run the same command again to continue",
    ):
        fetch(server, part)
    assert 0 < part.size < len(body) and body.startswith(part.path.read_bytes())
    subprocess.run(["mount", "-o", "remount,size=16m", small_disk], check=True)
    assert fetch(server, part) == body
    assert server.asked[-1][2] == 206


def download_alone(arguments: list[str], printed: list[Path]) -> None:
    """In a process of its own, whose messages are kept."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stderr = printed[1].open("w", buffering=1)
    url, path = arguments
    download(url, PartialFile(Path(path)), 0)


@pytest.mark.parametrize("number", thin([signal.SIGINT, signal.SIGKILL]))
def test_a_stopped_download_goes_on_in_the_next_run(
    server: Server, part: PartialFile, number: int
) -> None:
    body = os.urandom(8 << 20)
    server.files["/w.pt"] = Served(body, pause=0.03)
    process = Running(download_alone, (server.url("/w.pt"), part.path))
    while part.size < 2 << 20:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(number)
    told = process.communicate()[1]
    assert ("MB are kept: run the same command again later to continue" in told) == (
        number == signal.SIGINT
    )
    assert process.returncode != 0 and 2 << 20 <= part.size < len(body)
    came = part.size
    server.files["/w.pt"].pause = 0
    assert hashlib.sha256(fetch(server, part)).digest() == hashlib.sha256(body).digest()
    assert server.asked[-1] == ("/w.pt", f"bytes={came}-", 206)


def test_a_version_that_cannot_be_read_is_none(part: PartialFile) -> None:
    for text in ("", "{", "[]", json.dumps({"url": "x"})):
        part._described.write_text(text)
        assert part.version is None and not part.complete("x")


def test_progress_is_plain_lines_without_a_terminal(
    server: Server,
    part: PartialFile,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr("tubelet.ingest.weights.transfer.LINE_SECONDS", 0.05)
    server.files["/w.pt"] = Served(os.urandom(8 << 20), pause=0.005)
    fetch(server, part)
    text = capsys.readouterr().err
    lines = text.splitlines()
    assert len(lines) >= 3 and "\r" not in text and "" not in lines
    assert all("weights: " in line and "8.39M" in line and "B/s" in line for line in lines)
    assert "100%" in lines[-1]
