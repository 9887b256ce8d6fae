"""How much a store holds and what runs on it, as Prometheus reads it: off unless the command was given `--metrics`.

GET /metrics      the text format 0.0.4; where the dashboard has a token, with `Authorization: Bearer TOKEN`
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tubelet.dashboard.access import METRICS
from tubelet.dashboard.api import HEADERS
from tubelet.store import Store
from tubelet.store.jobs.listing import list_jobs
from tubelet.store.jobs.state import JobState
from tubelet.store.sandbox.worker_pool import PROCESSES

OFF = "metrics are off: start the dashboard with `--metrics`\n"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
HELD = """SELECT (SELECT count(*) FROM videos) AS videos, (SELECT count(*) FROM clips) AS clips, (SELECT count(*) FROM pairs) AS pairs,
(SELECT count(*) FROM failures) AS failures, (SELECT coalesce(sum(embedding_bytes), 0)::BIGINT FROM clips) AS embedding_bytes"""
MEANINGS = {
    "videos": "videos in the store",
    "clips": "clips in the store",
    "pairs": "measured pairs of clips",
    "failures": "videos that could not be read",
    "embedding_bytes": "bytes of embedding files",
}


@dataclass(frozen=True)
class Metric:
    """A number by its name, or one per label."""

    name: str
    meaning: str
    values: Mapping[str, float]  # label, as it is written, to number; "" for none
    kind: str = "gauge"

    def lines(self) -> Iterator[str]:
        name = f"tubelet_{self.name}"
        yield f"# HELP {name} {self.meaning}"
        yield f"# TYPE {name} {self.kind}"
        for label, value in self.values.items():
            yield f"{name}{label} {value:.15g}"


def answer_metrics(store: Store, request: Request) -> Response:
    """Every metric; 404 where they are off."""
    if not os.environ.get(METRICS):
        return PlainTextResponse(OFF, 404)
    lines = [line for metric in _measure(store) for line in metric.lines()]
    return Response("\n".join(lines) + "\n", media_type=TEXT, headers=HEADERS)


def _measure(store: Store) -> Iterator[Metric]:
    (held,) = store.rows(HELD)
    for name, meaning in MEANINGS.items():
        yield Metric(name, meaning, {"": held[name]})
    yield Metric("commits_total", "commits to the store", {"": store.snapshot().serial}, "counter")
    running, waiting = PROCESSES.queue.count()
    states = {'{state="running"}': running, '{state="waiting"}': waiting}
    yield Metric("queries", "SQL queries of visitors", states)
    yield from _measure_jobs([job for job in list_jobs(store) if job.live])


def _measure_jobs(jobs: list[JobState]) -> Iterator[Metric]:
    """What runs on this machine, and how far it is. A job's id holds nothing that a label would have to escape."""
    yield Metric("jobs", "commands that run on the store", {"": len(jobs)})
    far = {f'{{job="{job.job_id}"}}': job.progress for job in jobs if job.progress}
    for name, meaning in (
        ("done", "units that a command has done"),
        ("total", "units that a command has to do, as far as known"),
        ("failed", "units that a command failed at"),
        ("tokens_per_s", "tokens that a command makes per second"),
    ):
        values = {label: getattr(progress, name) for label, progress in far.items()}
        if values:
            yield Metric(f"job_{name}", meaning, values)
