"""Texts and color profile of a PNG, as they come in packets of a video: hidden from the decoder, which would unpack them for every frame.

A few hundred kilobytes of a packet become a gigabyte of each frame's side data, for nothing: pictures are taken without a profile. And the
name of a profile ends the process (`side_data`). Nothing is moved: a chunk gets a name that FFmpeg's decoder passes over.
"""

from collections.abc import Iterator

import av

CODECS = ("png", "apng")
SIGNATURE = b"\x89PNG\r\n\x1a\n"
PACKED = (b"zTXt", b"iTXt", b"iCCP")  # chunks whose content may be packed
PASSED_OVER = b"skip"  # of a chunk that nobody needs to know


def hide_packed_chunks(packet: av.Packet) -> None:
    """Rename the packed chunks of a packet of PNG pictures, in place; other packets stay as they are."""
    context = packet.stream.codec_context  # None of a stream of data
    if context and context.name in CODECS and packet.size:
        view = memoryview(packet)
        for at in find_packed_chunks(view):
            view[at : at + 4] = PASSED_OVER


def hide_packed_header(context: av.CodecContext) -> None:
    """The same for what an animated PNG holds before its first packet; to be called before the decoder is open."""
    if context.name in CODECS and (header := context.extradata):
        kept = bytearray(header)
        for at in find_packed_chunks(memoryview(kept)):
            kept[at : at + 4] = PASSED_OVER
        context.extradata = bytes(kept)


def find_packed_chunks(content: memoryview) -> Iterator[int]:
    """Where the names of packed chunks begin."""
    at = len(SIGNATURE) if content[: len(SIGNATURE)] == SIGNATURE else 0
    while at + 8 <= len(content):
        if content[at + 4 : at + 8] in PACKED:
            yield at + 4
        at += 12 + int.from_bytes(content[at : at + 4], "big")  # size, name, content, checksum
