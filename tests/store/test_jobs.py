"""Jobs: a command that runs is seen and stopped from elsewhere, and what a stranger writes into a job's files decides nothing."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from tests.commands import started, tubelet
from tests.stores import synthetic_store
from tests.videos import make_video
from tubelet.cli import recording as watched
from tubelet.cli.models import fit_transition, make_progress
from tubelet.store import Store, StoreError
from tubelet.store.disk.inside import UnsafePath
from tubelet.store.jobs import holder, recording, state
from tubelet.store.jobs.listing import find_job, list_jobs, stop_job
from tubelet.store.jobs.recording import Recording
from tubelet.store.jobs.state import JobProgress

SMALL = ("--encoder", "toy", "--size", "64", "--frames", "4", "--pairs", "0")
NAME = "20260101-000000-00000a"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = synthetic_store(tmp_path / "store", videos=1)
    yield made
    made.close()


def wait_for(there: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def write_job(store: Store, name: str = NAME, **content: object) -> Path:
    folder = store.root / "jobs" / name
    folder.mkdir(parents=True)
    (folder / state.JOB).write_text(json.dumps(content))
    (folder / state.LOCK).touch()
    return folder


@pytest.mark.long
def test_an_ingest_of_a_terminal_is_seen_stopped_and_goes_on(tmp_path: Path) -> None:
    root = synthetic_store(tmp_path / "store", videos=0).root
    video = make_video(tmp_path / "long.mp4", frames=1000)
    arguments = ("ingest", video, "--store", root, *SMALL)
    store, process = Store(root), started(*arguments, commits_at_once=True)
    wait_for(lambda: (found := list_jobs(store)) and found[0].progress)
    (job,) = list_jobs(store)
    assert job.live and job.pid == process.pid and job.words[0] == "ingest"
    assert job.progress and 0 < job.progress.done < job.progress.total and job.progress.tokens_per_s
    assert (
        "asked to stop" in tubelet("jobs", "--store", root, "--stop", job.job_id, check=True).stdout
    )
    assert process.wait(60) == 130
    process.communicate()
    assert find_job(store, job.job_id).status == state.STOPPED
    before = store.rows("SELECT count(*) AS n FROM clips")[0]["n"]
    assert 0 < before < 250
    assert tubelet(*arguments, check=True).returncode == 0
    assert store.rows("SELECT count(*) AS n FROM clips")[0]["n"] == 250
    listed = json.loads(tubelet("jobs", "--store", root, "--json", check=True).stdout)
    assert [one["status"] for one in listed] == [state.DONE, state.STOPPED]
    store.close()


def test_a_command_that_is_refused_says_why_in_its_job(store: Store) -> None:
    done = tubelet("basis", "fit", "--store", store.root, "--clip", "gone")
    (job,) = list_jobs(store)
    assert done.returncode == 2 and job.status == state.FAILED and job.said in done.stderr


def test_a_job_that_is_killed_is_seen_to_have_ended(store: Store) -> None:
    program = f"import time; from pathlib import Path; from tubelet.store.jobs.recording import Recording; Recording(Path({str(store.root)!r}), ['index']).begin(); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", program])
    wait_for(lambda: (found := list_jobs(store)) and found[0].live)
    (job,) = list_jobs(store)
    assert "killed" in stop_job(store, job.job_id, kill=True)
    process.wait(60)
    assert find_job(store, job.job_id).status == state.STOPPED
    with pytest.raises(StoreError, match="has ended"):
        stop_job(store, job.job_id)


def test_no_process_that_a_file_names_is_ever_signaled(store: Store) -> None:
    here = {"host": holder.host(), "machine": holder.machine()}
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    write_job(store, words=["ingest"], pid=bystander.pid, **here)
    assert find_job(store, NAME).status == state.LOST
    with pytest.raises(StoreError, match="has ended"):
        stop_job(store, NAME, kill=True)
    assert bystander.poll() is None
    bystander.communicate(b"\n")


def test_a_job_of_another_machine_is_not_touched(store: Store) -> None:
    write_job(store, words=["ingest"], host="elsewhere", machine="another boot")
    assert find_job(store, NAME).status == state.ELSEWHERE
    with pytest.raises(StoreError, match="runs on elsewhere: stop it there"):
        stop_job(store, NAME)


HOSTILE = ['{"words": ' + "[" * 50_000, "[1]", '{"words": 3, "host": [], "started_at": "x"}', "\0", "x" * 100_000, '{"started_at": 1e999, "words": ["\\u001b[2J", 4]}']  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_files_are_shown_as_a_job_of_which_little_is_known(
    content: str, store: Store
) -> None:
    folder = write_job(store)
    for name in (state.JOB, state.PROGRESS, state.END):
        (folder / name).write_text(content)
    (job,) = list_jobs(store)
    assert not job.live and all(word.isprintable() for word in job.words)
    assert "\x1b" not in tubelet("jobs", "--store", store.root, check=True).stdout


def test_a_link_out_of_the_store_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (store.root / "jobs").symlink_to(tmp_path / "outside")
    with pytest.raises(UnsafePath):
        list_jobs(store)
    assert not Recording(store.root, ["ingest"]).begin()
    assert not list((tmp_path / "outside").iterdir())


def test_old_jobs_go_and_a_running_one_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "KEPT", 3)
    running = Recording(store.root, ["ingest"])
    assert running.begin()
    for _ in range(5):
        ended = Recording(store.root, ["report"])
        ended.started_at += 5
        ended.begin()
        ended.end(0, "")
    jobs = list_jobs(store)
    assert len(jobs) <= 4 and [job.words for job in jobs if job.live] == [("ingest",)]
    running.report(JobProgress(done=1, total=2, failures=("x" * 10_000,) * 50))
    (live,) = (job for job in list_jobs(store) if job.live)
    assert live.progress and live.progress.words.startswith("1 of about 2 clips")
    assert JobProgress(done=2, total=2).words == "2 clips"
    running.end(1, "two failed")
    assert find_job(store, live.job_id).status == state.INCOMPLETE


def test_a_fit_counts_its_steps_and_not_clips() -> None:
    said: list[JobProgress] = []
    with click.Context(fit_transition) as context:
        context.meta[watched.__name__] = said.append
        make_progress("step")(236, 1000)
    assert [progress.words for progress in said] == ["236 of about 1,000 steps"]
