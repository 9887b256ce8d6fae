"""Damaged frames that a decoder returns without a mark: it only complains in its log.

Two codecs can tell which those are without a log, of which FFmpeg has one per process:

- FFV1 keeps a checksum per slice. It is computed again here, from the first slice on that agrees with its own: files may be without.
- MJPEG refuses a damaged scan if it is told to. The packet is then decoded a second time by a decoder that takes what there is.

What no checksum covers and still decodes (a flipped bit of MJPEG's or of raw pixels) nobody can tell from a picture.
"""

import zlib
from collections.abc import Iterator

import av

from tubelet.media.opening import open_container

REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))  # the bits of each byte
TAIL = 8  # bytes of an FFV1 slice after its pixels: its size in 3, a status, its checksum in 4
STARTS = 0, 0x7A8C4079  # what a checksum begins with, and is over a whole slice: by version
STRICT = {"err_detect": "explode"}


class Complaints:
    """Decodes the packets of a stream, and knows which of its frames the decoder would complain about."""

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        self._name, self._stream = container.name, stream
        self._codec = stream.codec_context.name
        self._stamps: set[int] = set()  # of packets that are damaged
        self._checked = False  # a slice of FFV1 agreed with its checksum
        self._lenient: av.container.InputContainer | None = None
        if self._codec == "mjpeg":
            stream.codec_context.options = STRICT

    def decode(self, packet: av.Packet) -> list[av.VideoFrame]:
        """The frames of a packet. Raises what the decoder raises where there is no picture at all."""
        if self._codec == "ffv1" and self._fails_checksum(bytes(packet)):
            self._note(packet)
        try:
            return packet.decode()
        except av.InvalidDataError:
            if self._codec != "mjpeg":
                raise
        frames = self._open_lenient().codec_context.decode(packet)
        self._note(packet)
        return frames

    def concern(self, frame: av.VideoFrame) -> bool:
        """Whether a frame is one of those."""
        return not self._stamps.isdisjoint(
            stamp for stamp in (frame.pts, frame.dts) if stamp is not None
        )

    def close(self) -> None:
        if self._lenient:
            self._lenient.close()

    def _note(self, packet: av.Packet) -> None:
        stamps = packet.pts, packet.dts
        self._stamps.update(stamp for stamp in stamps if stamp is not None)

    def _open_lenient(self) -> av.VideoStream:
        if self._lenient is None:
            self._lenient = open_container(self._name)
        streams = self._lenient.streams.video
        return next(one for one in streams if one.index == self._stream.index)

    def _fails_checksum(self, packet: bytes) -> bool:
        """Whether a slice of a packet does not agree with its checksum, in a file that has some."""
        agree = [_agrees(slice_) for slice_ in _split_slices(packet)]
        self._checked |= any(agree)
        return self._checked and not all(agree)


def _split_slices(packet: bytes) -> Iterator[bytes]:
    """The slices of an FFV1 packet, from the last, each with what follows its pixels; a last empty one where their sizes do not add up."""
    while packet:
        size = int.from_bytes(packet[-TAIL : 3 - TAIL]) + TAIL
        if size > len(packet):
            yield b""
            return
        yield packet[-size:]
        packet = packet[:-size]


def _agrees(slice_: bytes) -> bool:
    """Whether the checksum of a slice is right: the one over all of it is then what it begins with."""
    reverse = slice_.translate(REVERSED)
    for start in STARTS:
        begin = int(f"{start:032b}"[::-1], 2)
        if slice_ and zlib.crc32(reverse, begin ^ 0xFFFFFFFF) ^ 0xFFFFFFFF == begin:
            return True
    return False
