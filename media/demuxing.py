"""Packets of a file, and the bytes of it that no packet accounts for: a demuxer passes over what it cannot read without a word.

Bytes alone prove nothing: headers, indexes and padding belong to no packet. So a skipped stretch is one that is large beside
those before it, and whoever asks has to see frames missing at the same time (`Decoder`), or the end of the file before its
promised end (`Demuxer.explain_early_end`).
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import quantiles

import av

from tubelet.media.container_bytes import ByteStretch, is_structure, read_declared_size
from tubelet.media.png_chunks import hide_packed_chunks
from tubelet.store import stalling

LEAST_BYTES = 80  # more than the headers between two packets of Matroska, AVI, FLV and NUT
REMEMBERED = 64  # stretches between packets, to know how large they usually are
LEAST_SHARE = 1 / 4  # of the bytes that the missing time would take at the rate of the file so far
LEAST_MISSING = 5  # frames that the promised end lies after the last packet
NUMBERED = {
    "avi",
    "ogg",
}  # whose demuxers number frames as they find them: those that are lost leave no jump in time
PADDED = {"mpegts", "mpeg"}  # filled up to a constant rate: bytes say nothing there
COUNTED = {
    "avi"
}  # whose index at the end is large beside a short file, and whose demuxer reads on past damage


@dataclass(frozen=True)
class SkippedBytes:
    """Bytes that no packet accounts for, and the time stamp of the packet that follows them; infinite after a packet that the demuxer itself calls corrupt."""

    size: float
    pts: int


class Demuxer:
    """One pass over the packets of a stream; those of the other streams are counted, for their bytes."""

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        self._container = container
        self._stream = stream
        self.skipped: deque[SkippedBytes] = deque(maxlen=8)
        self._usual: deque[int] = deque(maxlen=REMEMBERED)
        self._known = {one.index for one in container.streams.get()}  # damage makes others up
        self._pending: float = 0  # bytes skipped since the last packet of the stream
        self._first: tuple[int, int] | None = None  # byte and time stamp
        self._last = (0, 0)
        self._start, self._end = (
            -1,
            -1,
        )  # bytes of the last packet, or of the last that share a page
        self._ordered = container.format.name not in PADDED
        self._seen_s, self._seen = 0.0, -1  # when and where the last packet of any stream ends

    def __iter__(self) -> Iterator[av.Packet]:
        for packet in read_packets(self._container):
            if packet.size:
                self._account(packet)
            if packet.stream.index == self._stream.index:
                yield packet

    @property
    def bytes_per_tick(self) -> float:
        """Bytes of the file so far per unit of the stream's time stamps."""
        if self._first is None or self._last[1] <= self._first[1]:
            return 0.0
        return (self._last[0] - self._first[0]) / (self._last[1] - self._first[1])

    def has_lost_between(self, before: int, after: int, ticks: int) -> bool:
        """Whether a stretch was skipped between two time stamps that could hold what `ticks` of time would take."""
        least = LEAST_SHARE * ticks * self.bytes_per_tick
        return any(before <= one.pts <= after and one.size >= least for one in self.skipped)

    def has_lost_uncounted(self, before: int, after: int) -> bool:
        """Whether chunks of an AVI or pages of an Ogg are broken between two time stamps: frames that are lost there leave no jump."""
        return self._container.format.name in NUMBERED and any(
            before < one.pts <= after and one.size >= LEAST_SHARE * self.bytes_per_tick
            for one in self.skipped
        )

    def explain_early_end(self, interval_s: float) -> str | None:
        """Why the file ends before the time that its header promises, where bytes say so, too; None where it does not."""
        promised = self._promised_s
        missing = promised - self._seen_s
        if missing < LEAST_MISSING * interval_s or self._seen < 0:
            return None
        path = Path(self._container.name)
        size = path.stat().st_size if path.is_file() else self._seen
        declared = read_declared_size(path) if path.is_file() else None
        if declared is not None and declared > size:
            return f"the file is cut off: {size:,} of {declared:,} bytes are here"
        least = LEAST_SHARE * missing / max(self._seen_s, interval_s) * self._seen
        told = self._ordered and self._container.format.name not in COUNTED
        if told and size - self._seen >= max(LEAST_BYTES, least):
            return f"the last {size - self._seen:,} bytes of the file cannot be read"
        return None

    @property
    def _promised_s(self) -> float:
        """How long the file is by its header, which may be wrong or missing (0)."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        frames = self._stream.frames / float(rate) if rate else 0.0
        return max((self._container.duration or 0) / av.time_base, frames)

    def _account(self, packet: av.Packet) -> None:
        if packet.pos is None or packet.pos == self._start:
            self._end += packet.size
        else:
            if packet.pos < self._start:  # sorted by time: every packet seems to skip some
                self._ordered = False
                self.skipped.clear()
            self._compare(packet.pos)
            self._start, self._end = packet.pos, packet.pos + packet.size
        if packet.stream.index in self._known:
            self._note_time(packet)
        if packet.stream.index == self._stream.index and packet.pts is not None:
            self._place(packet, packet.pts)

    def _note_time(self, packet: av.Packet) -> None:
        """Where the file is in time; a time past its promised end does not show that it is whole."""
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None or not packet.time_base:
            return
        begin = (self._container.start_time or 0) / av.time_base
        end = float((stamp + (packet.duration or 0)) * packet.time_base) - begin
        if end <= self._promised_s + 1:
            self._seen_s, self._seen = max(self._seen_s, end), self._end

    def _compare(self, position: int) -> None:
        """Add the bytes up to the next packet to those that were skipped, where they are more than usual in this file and no structure of its container."""
        hole = position - self._end
        if self._end < 0:
            return
        if self._ordered and hole >= LEAST_BYTES and hole >= 2 * self._usual_hole:
            self._pending += 0 if self._is_structure(position) else hole
        self._usual.append(max(0, hole))

    @property
    def _usual_hole(self) -> float:
        return quantiles(self._usual, n=10)[-1] if len(self._usual) > 8 else 0.0

    def _is_structure(self, position: int) -> bool:
        stretch = ByteStretch(self._start, self._end, position)
        return is_structure(Path(self._container.name), self._container.format.name, stretch)

    def _place(self, packet: av.Packet, pts: int) -> None:
        """Note what was skipped before a packet of the stream; a corrupt one says that what follows it is lost."""
        if self._pending:
            self.skipped.append(SkippedBytes(self._pending, pts))
        self._pending = inf if packet.is_corrupt else 0
        self._first = self._first or (self._start, pts)
        self._last = (self._start, pts)


def read_packets(container: av.container.InputContainer) -> Iterator[av.Packet]:
    """Every packet of a file. One of a stream that turns up late, as damage makes believe, is passed over: PyAV raises at it."""
    while True:
        try:
            for packet in container.demux():
                stalling.step()
                hide_packed_chunks(packet)
                yield packet
        except IndexError:
            continue
        return
