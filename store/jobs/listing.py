"""The jobs of a store, the newest first, and how one is stopped."""

import os
import re
import signal
from pathlib import Path

from tubelet.store.disk.layout import Layout
from tubelet.store.errors import StoreError
from tubelet.store.jobs import holder
from tubelet.store.jobs.state import ELSEWHERE, LOCK, STOPPING, JobState, read_state
from tubelet.store.store import Store

ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")
LISTED = 1_000  # folders that are looked at


def list_jobs(store: Store) -> list[JobState]:
    """What runs on a store and what ran."""
    return [read_state(folder) for folder in list_folders(store.layout)]


def list_folders(layout: Layout) -> list[Path]:
    """The folders of jobs, the newest first. Raises UnsafePath where a link leads out of the store."""
    try:
        with os.scandir(layout.jobs) as entries:
            names = [
                entry.name
                for entry in entries
                if ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []
    return [layout.jobs / name for name in sorted(names, reverse=True)[:LISTED]]


def find_job(store: Store, job_id: str) -> JobState:
    """The job of an id, or of the beginning of one. Raises StoreError where there is none, or several."""
    found = [folder for folder in list_folders(store.layout) if folder.name.startswith(job_id)]
    if len(found) != 1 or not job_id:
        what = (
            f"{len(found)} jobs begin with {job_id!r}" if found else f"no job is called {job_id!r}"
        )
        raise StoreError(f"{what}: list them with `tubelet jobs --store {store.shell_name}`")
    return read_state(found[0])


def stop_job(store: Store, job_id: str, kill: bool = False) -> str:
    """Ask a job to stop as Ctrl-C does, or kill it; what was done, in a sentence. Raises StoreError where it does not run on this machine."""
    store.layout.require_writable()
    job = find_job(store, job_id)
    if not job.live:
        why = f"runs on {job.host}: stop it there" if job.status == ELSEWHERE else "has ended"
        raise StoreError(f"job {job.job_id} {why}")
    folder = store.layout.job(job.job_id)
    descriptor = os.open(folder / STOPPING, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    os.close(descriptor)
    if not holder.send_signal(folder / LOCK, signal.SIGKILL if kill else signal.SIGINT):
        raise StoreError(f"job {job.job_id} has ended")
    return (
        f"job {job.job_id} was killed; what it committed is kept"
        if kill
        else f"job {job.job_id} was asked to stop; asked once more, it is killed"
    )
