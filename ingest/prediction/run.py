"""A run of `tubelet surprise`: decode again, predict, commit every few clips; what is stored is not predicted again."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import Self

import pyarrow as pa

from tubelet.ingest.errors import UsageError
from tubelet.ingest.memory import out_of_memory
from tubelet.ingest.prediction.adding import commit_predictions
from tubelet.ingest.prediction.contexts import SurpriseMeter
from tubelet.ingest.prediction.errors import judge_errors
from tubelet.ingest.prediction.loading import Loaded, load_predictor
from tubelet.ingest.prediction.missing import Missing, UnpredictedClip, find_missing
from tubelet.ingest.prediction.options import SurpriseOptions
from tubelet.ingest.prediction.rows import Rows, describe_prediction, surprise_rows
from tubelet.ingest.prediction.targets import STORED, explain_target, read_target
from tubelet.ingest.prediction.windows import decode_clips, find_source
from tubelet.media.errors import VideoError
from tubelet.store import Store
from tubelet.store.outcome import Outcome
from tubelet.store.rows import VideoRow
from tubelet.store.schema import SLICE_SURPRISE, SURPRISE
from tubelet.store.wording import count

COMMIT_CLIPS, COMMIT_SECONDS = 32, 15.0
Measured = tuple[UnpredictedClip, Rows]


@dataclass(kw_only=True)
class SurpriseOutcome(Outcome):
    """What one call did: slices predicted of clips, and the mean error over that of copying, weighted by slices.

    The targets of `shared` clips were read from the store; `apart` says why those of the others were encoded.
    """

    counted = ("clips", "complete", "short", "shared")

    encoder_id: str
    clips: int = 0
    slices: int = 0
    complete: int = 0
    short: int = 0
    seconds: float = 0.0
    shared: int = 0
    apart: str = ""
    l1: float = 0.0
    copy_l1: float = 0.0

    def as_json(self) -> dict:
        return {
            **super().as_json(),
            "l1_over_copy": self.l1 / self.copy_l1 if self.copy_l1 else None,
        }

    def lines(self) -> list[str]:
        done = f"{count(self.slices, 'slice')} of {count(self.clips, 'clip')} predicted with {self.encoder_id} in {self.seconds:,.1f} s; {count(self.complete, 'clip')} already done"
        return [
            done,
            *self._judge(),
            *self._describe_targets(),
            *self._leave_out(),
            *self.list_notes(),
        ]

    def _judge(self) -> list[str]:
        return [judge_errors(self.l1, self.copy_l1)] if self.copy_l1 else []

    def _describe_targets(self) -> list[str]:
        encoded = self.clips - self.shared
        read = [f"the targets of {count(self.shared, 'clip')} were read from the store, in half precision"]  # fmt: skip
        why = [f"the targets of {count(encoded, 'clip')} were encoded again: {self.apart}"]
        return read * bool(self.shared) + why * bool(encoded and self.apart)

    def _leave_out(self) -> list[str]:
        if not self.short:
            return []
        return [
            f"{count(self.short, 'clip has', 'clips have')} too few slices for any context and horizon that was asked for"
        ]

    def add(self, rows: Rows) -> None:
        slices = rows[SLICE_SURPRISE.name]
        self.clips += 1
        self.shared += slices["target"][0].as_py().endswith(STORED)
        self._average(len(slices), *(sum(slices[name].to_pylist()) for name in ("l1", "copy_l1")))

    def join(self, part: Self) -> None:
        super().join(part)
        self.apart = self.apart or part.apart
        self._average(part.slices, part.l1 * part.slices, part.copy_l1 * part.slices)

    def _average(self, added: int, l1: float, copy_l1: float) -> None:
        """Add slices and the sums of their errors."""
        before, self.slices = self.slices, self.slices + added
        if self.slices:
            self.l1 = (self.l1 * before + l1) / self.slices
            self.copy_l1 = (self.copy_l1 * before + copy_l1) / self.slices


def measure_surprise(
    store: Store,
    options: SurpriseOptions,
    stopping: Event | None = None,
    show: Callable[[int, int], None] = lambda done, of: None,
) -> SurpriseOutcome:
    """Predict what the store lacks; `show` receives how many clips of how many are done. Raises UsageError.

    Once `stopping` is set, the current clip is finished and what was measured is committed.
    """
    loaded, started = load_predictor(store, options), time.monotonic()
    missing, outcome = plan_surprise(store, loaded.identity, options)
    with store.ingesting():
        done = predict_clips(
            store, loaded, missing, (options, stopping, lambda done: show(done, missing.clips))
        )
    outcome.join(done)
    outcome.seconds = time.monotonic() - started
    merge_files(store, outcome)
    return outcome


def plan_surprise(
    store: Store, identity: tuple[str, str], options: SurpriseOptions
) -> tuple[Missing, SurpriseOutcome]:
    """What an encoder and its predictor are to predict, and the outcome of nothing yet. Raises UsageError."""
    missing = find_missing(store, *identity, options)
    refuse_short(missing, options)
    encoder_id, _ = identity
    return missing, SurpriseOutcome(
        encoder_id=encoder_id, complete=missing.complete, short=missing.short
    )


def predict_clips(
    store: Store,
    loaded: Loaded,
    missing: Missing,
    asked: tuple[SurpriseOptions, Event | None, Callable[[int], None]],
) -> SurpriseOutcome:
    """Predict and commit what is missing, or a part of it. `asked` holds the options, the event that stops it, and what receives how many clips are done."""
    options, stopping, show = asked
    outcome = SurpriseOutcome(encoder_id=loaded.row.encoder_id)
    collected = Collected(store, outcome.encoder_id)
    predicted = _predict_all(store, loaded, missing, (options, outcome))
    for done, (clip, rows) in enumerate(predicted, 1):
        collected.add(rows)
        outcome.add(rows)
        outcome.apart = outcome.apart or explain_target(loaded, clip.clip)
        show(done)
        if stopping and stopping.is_set():
            outcome.interrupted = done < missing.clips
            break
    collected.commit()
    return outcome


def merge_files(store: Store, outcome: SurpriseOutcome) -> None:
    """What is left to do once all is predicted."""
    if outcome.clips:
        store.compact()


def refuse_short(missing: Missing, options: SurpriseOptions) -> None:
    """Raises UsageError where no clip is long enough for what is asked for."""
    if missing.short and not missing.clips and not missing.complete:
        context, horizon = options.settings[0]
        raise UsageError(
            f"--context {context} with --horizon {horizon} needs windows of {count(context + horizon, 'slice')}, and the longest has "
            f"{missing.longest}: use a shorter --context, or ingest with more --frames"
        )


def _predict_all(
    store: Store, loaded: Loaded, missing: Missing, told: tuple[SurpriseOptions, SurpriseOutcome]
) -> Iterator[Measured]:
    """The rows of each clip; what is wrong with a video or too large for memory becomes a problem of the outcome."""
    options, outcome = told
    meter = SurpriseMeter(loaded.networks, options.batch)
    for video_id, clips in missing.by_video.items():
        video = store.video(video_id)
        try:
            yield from _predict_video(store, loaded, meter, (video, clips))
        except VideoError as error:
            outcome.problems.append(f"{video.name}: {error}")
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            outcome.problems.append(
                f"{video.name}: out of memory for one context: use a smaller --context, or --precision bf16 on a GPU"
            )


def _predict_video(
    store: Store, loaded: Loaded, meter: SurpriseMeter, work: tuple[VideoRow, list[UnpredictedClip]]
) -> Iterator[Measured]:
    video, clips = work
    by_id = {one.clip.clip_id: one for one in clips}
    reading = find_source(store, video)
    for clip, frames in decode_clips(reading, [one.clip for one in clips]):
        asked, own = by_id[clip.clip_id], read_target(store, loaded, clip)
        measured = list(meter.measure(frames, asked.tasks, own))
        read = STORED if own is not None else ""
        made = describe_prediction(loaded.networks, loaded.predictor_sha256, read)
        yield asked, surprise_rows(clip.clip_id, measured, made)


class Collected:
    """Rows that wait for their commit."""

    def __init__(self, store: Store, encoder_id: str) -> None:
        self._store, self._encoder_id = store, encoder_id
        self._waiting: list[Rows] = []
        self._since = time.monotonic()

    def add(self, rows: Rows) -> None:
        self._waiting.append(rows)
        if len(self._waiting) >= COMMIT_CLIPS or time.monotonic() - self._since > COMMIT_SECONDS:
            self.commit()

    def commit(self) -> None:
        """All or nothing; what another process has committed of the same clips meanwhile is not added again."""
        if self._waiting:
            tables = {
                table.name: pa.concat_tables([rows[table.name] for rows in self._waiting])
                for table in (SLICE_SURPRISE, SURPRISE)
            }
            commit_predictions(self._store, self._encoder_id, tables)
            self._waiting.clear()
        self._since = time.monotonic()
