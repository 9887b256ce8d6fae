"""What a job's files say. They may come from anybody: sizes, types and lengths are checked, and nothing in them decides what is signaled."""

import json
import math
import os
import stat
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tubelet.store.disk.home import READABLE
from tubelet.store.jobs import holder
from tubelet.store.wording import count

JOB, LOCK, PROGRESS, END, STOPPING, LOG = (
    "job.json",
    "lock",
    "progress.json",
    "end.json",
    "stopping",
    "log",
)
FOLDER_VARIABLE = "TUBELET_JOB"  # of the environment: the folder that was made for a job
STARTS_S = 60  # within which a process takes the lock of the folder that was made for it
FILE_BYTES, TEXT_LENGTH, WORDS_MOST, FAILURES_MOST = 64_000, 1_000, 200, 20
NUMBER_MOST = 1e15
STARTING, RUNNING, BEING_STOPPED, ELSEWHERE, DONE, INCOMPLETE, FAILED, STOPPED, LOST = (
    "starting",
    "running",
    "stopping",
    "on another machine",
    "done",
    "done, some failed",
    "failed",
    "stopped",
    "ended without a word",
)
LIVE = (RUNNING, BEING_STOPPED)
ENDS = {0: DONE, 1: INCOMPLETE, 130: STOPPED}  # exit codes


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """How far a job is: `done` of about `total` units, the rate in tokens, the time left, and the failures met last."""

    done: int = 0
    total: int = 0
    unit: str = "clip"
    tokens_per_s: float = 0.0
    seconds_left: float | None = None
    failed: int = 0
    failures: tuple[str, ...] = ()

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> "JobProgress":
        listed = found.get("failures")
        failures = listed[-FAILURES_MOST:] if isinstance(listed, list) else []
        left = found.get("seconds_left")
        return cls(
            done=int(_number(found.get("done"))),
            total=int(_number(found.get("total"))),
            unit=_text(found.get("unit")) or "clip",
            tokens_per_s=_number(found.get("tokens_per_s")),
            seconds_left=None if left is None else _number(left),
            failed=int(_number(found.get("failed"))),
            failures=tuple(map(_text, failures)),
        )

    @property
    def share(self) -> str:
        """What is done of what: "3 of about 12 clips", and "12 clips" once that is all."""
        total = count(self.total, self.unit)
        return total if self.done == self.total else f"{self.done:,} of about {total}"

    @property
    def words(self) -> str:
        """The progress in one line."""
        parts = [self.share]
        parts += [f"{self.tokens_per_s:,.0f} tokens/s"] if self.tokens_per_s else []
        parts += [f"{self.seconds_left:,.0f} s left"] if self.seconds_left is not None else []
        parts += [f"{self.failed:,} failed"] if self.failed else []
        return ", ".join(parts)


@dataclass(frozen=True, kw_only=True)
class JobState:
    """A job as its files and the kernel tell it; times are in seconds since 1970."""

    job_id: str
    status: str
    words: tuple[str, ...] = ()
    folder: str = ""
    host: str = ""
    started_at: float = 0.0
    ended_at: float | None = None
    said: str = ""
    pid: int | None = None
    progress: JobProgress | None = None

    @property
    def live(self) -> bool:
        return self.status in LIVE

    def as_json(self) -> dict:
        return asdict(self)


def read_state(folder: Path) -> JobState:
    """The state of the job whose folder this is."""
    job, end, far = (_read(folder / name) for name in (JOB, END, PROGRESS))
    here = (job.get("host"), job.get("machine")) == (holder.host(), holder.machine())
    pid = holder.find_holder(folder / LOCK) if here else None
    words = job.get("words")
    return JobState(
        job_id=folder.name,
        status=_status(folder, end, here or not job, pid),
        words=tuple(map(_text, words[:WORDS_MOST])) if isinstance(words, list) else (),
        folder=_text(job.get("folder")),
        host=_text(job.get("host")),
        started_at=_number(job.get("started_at")),
        ended_at=_number(end["ended_at"]) if "ended_at" in end else None,
        said=_text(end.get("said")),
        pid=pid,
        progress=JobProgress.read(far) if far else None,
    )


def _status(folder: Path, end: Mapping, here: bool, pid: int | None) -> str:
    asked = os.path.lexists(folder / STOPPING)
    if pid is not None:
        return BEING_STOPPED if asked else RUNNING
    if end:
        return ENDS.get(int(_number(end.get("code"))), FAILED)
    if not here:
        return ELSEWHERE
    if _is_new(folder):
        return STARTING
    return STOPPED if asked else LOST


def _is_new(folder: Path) -> bool:
    """Whether a folder was made a moment ago for a process that has not locked it yet."""
    if os.path.lexists(folder / LOCK):
        return False
    try:
        return 0 <= time.time() - folder.stat().st_mtime < STARTS_S
    except OSError:
        return False


def _read(path: Path) -> dict:
    """The object in a file of JSON; an empty one for anything else."""
    try:
        descriptor = os.open(path, READABLE)
    except OSError:
        return {}
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return {}
        try:
            data = file.read(FILE_BYTES + 1)
            found = json.loads(data) if len(data) <= FILE_BYTES else {}
        except (OSError, ValueError, RecursionError):
            return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    """A short text that one line can show."""
    text = value[:TEXT_LENGTH] if isinstance(value, str) else ""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _number(value: object) -> float:
    """A finite number that is not negative; 0 for anything else."""
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not 0 <= value < NUMBER_MOST
    ):
        return 0.0
    return float(value) if math.isfinite(value) else 0.0
