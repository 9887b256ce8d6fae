"""/metrics: off unless asked for, behind the token, and equal to what the store holds and what runs on it."""

import re
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.stores import Recipe, add_videos, synthetic_store
from tubelet.dashboard import routes
from tubelet.dashboard.access import METRICS, Access
from tubelet.dashboard.guard import Guard
from tubelet.dashboard.launch import Listening
from tubelet.store import Store
from tubelet.store.jobs.recording import Recording
from tubelet.store.jobs.state import JobProgress
from tubelet.store.sandbox.worker_pool import PROCESSES

OPEN = Access()
LINE = re.compile(r'(tubelet_[a-z_]+(?:\{[a-z]+="[\w-]+"\})?) (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)')


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    made = synthetic_store(tmp_path / "store", videos=2, clips=2)
    yield made
    made.close()


def client_of(store: Store, access: Access = OPEN) -> TestClient:
    route = Route("/metrics", lambda request: routes.answer("metrics", str(store.root), request))
    return TestClient(Guard(Starlette(routes=[route]), access), "http://127.0.0.1:8501")


def read_metrics(store: Store) -> dict[str, float]:
    answer = client_of(store).get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    found = [LINE.fullmatch(line) for line in lines]
    assert all(found) and answer.text.endswith("\n")
    described = set(re.findall(r"# TYPE (\w+) (?:gauge|counter)\n", answer.text))
    assert {match[1].partition("{")[0] for match in found if match} == described
    return {match[1]: float(match[2]) for match in found if match}


def test_they_are_off_unless_asked_for_and_ask_for_the_token(store, monkeypatch):
    monkeypatch.delenv(METRICS, raising=False)
    refused = client_of(store).get("/metrics")
    assert refused.status_code == 404 and "--metrics" in refused.text
    assert Listening().environment("")[METRICS] == ""
    monkeypatch.setenv(METRICS, Listening(metrics=True).environment("")[METRICS])
    private = client_of(store, Access(token="t0k"))
    assert private.get("/metrics").status_code == 401
    assert private.get("/metrics", headers={"Authorization": "Bearer t0k"}).status_code == 200


def test_they_say_what_the_store_holds_and_what_runs_on_it(store, monkeypatch):
    monkeypatch.setenv(METRICS, "1")
    before = read_metrics(store)
    assert (before["tubelet_videos"], before["tubelet_clips"], before["tubelet_jobs"]) == (2, 4, 0)
    size = sum(path.stat().st_size for path in (store.root / "embeddings").rglob("*.parquet"))
    assert before["tubelet_embedding_bytes"] == size > 0
    add_videos(store, Recipe(videos=1, clips=2), first=2)
    job = Recording(store.root, ("ingest", "films"))
    job.begin()
    job.report(JobProgress(done=3, total=9, failed=1, tokens_per_s=12.5))
    with PROCESSES.queue.wait():
        after = read_metrics(store)
    name = f'{{job="{job.folder.name}"}}'
    job.end(0, "")
    assert after["tubelet_clips"] == 6 and after["tubelet_jobs"] == 1
    assert after["tubelet_commits_total"] == before["tubelet_commits_total"] + 1
    assert after['tubelet_queries{state="running"}'] == 1
    told = [
        after[f"tubelet_job_{what}{name}"] for what in ("done", "total", "failed", "tokens_per_s")
    ]
    assert told == [3, 9, 1, 12.5]
    assert read_metrics(store)["tubelet_jobs"] == 0
