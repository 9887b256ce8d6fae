"""The Jobs page: what runs and ran is shown as it is, forms make the command line that a button runs, and only those start and stop who may."""

import os
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.test_dashboard import open_page, text
from tests.store.test_jobs import wait_for
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.cli import main
from tubelet.cli.forms import describe_commands
from tubelet.dashboard import access
from tubelet.dashboard.access import HOSTS, JOBS, READ_ONLY, TOKEN, find_jobs_folder
from tubelet.dashboard.launch import Listening
from tubelet.reports.literal import literal
from tubelet.store import Store, StoreError
from tubelet.store.jobs import starting, state
from tubelet.store.jobs.listing import list_jobs
from tubelet.store.jobs.recording import Recording
from tubelet.store.jobs.state import JobProgress

START = {"jobs-section": "Start a job"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = synthetic_store(tmp_path / "store", videos=1)
    yield made
    made.close()


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Visitors may start and stop commands."""
    monkeypatch.setenv(JOBS, str(tmp_path))
    monkeypatch.setenv(TOKEN, "a-token")
    return tmp_path


@pytest.fixture
def running(store: Store) -> Iterator[Recording]:
    """A job of this process."""
    made = Recording(store.root, ["ingest", "films", "--encoder", "toy"])
    assert made.begin()
    yield made
    made.end(0, "")


def button(test: AppTest, label: str):
    return next(one for one in test.button if one.label == label)


def labels(test: AppTest) -> set[str]:
    return {one.label for one in test.button}


def field(test: AppTest, kind: str, name: str):
    return next(one for one in test.get(kind) if one.key.endswith(f"-{name}"))


def command_line(test: AppTest) -> list[str]:
    """The command that the form makes, as a shell would read it."""
    return shlex.split(next(code.value for code in test.code if code.value.startswith("tubelet ")))


def test_a_store_without_jobs_says_what_appears_here(store: Store) -> None:
    test = open_page("jobs", store)
    assert not test.exception and "No job yet" in text(test)
    assert any("tubelet ingest FOLDER" in code.value for code in test.code)


def test_a_running_job_shows_how_far_it_is_and_what_failed(
    store: Store, running: Recording
) -> None:
    running.report(JobProgress(done=3, total=12, tokens_per_s=5120, seconds_left=754, failed=1, failures=("a.mp4: **no** video",)))  # fmt: skip
    test = open_page("jobs", store)
    (bar,) = test.get("progress")
    assert bar.proto.value == 25
    assert bar.proto.text == "3 of about 12 clips, 5,120 tokens/s, about 12 min 34 s left, 1 failed"
    codes = [code.value for code in test.code]
    assert "tubelet ingest films --encoder toy" in codes and "a.mp4: **no** video" in codes
    assert "**1 job** running; 0 jobs ended." in text(test)


def test_who_may_not_stop_a_job_is_shown_the_command(store: Store, running: Recording) -> None:
    assert running.folder
    test = open_page("jobs", store)
    assert not {"Stop job", "Kill job"} & labels(test)
    assert any(f"--stop {running.folder.name}" in code.value for code in test.code)


def test_stop_and_kill_are_buttons_of_their_own(
    store: Store, running: Recording, allowed: Path
) -> None:
    test, seen = open_page("jobs", store), []
    assert {"Stop job", "Kill job"} <= labels(test)
    before = signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    try:
        button(test, "Stop job").click().run()
        wait_for(lambda: seen)  # the job is this process, which a stop interrupts
    finally:
        signal.signal(signal.SIGINT, before)
    assert list_jobs(store)[0].status == state.BEING_STOPPED
    again = open_page("jobs", store)
    assert "Kill job" in labels(again) and "Stop job" not in labels(again)


def test_a_form_makes_the_command_line_and_its_button_starts_it(
    store: Store, allowed: Path
) -> None:
    test = open_page("jobs", store, **START, command="annotate")
    field(test, "text_area", "files").set_value("la bels.csv\n-odd").run()
    field(test, "selectbox", "key").set_value("stem").run()
    words = ["annotate", f"--store={store.root}", "--key=stem", "--", "la bels.csv", "-odd"]
    assert command_line(test) == ["tubelet", *words]
    button(test, "Start job").click().run()
    assert not test.exception and "Start job" not in labels(test), "the list of jobs is shown"
    wait_for(lambda: list_jobs(store)[0].ended_at)
    assert "Started job" in test.toast[0].value
    (job,) = list_jobs(store)
    assert list(job.words) == words and job.folder == str(allowed)
    assert job.status == state.FAILED and "la bels.csv" in job.said


def test_what_is_required_has_to_be_there(store: Store, allowed: Path) -> None:
    test = open_page("jobs", store, **START, command="report sensitivity")
    assert button(test, "Start job").disabled and "Still needed: Output." in text(test)
    field(test, "text_input", "output").set_value("out.html").run()
    assert not button(test, "Start job").disabled
    assert command_line(test)[-1] == "--output=out.html"


def test_what_cannot_be_started_says_why_and_the_form_stays(
    store: Store, allowed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "LIVE_MOST", 0)
    test = open_page("jobs", store, **START, command="index")
    button(test, "Start job").click().run()
    assert "stop one, or wait" in test.error[0].value and "Start job" in labels(test)
    assert not list_jobs(store)


def test_a_job_that_has_ended_fills_its_form_in_again(store: Store) -> None:
    words = ["ingest", f"--store={store.root}", "--frames=8", "--keep=statistics", "--no-pictures", "a b.mp4"]  # fmt: skip
    ended = Recording(store.root, words)
    assert ended.begin() and ended.folder
    key = f"ended-{ended.folder.name}"
    ended.end(2, "films holds clips of 2 encoders: name one of them with --encoder")
    test = open_page("jobs", store)
    (line,) = [one.label for one in test.expander if "failed" in one.label]
    assert line.endswith(literal("films holds clips of 2 encoders: name one of them with --encoder"))  # fmt: skip
    test.session_state[key] = True  # the expander is open
    test.run()
    button(test, "Fill in again").click().run()
    assert not test.exception and "Fill in again" not in labels(test)
    assert sorted(command_line(test)) == sorted(["tubelet", *words])
    field(test, "checkbox", "pictures").check().run()
    assert "--no-pictures" not in command_line(test) and "--frames=8" in command_line(test)


@pytest.mark.parametrize("name", thin((form.name for form in describe_commands(main)), 4))
def test_every_form_opens_empty(store: Store, name: str) -> None:
    test = open_page("jobs", store, **START, command=name)
    assert not test.exception
    assert command_line(test) == ["tubelet", *name.split(), f"--store={store.root}"]
    assert "Start job" not in labels(test) and "--allow-jobs" in "".join(code.value for code in test.code)  # fmt: skip


def test_a_page_from_before_the_permission_went_starts_nothing(
    store: Store, allowed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = open_page("jobs", store, **START, command="index")
    monkeypatch.setenv(READ_ONLY, "1")
    button(test, "Start job").click().run()
    assert not list_jobs(store) and "Start job" not in labels(test)


def test_jobs_are_for_who_was_told_to_and_has_a_token_or_is_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (JOBS, TOKEN, HOSTS, READ_ONLY):
        monkeypatch.delenv(name, raising=False)
    assert find_jobs_folder("127.0.0.1") is None
    monkeypatch.setenv(JOBS, "/films")
    assert find_jobs_folder("127.0.0.1") == find_jobs_folder("localhost") == Path("/films")
    assert find_jobs_folder("0.0.0.0") is None is find_jobs_folder(None)
    monkeypatch.setenv(HOSTS, "lab.example.org")
    assert find_jobs_folder("127.0.0.1") is None
    monkeypatch.setenv(TOKEN, "a-token")
    assert find_jobs_folder("0.0.0.0") == Path("/films")
    monkeypatch.setenv(READ_ONLY, "1")
    assert find_jobs_folder("0.0.0.0") is None


def test_the_command_hands_the_permission_on_with_a_token() -> None:
    assert not Listening().environment("")[JOBS] and not Listening().key
    asked = Listening(allow_jobs=True)
    assert asked.environment("")[JOBS] == os.getcwd() and len(asked.key) > 20
    assert Listening(allow_jobs=True, token="mine").key == "mine"
    with pytest.raises(StoreError, match="mutually exclusive"):
        Listening(allow_jobs=True, read_only=True)


def test_a_job_inherits_nothing_that_is_the_servers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in access.OWN:
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("HF_HOME", "/models")
    kept = access.keep_environment()
    assert kept["HF_HOME"] == "/models" and not access.OWN & set(kept)
    assert {*Listening().environment(""), access.STORE_OPTIONS} == access.OWN
