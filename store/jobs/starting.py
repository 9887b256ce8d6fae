"""Start a command on a store as a job: a process in a session of its own, which outlives the one that started it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread

from tubelet.store.disk.files import write_whole
from tubelet.store.errors import StoreError
from tubelet.store.jobs import holder
from tubelet.store.jobs.describing import describe_end, describe_job, make_job_id
from tubelet.store.jobs.forms import CommandForm, read_forms
from tubelet.store.jobs.listing import list_jobs
from tubelet.store.jobs.logs import read_log
from tubelet.store.jobs.spare import Spares
from tubelet.store.jobs.state import END, FOLDER_VARIABLE, JOB, LOCK, LOG, STOPPING
from tubelet.store.store import Store
from tubelet.store.wording import count

LIVE_MOST = 8  # jobs of a store that may run at once before another one is started from here
PATIENCE_S = 20.0  # until a job has said that it runs
PAUSE_S = 0.02
FORMS = Path(__file__).parent / "commands.json"  # written by `python -m tests.documentation`
COMMAND = (sys.executable, "-P", "-m", "tubelet")  # -P: no module of the current folder is run


def start_job(
    store: Store,
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    spares: Spares | None = None,
) -> str:
    """Run `tubelet WORDS` in a folder, its output in the job's log; the job's id, once the command runs or has ended. Raises StoreError.

    A process of `spares` that waits becomes the command, which saves its imports.
    """
    store.layout.require_writable()
    _require_room(store)
    job_id = make_job_id(time.time())
    place = store.layout.job(job_id)
    try:
        place.mkdir(parents=True)
        described = describe_job(words, folder, time.time())
        write_whole(place / JOB, json.dumps(described).encode(), place, flush=False)
        own = {**environment, FOLDER_VARIABLE: str(place), "PYTHONUNBUFFERED": "1"}
        spare = spares.take(words, folder, place / LOG, own) if spares else None
        process = spare or _run(words, folder, place, own)
    except (OSError, ValueError) as error:  # a value that no argument can hold is a ValueError
        _write_end(place, 2, f"the command could not be started: {error}")
        raise StoreError(f"the command could not be started: {error}") from error
    ended = Thread(target=_note_end, args=(process, place), daemon=True)
    ended.start()
    _wait_until_running(ended, place)
    return job_id


def read_commands() -> list[CommandForm]:
    """The commands that can be jobs, as `tubelet jobs --commands` described them when this version was made: to ask the command itself
    imports all that its options come from, 4.6 s of CPU. Raises StoreError."""
    try:
        return read_forms(FORMS.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"the commands could not be read: {error}") from error


def _require_room(store: Store) -> None:
    live = sum(job.live for job in list_jobs(store))
    if live >= LIVE_MOST:
        raise StoreError(f"{count(live, 'job runs', 'jobs run')} already: stop one, or wait")


def _run(
    words: Sequence[str], folder: Path, place: Path, environment: Mapping[str, str]
) -> subprocess.Popen:
    """Never through a shell."""
    with open(place / LOG, "xb") as log:
        return subprocess.Popen(
            [*COMMAND, *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )


def _note_end(process: subprocess.Popen, place: Path) -> None:
    """Wait for the process, and say how it ended where it could not say so itself."""
    code = process.wait()
    if os.path.lexists(place / END) or os.path.lexists(place / STOPPING):
        return
    why = f"ended by signal {-code}" if code < 0 else read_log(place).strip().rpartition("\n")[2]  # fmt: skip
    _write_end(place, code % 256, why)


def _write_end(place: Path, code: int, said: str) -> None:
    with suppress(OSError, StoreError):
        write_whole(place / END, json.dumps(describe_end(code, said)).encode(), place, flush=False)


def _wait_until_running(ended: Thread, place: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (
        ended.is_alive()
        and holder.find_holder(place / LOCK) is None
        and time.monotonic() < deadline
    ):
        ended.join(PAUSE_S)
