"""Queries over HTTP: the answers of the sandbox, off unless asked for, never for other sites, with the token where there is one."""

import io
import json
import sys
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.attacks import HARMLESS, share
from tests.guarded import TOKEN, Place
from tests.stores import synthetic_store
from tubelet.dashboard import routes
from tubelet.dashboard.access import API, LIMITS, Access
from tubelet.dashboard.guard import Guard
from tubelet.dashboard.launch import Listening
from tubelet.store import Store
from tubelet.store.sandbox.limits import VisitorLimits
from tubelet.store.saved_queries import SavedQuery, save_query
from tubelet.store.schema import RELATIONS

LOCAL, OPEN = "http://127.0.0.1:8501", Access()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("api") / "films", videos=2)
    save_query(made, SavedQuery(name="top", sql="FROM range($k) AS r(n)", defaults={"k": 4}))
    yield made
    made.close()


def client_of(store: Store, access: Access = OPEN) -> TestClient:
    paths = {f"/api/{name}": f"api_{name}" for name in ("query", "estimate", "schema")}
    paths["/api/patch/{clip}/{patch}"] = "api_patch"
    made = [
        Route(path, lambda request, name=name: routes.answer(name, str(store.root), request))
        for path, name in paths.items()
    ]
    return TestClient(Guard(Starlette(routes=made), access), LOCAL)


@pytest.fixture
def client(store: Store, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setenv(API, "1")
    return client_of(store)


def test_an_answer_comes_in_every_format(client: TestClient) -> None:
    sql = "SELECT i AS n, 'é' AS w, sum(i) OVER () AS total, NULL AS e FROM range(12000) AS r(i)"
    found = client.get("/api/query", params={"sql": sql}).json()
    assert found["rows"][3] == {"n": 3, "w": "é", "total": 71994000, "e": None}
    assert found["truncated"] is True and len(found["rows"]) == 10_000
    assert [column["name"] for column in found["columns"]] == ["n", "w", "total", "e"]
    read = client.get("/api/query", params={"sql": "SELECT max(norm) FROM token_stats"}).json()
    assert read["bytes_read"] > 100 or sys.platform != "linux"
    lines = client.get("/api/query", params={"sql": sql, "format": "jsonl"}).text.splitlines()
    assert len(lines) == 12_000 and json.loads(lines[-1])["n"] == 11_999
    csv = client.get("/api/query", params={"sql": sql, "format": "csv"})
    assert csv.text.count("\n") == 12_001 and csv.headers["content-type"].startswith("text/csv")
    parquet = client.get("/api/query", params={"sql": sql, "format": "parquet"})
    assert pq.read_table(io.BytesIO(parquet.content)).num_rows == 12_000


def test_values_and_saved_queries(client: TestClient) -> None:
    asked = client.get("/api/query?sql=SELECT+$k+%2B+1+AS+n,+$w+AS+w&p=k=4&p=w=a=b").json()
    assert asked["rows"] == [{"n": 5, "w": "a=b"}]
    assert len(client.get("/api/query?saved=top").json()["rows"]) == 4
    assert len(client.get("/api/query?saved=top&p=k=9").json()["rows"]) == 9


@pytest.mark.parametrize(
    "query, words",
    [
        ("sql=SELECT+nam+FROM+videos", '"nam"'),
        ("sql=DROP+VIEW+clips", "only queries"),
        ("", "pass a query"),
        ("sql=SELECT+1&saved=top", "pass a query"),
        ("saved=tip", "did you mean top"),
        ("sql=SELECT+$k", "no value for $k"),
        ("sql=SELECT+1&p=k", "p=NAME=VALUE"),
        ("sql=SELECT+1&limit=3", "unknown parameter"),
        ("sql=SELECT+1&format=exe", "saved as csv"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(query: str, words: str, client: TestClient) -> None:
    refused = client.get(f"/api/query?{query}")
    assert refused.status_code == 400 and words in refused.json()["error"]


def test_scripts_may_ask_for_less_and_never_for_more(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = VisitorLimits(max_rows=20, max_seconds=5, max_download_seconds=6)
    monkeypatch.setenv(LIMITS, Listening(limits=allowed).environment("")[LIMITS])
    ask = "/api/query?sql=FROM+range(50)"
    found = client.get(ask).json()
    assert len(found["rows"]) == 20 and found["truncated"]
    assert len(client.get(f"{ask}&max_rows=3").json()["rows"]) == 3
    assert client.get(f"{ask}&format=csv&max_rows=30").text.count("\n") == 31
    assert client.get(f"{ask}&format=csv&max_seconds=6").text.count("\n") == 51
    for higher, told in {
        "max_rows=21": "at most 20",
        "max_seconds=6": "at most 5",
        "max_memory=3GB": "at most 2GB",
        "format=csv&max_seconds=7": "at most 6",
        "max_rows=many": "write a number",
    }.items():
        refused = client.get(f"{ask}&{higher}")
        assert refused.status_code == 400 and told in refused.json()["error"], higher


def test_an_estimate_runs_nothing(client: TestClient) -> None:
    sql = "SELECT error(clip_id), sum(embedding[1]) FROM tokens GROUP BY clip_id"
    found = client.get("/api/estimate", params={"sql": sql}).json()["estimate"]
    assert found["files"] == found["of_files"] == 2 and found["embedding_bytes"] > 0
    refused = client.get("/api/estimate?sql=SELECT+nam+FROM+videos")
    assert refused.status_code == 400 and '"nam"' in refused.json()["error"]


@pytest.mark.parametrize(
    "patch, words",
    [
        ("CLIP/0.0", "SLICE.Y.X"),
        ("CLIP/0.0.x", "SLICE.Y.X"),
        ("CLIP/0.-1.0", "SLICE.Y.X"),
        ("CLIP/99.0.0", "counted from 0"),
        ("none/0.0.0", "holds no clip"),
        ("CLIP/0.0.0", "no pictures of this clip"),
    ],
)
def test_a_patch_that_cannot_be_drawn_is_a_sentence(
    patch: str, words: str, store: Store, client: TestClient
) -> None:
    clip = store.rows("FROM clips LIMIT 1")[0]["clip_id"]
    refused = client.get(f"/api/patch/{patch.replace('CLIP', clip)}")
    assert refused.status_code == 404 and words in refused.json()["error"]


def test_the_schema_has_every_column_and_function(client: TestClient) -> None:
    found = client.get("/api/schema").json()
    assert [table["name"] for table in found["tables"]] == list(RELATIONS)
    assert all(c["meaning"] for table in found["tables"] for c in table["columns"])
    assert "token" in [function["name"] for function in found["functions"]]


def test_it_is_off_unless_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(API, raising=False)
    for path in (
        "/api/query?sql=SELECT+1",
        "/api/estimate?sql=SELECT+1",
        "/api/patch/a/0.0.0",
        "/api/schema",
    ):
        refused = client_of(store).get(path)
        assert refused.status_code == 404 and "--api" in refused.json()["error"]
    assert (
        Listening().environment("")[API] == "" and Listening(api=True).environment("")[API] == "1"
    )
    assert Listening(host="0.0.0.0", api=True).key, "where others can come, a token is made"


def test_other_sites_and_strangers_get_nothing(
    store: Store, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert client.get("/api/query?sql=SELECT+1", headers=link).status_code == 403
    closed = client_of(store, Access(token="s3cret"))
    for wrong in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic s3cret"},
        {"Authorization": "Bearer"},
    ):
        refused = closed.get("/api/query?sql=SELECT+1", headers=wrong)
        assert refused.status_code == 401 and "Bearer TOKEN" in refused.text
    right = {"Authorization": "Bearer s3cret"}
    assert closed.get("/api/query?sql=SELECT+1", headers=right).status_code == 200


@pytest.mark.long
def test_attacks_over_http_reach_nothing(
    place: Place, before: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(API, "1")
    client = client_of(place.store)
    for number, attempt in enumerate(share(1, 4)):
        sql = place.filled(attempt).encode(errors="replace").decode()
        path = "estimate" if number % 5 == 0 else "query"
        format_ = {} if path == "estimate" else {"format": ("json", "csv")[number % 2]}
        sent = client.get(f"/api/{path}", params={"sql": sql, **format_})
        assert TOKEN not in sent.text, attempt
        arrived = sql == place.filled(attempt)  # half of a surrogate pair cannot be sent
        refused = sent.status_code == 400 or path == "estimate"
        assert refused or attempt in HARMLESS or not arrived, attempt
    assert (place.tree(), place.views()) == before
