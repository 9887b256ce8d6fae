"""Frames of a stream in the decoder's order, past isolated damage.

After a packet that cannot be decoded, the frames that follow are held until the decoder has run without an error for a while; then they
are returned, the first one after the loss marked. If errors continue, or FFmpeg marks what follows as corrupt, the file
ends at the first error, as it would for a decoder that stops there.

Frames that the demuxer passed over raise nothing. They are known by two signs at once: the time stamps jump, and where
they do, bytes of the file belong to no packet, or a frame is marked as corrupt. (AVI numbers its frames as it finds them:
there the bytes have to do.)
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from statistics import median

import av

from tubelet.media.complaints import Complaints
from tubelet.media.demuxing import Demuxer
from tubelet.media.opening import open_container

CALM_FRAMES = 24  # without an error, after which the damage counts as isolated
MOST_ERRORS = 3  # of one damage: more are a destroyed stretch
MOST_CORRUPT = 1 / 8  # of the frames that follow damage
ERRORS = (av.FFmpegError, ValueError)
JUMP = 1.5  # times the usual time between frames: more are missing frames, or a rate that varies
INTERVALS = 25  # between frames, whose median is the usual one


@dataclass(frozen=True)
class Decoded:
    """A frame; `gap` if frames before it are lost, `complained` if the decoder only complains about damage in it."""

    frame: av.VideoFrame
    gap: bool = False
    complained: bool = False


@dataclass
class Damage:
    """Damage that may be isolated: the first error, the frames since, and how long there was no further error."""

    first: Exception
    errors: int = 1
    calm: int = 0
    held: list[Decoded] = field(default_factory=list)

    @property
    def is_isolated(self) -> bool:
        """Whether what followed so far is good enough to continue."""
        corrupt = sum(one.frame.is_corrupt for one in self.held)
        return (
            bool(self.held)
            and self.errors <= MOST_ERRORS
            and corrupt <= MOST_CORRUPT * len(self.held)
        )


class Decoder:
    """One pass over a stream. Iterating raises the first error that is not isolated, after the good frames."""

    def __init__(
        self, container: av.container.InputContainer, stream: av.VideoStream, again: bool = False
    ) -> None:
        self._container = container
        self._stream = stream
        self._damage: Damage | None = None
        self._awaited: list[int] = []  # time stamps of packets whose frame has not come, ascending
        self._unstamped = 0  # frames that may come after a loss which no time stamp places
        self._again = again
        self._emitted = 0
        self._cut_off = False  # the demuxer calls the last packet incomplete
        self._demuxer = Demuxer(container, stream)
        self._complaints = Complaints(container, stream)
        self._intervals: deque[int] = deque(maxlen=INTERVALS)
        self._before: av.VideoFrame | None = None

    def __iter__(self) -> Iterator[Decoded]:
        for packet in self._demuxer:
            if packet.size:
                self._await(packet)
            decoded = self._hand_out(self._decode(packet)) if packet.size else self._drain(packet)
            for one in decoded:
                self._emitted += 1
                yield one
        self._complaints.close()
        yield from self._end()

    def _await(self, packet: av.Packet) -> None:
        self._cut_off = packet.is_corrupt
        if packet.pts is not None and not packet.is_discard:
            insort(self._awaited, packet.pts)

    def _decode(self, packet: av.Packet) -> list[av.VideoFrame]:
        try:
            return self._complaints.decode(packet)
        except ERRORS as error:
            self._note(error)
            return []

    def _drain(self, flush: av.Packet) -> Iterator[Decoded]:
        """What the decoder still holds. With several threads, good frames are lost if one of the last is bad; with one thread they are not."""
        error, frames = None, []
        try:
            frames = flush.decode()
        except ERRORS as raised:
            error = raised
        last = [frame.pts for frame in frames if frame.pts is not None]
        missing = self._awaited and self._awaited[-1] > max(last, default=self._awaited[0] - 1)
        if (error or missing) and not self._again:
            yield from self._decode_again()
            return
        yield from self._hand_out(frames)
        if error:
            self._note(error)

    def _decode_again(self) -> Iterator[Decoded]:
        """The frames that have not been returned yet, decoded by one thread."""
        self._damage = None
        with open_container(self._container.name) as container:
            stream = next(one for one in container.streams.video if one.index == self._stream.index)
            stream.codec_context.thread_count = 1
            yield from islice(Decoder(container, stream, again=True), self._emitted, None)

    def _note(self, error: Exception) -> None:
        """Record an error. Raises the first one if there are too many."""
        if self._damage is None:
            self._damage = Damage(error)
        else:
            self._damage.errors += 1
            self._damage.calm = 0
        if not self._awaited:
            self._unstamped = 1 + self._stream.codec_context.reorder_depth
        if self._damage.errors > MOST_ERRORS:
            raise self._damage.first

    def _hand_out(self, frames: list[av.VideoFrame]) -> Iterator[Decoded]:
        for frame in frames:
            gap = self._follows_loss(frame) | self._follows_skipped(frame)
            decoded = Decoded(frame, gap, self._complaints.concern(frame))
            if self._damage is None:
                yield decoded
                continue
            self._damage.held.append(decoded)
            self._damage.calm += 1
            if self._damage.calm >= CALM_FRAMES:
                yield from self._resolve(self._damage)

    def _follows_loss(self, frame: av.VideoFrame) -> bool:
        """Whether packets were lost between the frame before and this one."""
        if frame.pts is None or not self._awaited:
            unplaced, self._unstamped = self._unstamped > 0, max(0, self._unstamped - 1)
            return unplaced
        earlier = bisect_left(self._awaited, frame.pts)
        here = self._awaited[earlier : earlier + 1] == [frame.pts]
        del self._awaited[: earlier + here]
        return bool(earlier and self._damage)

    def _follows_skipped(self, frame: av.VideoFrame) -> bool:
        """Whether the demuxer passed over what lies between the frame before and this one."""
        before, self._before = self._before, frame
        if before is None or before.pts is None or frame.pts is None or frame.pts <= before.pts:
            return False
        ticks = frame.pts - before.pts
        usual = median(self._intervals) if self._intervals else ticks
        self._intervals.append(ticks)
        if ticks < JUMP * usual:
            return self._demuxer.has_lost_uncounted(before.pts, frame.pts)
        around = round(usual * (self._stream.codec_context.reorder_depth + 2))
        return (
            before.is_corrupt
            or (frame.is_corrupt and not self._cut_off)
            or self._demuxer.has_lost_between(
                before.pts - around, frame.pts + around, round(ticks - usual)
            )
        )

    def _resolve(self, damage: Damage) -> Iterator[Decoded]:
        self._damage = None
        if not damage.is_isolated:
            raise damage.first
        yield from damage.held

    def _end(self) -> Iterator[Decoded]:
        """The end of the file while frames are held: they are good; if packets never yielded their frames, the file ends early."""
        if self._damage is None:
            self._require_whole()
            return
        damage, lost = self._damage, bool(self._awaited)
        if self._cut_off:
            raise damage.first
        yield from self._resolve(damage)
        if lost:
            raise damage.first

    def _require_whole(self) -> None:
        """Raise where the demuxer stopped before the end of the file without an error."""
        base = self._stream.time_base
        interval = float(median(self._intervals) * base) if self._intervals and base else 0.04
        if (reason := self._demuxer.explain_early_end(interval)) is not None:
            raise ValueError(reason)
