"""Who gets an answer of the dashboard, and what its pages are allowed to do: hosts, origins, tokens, headers, media types."""

import ast
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit.web.server.app_discovery import discover_asgi_app

from tests.browsing import BROWSER, fetched, open_page, sync_api
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.dashboard import launch
from tubelet.dashboard.access import Access, host_name
from tubelet.dashboard.guard import Guard, content_policy
from tubelet.dashboard.launch import Listening
from tubelet.store import Store, StoreError, ids
from tubelet.store.schema import TABLES

SLOW = 120_000
SERVER = Path(launch.__file__).with_name("server.py")
PAGE = b"<!doctype html><script>document.title = 'ran'</script>"
CONTAINERS = {  # in the tables, and how such a file is served
    "mov,mp4,m4a": "video/mp4", "matroska,webm": "video/webm", "mpegts": None, "html": None, "text/html": None, "mp4/html": None, "": None,
}  # fmt: skip
HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version": "13",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("guarded")
    made = synthetic_store(folder / "store", videos=2, clips=2)
    row = made.rows("FROM videos LIMIT 1")[0]
    rows = [
        row | page_row(folder / f"{number}.html", number) | {"container": container}
        for number, container in enumerate(CONTAINERS)
    ]
    made.commit({"videos": pa.Table.from_pylist(rows, schema=TABLES["videos"].arrow)})
    yield made
    made.close()


def page_row(path: Path, number: int) -> dict:
    """What a `videos` row says of a file that is a page by its name and its content."""
    path.write_bytes(PAGE + b"<!-- %d -->" % number)
    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "modified_ns": path.stat().st_mtime_ns,
        "video_id": ids.video_id(path),
    }


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost:8501", "localhost"), ("LOCALHOST.", "localhost"), ("[::1]:8501", "::1"), ("::1", "::1"), ("127.0.0.1", "127.0.0.1"),
        ("localhost:80;img-src *", ""), ("localhost@evil.test", ""), ("evil.test/localhost", ""), ("localhost:port", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_host_is_read_whole_or_not_at_all(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize(
    ("address", "allowed", "refused"),
    [
        ("127.0.0.1", ["localhost", "127.0.0.1:8501", "[::1]:1", "LOCALHOST:8501"], ["evil.test", "localhost.evil.test", "192.168.1.2", "", "localhost:80;"]),
        ("192.168.1.2", ["localhost", "192.168.1.2:8501"], ["192.168.1.3", "evil.test"]),
        ("0.0.0.0", ["192.168.1.2:8501", "[fe80::1]:8501", socket.gethostname()], ["evil.test", "127.0.0.1.evil.test"]),
        ("lab.example.org", ["lab.example.org:8501", "Lab.Example.Org"], ["example.org", "evil.test"]),
    ],
)  # fmt: skip
def test_hosts_are_local_ones_and_that_of_the_command(
    address: str, allowed: list[str], refused: list[str]
) -> None:
    access = Access(address)
    assert all(map(access.allows_host, allowed))
    assert not any(map(access.allows_host, refused))
    assert Access.of(address, {"TUBELET_ALLOW_HOSTS": "proxy.test other.test:443"}).allows_host(
        "other.test"
    )


@pytest.mark.parametrize("origin", ["http://[::1", "http://[x]:1", "http://\u2100.test", "http://"])
def test_an_origin_that_is_no_address_is_refused(origin: str) -> None:
    assert not Access("127.0.0.1").allows_origin(origin, "[::1]:8501")


@pytest.mark.parametrize(
    "path",
    ["", "sql", "source/gone", "_stcore/health", "_stcore/stream", "static/gone.js", "gone/%00"],
)
def test_another_host_or_origin_gets_no_answer(server: str, path: str) -> None:
    assert fetched(server, path, Host="evil.test")[0] == 421
    assert fetched(server, path, Host="evil.test:8501", **HANDSHAKE)[0] == 421
    for origin in ("http://evil.test", "null", "http://127.0.0.1:1", f"{server}.evil.test"):
        assert fetched(server, path, Origin=origin)[0] == 403
    assert (
        fetched(
            server,
            path,
            **{
                "Sec-Fetch-Site": "cross-site",
                "Sec-Fetch-Mode": "no-cors",
                "Sec-Fetch-Dest": "image",
            },
        )[0]
        == 403
    )
    assert (
        fetched(
            server,
            path,
            **{
                "Sec-Fetch-Site": "cross-site",
                "Sec-Fetch-Mode": "navigate",
                "Sec-Fetch-Dest": "iframe",
            },
        )[0]
        == 403
    )


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://evil.test", b"403"), ("null", b"403"), (None, b"101"), ("own", b"101")],
)
def test_the_web_socket_opens_to_its_own_pages_alone(
    server: str, origin: str | None, status: bytes
) -> None:
    lines = {"Host": urlsplit(server).netloc, **HANDSHAKE} | (
        {"Origin": server if origin == "own" else origin} if origin else {}
    )
    request = (
        "GET /_stcore/stream HTTP/1.1\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        + "\r\n"
    )
    with socket.create_connection(
        (urlsplit(server).hostname, urlsplit(server).port), timeout=30
    ) as connection:
        connection.sendall(request.encode())
        assert connection.recv(100).split()[1] == status


@pytest.mark.parametrize(
    "path",
    [
        "",
        "sql?query=SELECT+1",
        "source/gone",
        "static/gone",
        "_stcore/health",
        "%ff",
        "mask/a-1.1.1~",
        "sampled/a/b/9999999999",
    ],
)
def test_every_answer_tells_the_browser_what_it_may_do(server: str, path: str) -> None:
    _, _, headers = fetched(server, path)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert policy.startswith("sandbox") or "frame-ancestors 'none'" in policy
    assert (
        "*" not in policy
        and "'unsafe-eval'" not in policy
        and "http:" not in policy
        and "https:" not in policy
    )
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_an_answer_that_failed_has_the_headers_too() -> None:
    async def fails(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})

    answer = TestClient(Guard(fails, Access()), base_url="http://localhost").get("/media/a.html")
    assert answer.status_code == 500 and answer.headers["content-security-policy"].startswith(
        "sandbox"
    )


def test_frames_are_allowed_by_name_alone() -> None:
    assert "frame-ancestors 'none'" in content_policy()
    assert "frame-ancestors https://lab.test;" in content_policy(["https://lab.test"]) + ";"


class TestToken:
    @pytest.fixture
    def client(self) -> TestClient:
        async def page(scope, receive, send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"inside"})

        return TestClient(
            Guard(page, Access("0.0.0.0", token="s3cret")), base_url="http://192.168.1.2:8501"
        )

    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/sql",
            "/source/x",
            "/_stcore/health",
            "/?token=",
            "/?token=wrong",
            "/?token=s3cret2",
            "/?token=%ff",
        ],
    )
    def test_nothing_is_answered_without_it(self, client: TestClient, path: str) -> None:
        answer = client.get(path)
        assert (
            answer.status_code == 401
            and b"inside" not in answer.content
            and "set-cookie" not in answer.headers
        )

    def test_the_web_socket_asks_for_it(self, client: TestClient) -> None:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream"):
            raise AssertionError("opened without a token")

    def test_the_link_lets_in_once_for_all_and_leaves_the_address(self, client: TestClient) -> None:
        answer = client.get("/sql?query=SELECT+1%3B&token=s3cret")
        assert (
            "httponly" in answer.headers["set-cookie"].lower()
            and "samesite=strict" in answer.headers["set-cookie"].lower()
        )
        assert b"./sql?query=SELECT+1%3B" in answer.content and b"s3cret" not in answer.content
        assert client.get("/").content == b"inside"
        client.cookies.set(Access(token="s3cret").cookie, "wrong", domain="192.168.1.2")
        client.cookies.delete(Access(token="s3cret").cookie)
        assert client.get("/").status_code == 401

    @pytest.mark.parametrize(
        "path",
        [
            "/javascript:alert(1)?token=s3cret",
            "/%22%3E%3Cscript%3E?token=s3cret",
            "//evil.test?token=s3cret",
            "/?%22%3E%3Cscript%3E&token=s3cret",
        ],
    )
    def test_the_way_on_stays_here(self, client: TestClient, path: str) -> None:
        page = client.get(path).text
        assert page.count("<script") == 0 and 'href="./' in page and "url=./" in page


class TestOptions:
    def test_a_token_is_made_where_others_can_come(self) -> None:
        assert Listening().key == ""
        assert Listening(host="127.0.0.2").key == "" and Listening(host="::1").key == ""
        for listening in (
            Listening(host="0.0.0.0"),
            Listening(host="192.168.1.2"),
            Listening(host="lab.test"),
            Listening(allow_host=("lab.test",)),
        ):
            assert len(listening.key) >= 20 and listening.key != listening.key
        assert Listening(host="0.0.0.0", token="mine").key == "mine"

    def test_the_link_can_be_opened_as_it_is(self) -> None:
        assert Listening().link("") == "http://127.0.0.1:8501/"
        assert (
            Listening(host="0.0.0.0", port=99, base_path="/a/b/").link("k")
            == "http://127.0.0.1:99/a/b/?token=k"
        )
        opened = Listening().link("", "video?video=a&tour=1")
        assert opened == "http://127.0.0.1:8501/video?video=a&tour=1"
        assert Listening().link("k", "video?tour=1").endswith("/video?tour=1&token=k")
        assert Listening(host="::1").link("") == "http://[::1]:8501/"

    @pytest.mark.parametrize(
        "wrong", [{"allow_host": ("http://lab.test",)}, {"allow_frame": ("lab.test",)}, {"allow_frame": ("https://a.test; script-src *",)}, {"token": "a b"}, {"token": ""}, {"base_path": "a?b"}, {"base_path": "/../x"}]
    )  # fmt: skip
    def test_what_cannot_be_meant_is_refused_in_a_sentence(self, wrong: dict) -> None:
        with pytest.raises(StoreError, match="write one like|takes letters"):
            Listening(**wrong)


@pytest.mark.parametrize(("container", "kind"), CONTAINERS.items())
def test_a_media_type_is_what_the_decoder_found_or_none(
    server: str, store: Store, container: str, kind: str | None
) -> None:
    """Each is a file that is a page by its name and its content."""
    (row,) = store.rows("FROM videos WHERE container = ?", [container])
    status, body, headers = fetched(server, f"source/{row['video_id']}")
    assert status == 200 and body.startswith(PAGE)
    assert headers["content-type"] == (kind or "application/octet-stream")
    assert headers.get("content-disposition", "inline").startswith("attachment") == (kind is None)
    assert "html" not in headers.get("content-disposition", "")
    assert (
        headers["content-security-policy"].startswith("sandbox")
        and headers["x-content-type-options"] == "nosniff"
    )


@pytest.mark.parametrize(
    "path",
    [
        f"mask/{'ab' * 8}-{'1' * 120}.0.0~0.0.0", "mask/ab-%D9%A1.0.0~0.0.0", "track/ab-%D9%A1.0.0/ab", f"track/ab-{'1' * 5000}.0.0/ab",
        f"sampled/a/b/{'1' * 5000}", "sampled/a/b/%D9%A1", f"mask/ab-0.0.0~1.1.1/slice-{'9' * 5000}.png", "colors/dimensions-%D9%A1.1.1/x/y",
        "mp4/x?opacity=nan", "mp4/x?opacity=1e999", "points/corpus/x/%00", "source/%ff", "pictures/%00",
    ],
)  # fmt: skip
def test_odd_numbers_in_an_address_are_no_error_of_the_server(server: str, path: str) -> None:
    status, body, _ = fetched(server, path)
    assert status in (400, 404), body


@pytest.mark.browser
class TestPages:
    pytestmark = BROWSER

    @pytest.mark.parametrize(
        "path", thin(["windows", "", "video?map=true&search=true&alike=true", "sensitivity", "sql"])
    )
    def test_a_page_works_under_its_policy(
        self, browser: "sync_api.Browser", server: str, path: str
    ) -> None:
        """What a policy forbids is told on the console; a page that another site frames stays empty."""
        page = open_page(browser, server)
        told = []
        page.on(
            "console",
            lambda message: (
                told.append(message.text) if "Content Security Policy" in message.text else None
            ),
        )
        page.on("pageerror", lambda error: told.append(str(error)))
        page.goto(f"{server}/{path}")
        page.wait_for_selector(".stApp[data-test-script-state=notRunning]", timeout=SLOW)
        page.wait_for_selector("h1", timeout=SLOW)
        page.wait_for_timeout(500)
        assert page.locator(".stException").count() == 0
        page.evaluate("new Image().src = 'http://127.0.0.1:9/leak'")
        page.evaluate("fetch('http://127.0.0.1:9/leak').catch(() => 0)")
        page.wait_for_timeout(100)
        assert len(told) == sum("127.0.0.1:9" in text for text in told) and len(told) >= 2, (
            json.dumps(told)
        )
        page.close()


def test_streamlit_serves_the_app_behind_the_guard() -> None:
    """It reads the name of the app from the source: the name has to be the one that the guard is bound to last."""
    found = discover_asgi_app(SERVER)
    assert found.app_name == "app"
    tree = ast.parse(SERVER.read_text())
    last = [node for node in tree.body if isinstance(node, ast.Assign)][-1]
    assert ast.unparse(last).startswith(f"{found.app_name} = Guard(")
