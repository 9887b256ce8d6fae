"""Frames of a stream in the decoder's order, past isolated damage.

A packet that cannot be decoded opens a doubt: the frames that follow are held until the decoder has been calm for a while, and
are then handed out, the first of them after the loss marked. Where errors go on, or FFmpeg calls what follows corrupt, the file
ends at the first error, as it would for a decoder that stops there.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field

import av

CALM_FRAMES = 24  # without an error, after which the damage counts as isolated
MOST_ERRORS = 3  # of one damage: more are a destroyed stretch
MOST_CORRUPT = 1 / 8  # of the frames that follow damage
ERRORS = (av.FFmpegError, ValueError)


@dataclass(frozen=True)
class Decoded:
    """A frame; `gap` where frames before it are lost."""

    frame: av.VideoFrame
    gap: bool = False


@dataclass
class Damage:
    """A doubt: the first error, the frames since, and how calm it has been."""

    first: Exception
    errors: int = 1
    calm: int = 0
    held: list[Decoded] = field(default_factory=list)

    @property
    def is_isolated(self) -> bool:
        """Whether what followed so far is good enough to go on with."""
        corrupt = sum(one.frame.is_corrupt for one in self.held)
        return bool(self.held) and self.errors <= MOST_ERRORS and corrupt <= MOST_CORRUPT * len(self.held)


class Decoder:
    """One pass over a stream. Iterating raises the first error that is not isolated, after the good frames."""

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        self._container = container
        self._stream = stream
        self._damage: Damage | None = None
        self._awaited: list[int] = []  # time stamps of packets whose frame has not come, ascending
        self._unstamped = 0  # frames that may come after a loss which no time stamp places
        self._cut_off = False  # the demuxer calls the last packet incomplete

    def __iter__(self) -> Iterator[Decoded]:
        for packet in self._container.demux(self._stream):
            if packet.size:
                self._await(packet)
                yield from self._hand_out(self._decoded(packet))
            else:
                yield from self._drain(packet)
        yield from self._end()

    def _await(self, packet: av.Packet) -> None:
        self._cut_off = packet.is_corrupt
        if packet.pts is not None and not packet.is_discard:
            insort(self._awaited, packet.pts)

    def _decoded(self, packet: av.Packet) -> list[av.VideoFrame]:
        try:
            return packet.decode()
        except ERRORS as error:
            self._note(error)
            return []

    def _drain(self, flush: av.Packet) -> Iterator[Decoded]:
        """What the decoder holds back, past an error among it, too."""
        errors = -1
        while errors != (errors := self._errors):
            yield from self._hand_out(self._decoded(flush))

    @property
    def _errors(self) -> int:
        return self._damage.errors if self._damage else 0

    def _note(self, error: Exception) -> None:
        """Open a doubt, or add to it. Raises its first error where there are too many."""
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
            decoded = Decoded(frame, self._follows_loss(frame))
            if self._damage is None:
                yield decoded
                continue
            self._damage.held.append(decoded)
            self._damage.calm += 1
            if self._damage.calm >= CALM_FRAMES:
                yield from self._resolved()

    def _follows_loss(self, frame: av.VideoFrame) -> bool:
        """Whether packets were lost between the frame before and this one."""
        if frame.pts is None or not self._awaited:
            unplaced, self._unstamped = self._unstamped > 0, max(0, self._unstamped - 1)
            return unplaced
        earlier = bisect_left(self._awaited, frame.pts)
        here = self._awaited[earlier : earlier + 1] == [frame.pts]
        del self._awaited[: earlier + here]
        return bool(earlier and self._damage)

    def _resolved(self) -> Iterator[Decoded]:
        damage, self._damage = self._damage, None
        if not damage.is_isolated:
            raise damage.first
        yield from damage.held

    def _end(self) -> Iterator[Decoded]:
        if self._damage is None:
            return
        if self._cut_off:
            raise self._damage.first
        yield from self._resolved()
