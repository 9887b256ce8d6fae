"""What happens in a run, told to whoever listens: clips encoded, sources ended, commits made. The log of `--log` is one who does."""

import json
import logging
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tubelet.ingest.errors import UsageError
from tubelet.ingest.pipeline.encoding import EncodedClip
from tubelet.ingest.pipeline.messages import VideoDone
from tubelet.store.clock import now
from tubelet.store.schema import PARTNER, SLICE_SURPRISE

LOGGER = logging.getLogger("tubelet.ingest")
LOGGER.addHandler(logging.NullHandler())  # silent until a program asks for it


@dataclass(frozen=True, kw_only=True)
class ClipCount:
    """What counts of one encoded clip; `of` clips are announced by the video's header, `stored` was stored before."""

    path: Path
    video_id: str
    of: int
    tokens: int
    pairs: int
    encode_s: float
    stored: bool
    partner: bool
    predicted: int = 0  # slices
    errors: tuple[float, float] = (0.0, 0.0)  # of the prediction and of copying, summed over them

    @classmethod
    def of_clip(cls, encoded: EncodedClip) -> "ClipCount":
        stored = encoded.clip.stored
        return cls(
            path=encoded.source.path,
            video_id=encoded.row.video_id,
            of=encoded.clip.of,
            tokens=encoded.row.tokens,
            pairs=len(encoded.pairs),
            encode_s=encoded.row.encode_s,
            stored=stored,
            partner=encoded.row.role == PARTNER and not stored,
            **_count_predicted(encoded.predicted),
        )


def _count_predicted(rows: Mapping[str, pa.Table]) -> dict[str, Any]:
    if SLICE_SURPRISE.name not in rows:
        return {}
    slices = rows[SLICE_SURPRISE.name]
    errors = (pc.sum(slices[name]).as_py() for name in ("l1", "copy_l1"))
    return {"predicted": len(slices), "errors": tuple(errors)}


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One commit: its clips and pairs, the sources that ended with it, and how long it took."""

    clips: int
    pairs: int
    sources: tuple[Path, ...]
    seconds: float


class Listener:
    """Told of everything that a run does, in the order in which it happens; this one does nothing."""

    def clip(self, count: ClipCount) -> None: ...

    def video(self, done: VideoDone) -> None: ...

    def commit(self, commit: Commit) -> None: ...

    def close(self) -> None: ...


class LoggingListener(Listener):
    """Videos and commits for Python's `logging`, as INFO; errors as WARNING."""

    def video(self, done: VideoDone) -> None:
        for failure in done.failures:
            LOGGER.warning("%s: %s [%s]", failure.path, failure.error, failure.stage)
        LOGGER.info("%s: %s", done.source.text, describe_outcome(done))

    def commit(self, commit: Commit) -> None:
        LOGGER.info("committed %d clips in %.2f s", commit.clips, commit.seconds)


class EventLog(Listener):
    """A file of JSON lines: one per video, per commit and per error. Every line is written at once, so that several runs may share a file."""

    def __init__(self, path: Path) -> None:
        """Raises UsageError where the file cannot be appended to."""
        try:
            self._descriptor = os.open(
                path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, 0o644
            )
            os.set_blocking(self._descriptor, True)
        except OSError as error:
            raise UsageError(
                f"--log {path} cannot be written ({error.strerror}): pass another file"
            ) from error
        self._clips: Counter[Path] = Counter()

    def clip(self, count: ClipCount) -> None:
        self._clips[count.path] += not count.stored

    def video(self, done: VideoDone) -> None:
        found = {"path": done.source.text, "video_id": done.video_id}
        clips = self._clips.pop(done.source.path, 0)
        outcome = describe_outcome(done)
        self.write("video", **found, outcome=outcome, clips=clips, stored_clips=done.kept_clips)
        for failure in done.failures:
            self.write("error", **asdict(failure))

    def commit(self, commit: Commit) -> None:
        counted = {**asdict(commit), "sources": len(commit.sources)}
        self.write("commit", **{**counted, "seconds": round(commit.seconds, 3)})

    def write(self, event: str, **facts: Any) -> None:
        """Add a line; a disk that is full ends no run."""
        line = json.dumps({"at": now().isoformat(), "event": event, "pid": os.getpid(), **facts})
        with suppress(OSError):
            os.write(self._descriptor, line.encode() + b"\n")

    def close(self) -> None:
        os.close(self._descriptor)


def describe_outcome(done: VideoDone) -> str:
    """What became of a source, in a word or two."""
    if done.failures:
        return "failed"
    if done.duplicate_of:
        return "duplicate"
    if done.shared:
        return "encoded by another process"
    return "encoded" if done.decoded else "already stored"


def lighten(done: VideoDone) -> VideoDone:
    """The same without pictures and times of frames, to be sent to another process."""
    row = done.row and replace(done.row, frame_times_s=None)
    return replace(done, row=row, thumbnail=None)
