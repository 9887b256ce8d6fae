"""Downloads of whole answers: what the page offers holds every row, says how large it gets, and only this server's own keys fetch it."""

import io
import re
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.dashboard.test_dashboard import open_page
from tests.stores import synthetic_store
from tubelet.dashboard import answers, routes
from tubelet.store import Store
from tubelet.store.sandbox.untrusted import Query

ROWS = 23_456  # more than a page shows
SQL = f"SELECT i AS n, [i, i + 1] AS pair, name FROM range({ROWS}) AS r(i), (SELECT min(name) AS name FROM videos)"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("answers") / "films", videos=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(store: Store) -> TestClient:
    route = Route(
        "/answers/{key}/{name}",
        lambda request: routes.answer("answer", str(store.root), request),
    )
    return TestClient(Starlette(routes=[route]), raise_server_exceptions=False)


def test_the_page_offers_every_row_and_says_how_large_it_gets(
    store: Store, client: TestClient
) -> None:
    test = open_page("sql", store, query=SQL)
    test.session_state["download"] = True
    shown = "\n".join(element.proto.body for element in test.run().get("html"))
    assert not test.exception
    assert any("**23,456 rows**, 3 columns" in str(element.value) for element in test.markdown)
    links = dict(re.findall(r'href="([^"]+)"[^>]*>([^<]+)<', shown))
    assert [label.split(",")[0] for label in links.values()] == list(answers.FORMATS)
    for address, label in links.items():
        sent = client.get(f"/{address}")
        assert sent.status_code == 200 and "attachment" in sent.headers["content-disposition"]
        assert re.search(r"films-videos-23456-rows-[\d-]+\.(csv|jsonl|parquet|arrow)$", address)
        if address.endswith("parquet"):
            rows = pq.read_table(io.BytesIO(sent.content)).to_pylist()
            assert len(rows) == ROWS and rows[-1]["pair"] == [ROWS - 1, ROWS]
        if address.endswith("csv"):
            assert sent.text.count("\n") == ROWS + 1
            told = float(re.search(r"([\d.]+) kB", label)[1]) * 1e3
            assert 0.6 < told / len(sent.content) < 1.6


def test_a_key_of_another_server_fetches_nothing(client: TestClient) -> None:
    for key in ("0" * 32, "é", answers.offer(Query("SELECT 1"))[:-1]):
        sent = client.get(f"/answers/{key}/a.csv")
        assert sent.status_code == 404 and "run the query again" in sent.text


def test_what_cannot_be_sent_is_said_in_words(client: TestClient) -> None:
    key = answers.offer(Query("SELECT nam FROM videos"))
    refused = client.get(f"/answers/{key}/a.csv")
    assert refused.status_code == 404 and '"nam"' in refused.text
    assert "saved as csv" in client.get(f"/answers/{key}/a.exe").text


def test_old_offers_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST", 3)
    keys = [answers.offer(Query(f"SELECT {number}")) for number in range(5)]
    assert set(answers.OFFERED) == set(keys[2:])
    assert answers.find_offered(keys[-1]).sql == "SELECT 4"
