"""Jobs that were started for somebody else: processes of their own, with a log, whose end is told however they end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import environment
from tests.store.test_jobs import SMALL, wait_for
from tests.stores import synthetic_store
from tests.videos import make_video
from tubelet.cli import recording
from tubelet.store import Store, StoreError
from tubelet.store.jobs import logs, starting, state
from tubelet.store.jobs.listing import find_job, list_jobs, stop_job
from tubelet.store.jobs.spare import Spares
from tubelet.store.jobs.starting import start_job


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = synthetic_store(tmp_path / "store", videos=1)
    yield made
    made.close()


def start(store: Store, *words: object) -> str:
    return start_job(store, [*map(str, words), f"--store={store.root}"], store.root.parent, environment())  # fmt: skip


def wait_for_end(store: Store, job_id: str) -> state.JobState:
    wait_for(lambda: (job := find_job(store, job_id)).status not in (state.RUNNING, state.BEING_STOPPED, state.LOST) and job)  # fmt: skip
    return find_job(store, job_id)


def test_a_job_runs_to_its_end_in_its_folder_and_in_a_session_of_its_own(
    store: Store, tmp_path: Path
) -> None:
    make_video(tmp_path / "short.mp4", frames=8)
    job_id = start(store, "ingest", "short.mp4", *SMALL)
    job = find_job(store, job_id)
    assert job.live and job.pid and os.getsid(job.pid) == job.pid != os.getsid(0)
    ended = wait_for_end(store, job_id)
    assert ended.status == state.DONE and ended.folder == str(tmp_path)
    assert [one.job_id for one in list_jobs(store)] == [job_id], "one folder per job"
    assert "2 clips" in logs.read_log(store.layout.job(job_id))
    assert ended.progress and ended.progress.done == 2


def test_a_command_that_its_options_refuse_says_so(store: Store) -> None:
    ended = wait_for_end(store, start(store, "ingest", "--frames=none", "a.mp4"))
    assert ended.status == state.FAILED and ended.said.startswith("Invalid value for '--frames'")
    assert "not a valid integer" in logs.read_log(store.layout.job(ended.job_id))


def test_no_word_reaches_a_shell(store: Store, tmp_path: Path) -> None:
    for word in ("$(touch made)", "; touch made", "--", "`touch made`"):
        wait_for_end(store, start(store, "annotate", word))
    assert not list(tmp_path.glob("**/made"))


@pytest.mark.long
def test_no_module_of_the_folder_is_run(store: Store, tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("open('made', 'w')")
    wait_for_end(store, start(store, "index"))
    assert not (tmp_path / "made").exists()


@pytest.mark.long
def test_a_job_outlives_who_started_it_and_is_stopped_from_elsewhere(
    store: Store, tmp_path: Path
) -> None:
    video = make_video(tmp_path / "long.mp4", frames=3000)
    program = f"""import os; from pathlib import Path; from tubelet.store import Store; from tubelet.store.jobs.spare import Spares
from tubelet.store.jobs.starting import start_job
print(start_job(Store({str(store.root)!r}), ["ingest", {str(video)!r}, "--store={store.root}", *{SMALL!r}], Path("/"), os.environ))"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment())  # fmt: skip
    job_id = done.stdout.strip()
    wait_for(lambda: find_job(store, job_id).progress)
    assert find_job(store, job_id).status == state.RUNNING
    stop_job(store, job_id)
    assert find_job(store, job_id).status in (state.BEING_STOPPED, state.STOPPED)
    wait_for(lambda: not find_job(store, job_id).live)
    assert find_job(store, job_id).status == state.STOPPED


def test_a_job_that_a_signal_ends_is_said_to_have_failed(store: Store, tmp_path: Path) -> None:
    job_id = start(store, "ingest", make_video(tmp_path / "one.mp4", frames=60), *SMALL)
    pid = find_job(store, job_id).pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    ended = wait_for_end(store, job_id)
    assert ended.status == state.FAILED and ended.said == "ended by signal 9"


def test_a_folder_that_is_gone_and_a_value_that_no_argument_holds_are_refused(store: Store) -> None:
    for words, folder in ((["index"], "/absent"), (["index", "\0"], "/")):
        with pytest.raises(StoreError, match="could not be started"):
            start_job(store, words, Path(folder), environment())
    assert [job.status for job in list_jobs(store)] == [state.FAILED, state.FAILED]


def test_no_more_jobs_are_started_than_may_run(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "LIVE_MOST", 0)
    with pytest.raises(StoreError, match="stop one, or wait"):
        start(store, "index")


def test_a_folder_without_a_lock_is_a_job_that_starts_and_later_one_that_was_lost(
    store: Store,
) -> None:
    folder = store.layout.job("20260101-000000-00000a")
    folder.mkdir(parents=True)
    assert list_jobs(store)[0].status == state.STARTING
    os.utime(folder, (time.time() - 100,) * 2)
    assert list_jobs(store)[0].status == state.LOST


def test_a_log_is_read_from_its_end_and_nothing_in_it_acts(store: Store, tmp_path: Path) -> None:
    folder = store.layout.job("20260101-000000-00000a")
    folder.mkdir(parents=True)
    assert logs.read_log(folder) == "" and not logs.has_log(folder)
    (tmp_path / "secret").write_text("of somebody else")
    (folder / state.LOG).symlink_to(tmp_path / "secret")
    assert logs.read_log(folder) == ""
    (folder / state.LOG).unlink()
    (folder / state.LOG).write_bytes(b"x" * 100_000 + b"\n10%\r20%\r30%\r\n\x1b[2Jend\xff\n")
    assert logs.read_log(folder) == "30%\n\N{REPLACEMENT CHARACTER}[2Jend\N{REPLACEMENT CHARACTER}"


def test_both_rooms_name_the_variable_alike() -> None:
    assert recording.FOLDER_VARIABLE == state.FOLDER_VARIABLE


def test_a_spare_process_becomes_the_command_it_is_told(store: Store, tmp_path: Path) -> None:
    """With the words, folder, log and environment of the job, once; without one that waits a process is started as always."""
    spares = Spares(("tubelet.store.store",))
    spares.warm(environment())
    assert spares.waits
    told = {**environment(), "TUBELET_TOLD": "yes"}
    job_id = start_job(store, ["compact", f"--store={store.root}"], tmp_path, told, spares)
    ended = wait_for_end(store, job_id)
    assert (ended.status, ended.folder, ended.words[0]) == (state.DONE, str(tmp_path), "compact")
    assert logs.read_log(store.layout.job(job_id)).strip() and not spares.waits
    refused = start_job(store, ["compact", "--none", f"--store={store.root}"], tmp_path, environment(), spares)  # fmt: skip
    assert "No such option" in wait_for_end(store, refused).said


def test_a_spare_ends_with_nothing_to_do_and_is_left_in_another_environment(store: Store, tmp_path: Path) -> None:  # fmt: skip
    spares = Spares(())
    spares.warm({**environment(), "TUBELET_OTHER": "1"})
    assert spares.take(["compact"], tmp_path, tmp_path / "log", environment()) is None
    assert not spares.waits and not (tmp_path / "log").exists()
    spares.warm(environment())
    spares.end()
    assert not spares.waits
