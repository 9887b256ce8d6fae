"""Batching: the encode stage. Clips of one shape are encoded together, of whichever videos they are; items leave in the order in which they arrived.

At most one batch is in progress while the next one is started, so that a GPU always has work queued. Where memory runs out, a
batch is halved and so are all that follow; a single clip that does not fit, or that raises anything else, becomes a failure of its video.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from tubelet.ingest.contract import Encoder
from tubelet.ingest.errors import EncodeError
from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.memory import out_of_memory
from tubelet.ingest.pipeline.encoding import EncodedClip, LaunchedBatch, PendingClip, launch
from tubelet.ingest.pipeline.measuring import Measuring
from tubelet.ingest.pipeline.messages import DecodedClip, Failure, VideoDone


@dataclass(frozen=True)
class RefusedClip:
    """A clip that could not be encoded, and why."""

    clip: DecodedClip
    error: EncodeError


NO_MEMORY = EncodeError(
    "out of memory for this one clip: use a smaller --size, fewer --frames, or --precision bf16 on a GPU"
)


class EncodeStage:
    """Clips and the ends of videos in, encoded clips and the ends of videos out."""

    def __init__(
        self, encoder: Encoder, facts: EncoderFacts, batch: int, statistics: bool = True
    ) -> None:
        self.batch = batch
        self._facts = facts
        self._measuring = Measuring()
        self.busy_s = 0.0
        self._encoder = encoder
        self._statistics = statistics
        self._waiting: list[DecodedClip | VideoDone] = []
        self._under_way: list[LaunchedBatch | RefusedClip | VideoDone] = []
        self._arrived = 0.0  # when the last batch did
        self._failed: dict[Path, list[Failure]] = {}

    def add(self, item: DecodedClip | VideoDone) -> Iterator[EncodedClip | VideoDone]:
        """Add one item; yields what has become ready."""
        clips = self._clips
        if isinstance(item, DecodedClip) and clips and clips[0].pixels.shape != item.pixels.shape:
            yield from self._launch()
        self._waiting.append(item)
        if len(self._clips) >= self.batch:
            yield from self._launch()

    def drain(self) -> Iterator[EncodedClip | VideoDone]:
        """Everything that waits or is in progress, without waiting for more."""
        yield from self._launch()
        yield from self._launch()  # with nothing to start, what was in progress comes out

    @property
    def _clips(self) -> list[DecodedClip]:
        return [item for item in self._waiting if isinstance(item, DecodedClip)]

    def _launch(self) -> Iterator[EncodedClip | VideoDone]:
        """Start what waits, then hand out what was in progress before; what does not need to wait leaves at once."""
        ends = [item for item in self._waiting if isinstance(item, VideoDone)]
        started = [*self._start_batches(self._clips), *ends]
        ready, self._under_way, self._waiting = self._under_way, started, []
        if not any(isinstance(item, LaunchedBatch) and item.event for item in started):
            ready, self._under_way = [*ready, *started], []
        for item in ready:
            yield from self._finish(item)

    def _start_batches(self, clips: Sequence[DecodedClip]) -> Iterator[LaunchedBatch | RefusedClip]:
        while clips:
            together = clips[: self.batch]
            launched = self._attempt(together)
            if launched is NO_MEMORY and len(together) > 1:
                self.batch = len(together) // 2
                continue
            if isinstance(launched, LaunchedBatch):
                yield launched
            else:
                yield from self._alone(together, launched)
            clips = clips[len(together) :]

    def _alone(
        self, clips: Sequence[DecodedClip], error: EncodeError
    ) -> Iterator[LaunchedBatch | RefusedClip]:
        """Each clip of a batch that failed: encoding them one by one shows which."""
        for clip in clips:
            launched = error if len(clips) == 1 else self._attempt([clip])
            yield launched if isinstance(launched, LaunchedBatch) else RefusedClip(clip, launched)

    def _attempt(self, clips: Sequence[DecodedClip]) -> LaunchedBatch | EncodeError:
        """A batch in progress, or why there is none; by then the error and the memory that it referenced are released."""
        try:
            return launch(self._encoder, clips, self._measuring, self._statistics)
        except Exception as error:  # one clip's, whatever it is
            if not out_of_memory(error):
                return _explain(error)
        if self._encoder.device.type == "cuda":
            torch.cuda.empty_cache()
        return NO_MEMORY

    def _finish(
        self, item: LaunchedBatch | RefusedClip | VideoDone
    ) -> Iterator[EncodedClip | VideoDone]:
        if isinstance(item, VideoDone):
            if item.video_id is not None:
                self._measuring.end(item.video_id)
            yield replace(item, failures=(*item.failures, *self._failed.pop(item.source.path, ())))
        elif isinstance(item, RefusedClip):
            self._fail(item.clip, item.error)
        else:
            yield from self._collect(item)

    def _collect(self, launched: LaunchedBatch) -> Iterator[EncodedClip]:
        try:
            arrived = launched.wait()
        except Exception as error:  # of the device, which says so only now
            for sent in launched.sent:
                self._fail(sent.clip, _explain(error))
            return
        seconds = arrived - max(
            launched.started, self._arrived
        )  # before that, the device was at the batch before
        self._arrived = arrived
        self.busy_s += seconds
        for sent in launched.sent:
            try:
                _check_shape(sent, self._facts)
                encoded = sent.finish(seconds / len(launched.sent))
            except Exception as error:  # this clip's, whatever it is
                self._fail(sent.clip, _explain(error))
            else:
                yield encoded

    def _fail(self, clip: DecodedClip, error: EncodeError) -> None:
        row = clip.row
        failure = Failure(
            path=clip.source.text,
            video_id=row.video_id,
            encoder_id=row.encoder_id,
            stage="encode",
            error=str(error),
            first_frame=row.first_frame,
        )
        failed = self._failed.setdefault(clip.source.path, [])
        if failure not in failed:  # a clip that is encoded twice for a control fails twice
            failed.append(failure)


def _check_shape(sent: PendingClip, facts: EncoderFacts) -> None:
    """Raise EncodeError for tokens that the encoder's row does not promise: rows and queries over the store rely on it."""
    frames, _, height, width = sent.clip.pixels.shape
    slices = max(1, frames // facts.tubelet)
    promised = (slices, height // facts.patch, width // facts.patch, facts.dim)
    if sent.shape != promised:
        raise EncodeError(
            f"the encoder returned tokens {sent.shape} as (slices, rows, columns, dim), and its row promises {promised}: "
            f"correct patch {facts.patch}, tubelet {facts.tubelet} or dim {facts.dim} of {facts.name}, or what its encode returns"
        )


def _explain(error: Exception) -> EncodeError:
    return (
        error if isinstance(error, EncodeError) else EncodeError(f"{type(error).__name__}: {error}")
    )
