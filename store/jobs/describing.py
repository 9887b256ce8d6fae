"""What a job's files say, as they are written: without secrets, and short enough to be read back."""

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tubelet.store.jobs import holder
from tubelet.store.jobs.redaction import redact, redact_words
from tubelet.store.jobs.state import FAILURES_MOST, FILE_BYTES, TEXT_LENGTH, JobProgress


def make_job_id(started_at: float) -> str:
    """A new one, which sorts by the second at which the job was started."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(started_at))}-{secrets.token_hex(3)}"


def describe_job(words: Sequence[str], folder: Path, started_at: float) -> dict:
    """The command, and where and when it was started."""
    kept = [word[:TEXT_LENGTH] for word in redact_words(words)]
    while len(json.dumps(kept)) > FILE_BYTES // 2:
        kept = kept[: len(kept) // 2]
    return {
        "words": kept,
        "folder": str(folder),
        "host": holder.host(),
        "machine": holder.machine(),
        "started_at": started_at,
    }


def describe_progress(progress: JobProgress) -> dict:
    """How far it is, with the failures met last."""
    said = [redact(text)[:TEXT_LENGTH] for text in progress.failures[-FAILURES_MOST:]]
    return {**asdict(progress), "failures": said}


def describe_end(code: int, said: str) -> dict:
    """Say how a job ended."""
    return {"code": code, "said": redact(said)[:TEXT_LENGTH], "ended_at": time.time()}
