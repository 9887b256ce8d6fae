"""What a container's headers state about its bytes: how many a file should have, and whether a stretch without packets is as it should be."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

EBML, RIFF, BOXES = b"\x1a\x45\xdf\xa3", b"RIFF", b"ftyp"
LISTS = (b"RIFF", b"LIST")  # of RIFF: chunks that hold others
MEDIA = b"mdat"
PAGE, PAGE_HEAD = b"OggS", 27  # bytes before the lengths of a page's segments


def _shift_out(register: int) -> int:
    for _ in range(8):
        register = register << 1 ^ (0x104C11DB7 if register & 0x80000000 else 0)
    return register & 0xFFFFFFFF


OGG_CRC = tuple(_shift_out(byte << 24) for byte in range(256))


@dataclass(frozen=True)
class ByteStretch:
    """Bytes between two packets: where the first begins and ends, and where the second begins."""

    start: int
    end: int
    following: int


def read_declared_size(path: Path) -> int | None:
    """Bytes by the Segment of Matroska, the RIFF chunks of AVI or the boxes of MP4; None where they do not say."""
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if head.startswith(EBML):
            return max(_element_ends(file), default=None)
        if head.startswith(RIFF):
            return max(_chunk_ends(file), default=None)
        return max(_box_ends(file), default=None) if head[4:8] == BOXES else None


def is_structure(path: Path, container: str, stretch: ByteStretch) -> bool:
    """Whether a stretch is made of whole elements of an AVI, MP4 or Ogg file, such as empty chunks and the headers of a fragment; other containers are not read."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        if container == "avi":
            return _is_chunks(file, stretch)
        if container == "ogg":
            return _is_pages(file, stretch)
        return container.startswith("mov") and _is_boxes(file, stretch)


def _is_chunks(file: BinaryIO, stretch: ByteStretch) -> bool:
    """AVI: chunks from the end of the first packet up to the one that the second is the content of."""
    at = stretch.end + (stretch.end - stretch.start) % 2
    while at + 8 < stretch.following:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or not head[:4].isascii() or not head[:4].isalnum():
            return False
        size = int.from_bytes(head[4:], "little")
        at += 12 if head[:4] in LISTS else 8 + size + size % 2
    return at + 8 == stretch.following


def _is_pages(file: BinaryIO, stretch: ByteStretch) -> bool:
    """Ogg: whole pages from the one that the first packet begins on up to that of the second: a packet may go over several."""
    at = stretch.start
    while at < stretch.following:
        file.seek(at)
        head = bytearray(file.read(PAGE_HEAD))
        if len(head) < PAGE_HEAD or not head.startswith(PAGE):
            return False
        lengths = file.read(head[-1])
        body = file.read(sum(lengths))
        stated, head[22:26] = int.from_bytes(head[22:26], "little"), bytes(4)
        if _ogg_checksum(bytes(head) + lengths + body) != stated:
            return False
        at += PAGE_HEAD + len(lengths) + len(body)
    return at == stretch.following


def _ogg_checksum(data: bytes) -> int:
    """The CRC-32 of an Ogg page, whose own checksum counts as 0."""
    register = 0
    for byte in data:
        register = (register << 8) & 0xFFFFFFFF ^ OGG_CRC[register >> 24 ^ byte]
    return register


def _is_boxes(file: BinaryIO, stretch: ByteStretch) -> bool:
    """MP4: boxes from the end of the first packet up to the media data that the second begins; none of them media data passed over."""
    at = stretch.end
    while at < stretch.following:
        size, name = _read_box(file, at)
        if size < 8 or not name.isalnum() or (name == MEDIA and at + size <= stretch.following):
            return False
        if name == MEDIA:
            return True
        at += size
    return False


def _element_ends(file: BinaryIO) -> Iterator[int]:
    """Where the first two elements end: the header, and the Segment where its size is known."""
    for _ in range(2):
        name, size = _read_number(file), _read_number(file)
        if name is None or size is None:
            return
        yield file.seek(size, 1)


def _read_number(file: BinaryIO) -> int | None:
    """A number of EBML, whose first byte says how long it is; None if it stands for an unknown size or is none."""
    first = file.read(1)
    length = 9 - first[0].bit_length() if first and first[0] else 0
    rest = file.read(length - 1) if length else b""
    if not length or len(rest) < length - 1:
        return None
    ones = (1 << 7 * length) - 1
    value = int.from_bytes(first + rest, "big") & ones
    return None if value == ones else value


def _chunk_ends(file: BinaryIO) -> Iterator[int]:
    while len(head := file.read(8)) == 8 and head.startswith(RIFF):
        size = int.from_bytes(head[4:], "little")
        if not size:  # a recording that was never closed
            return
        yield file.seek(size + size % 2, 1) - size % 2


def _box_ends(file: BinaryIO) -> Iterator[int]:
    at = 0
    while True:
        size, name = _read_box(file, at)
        if size < 8 or not name.isalnum():  # 0: up to the end of the file
            return
        at += size
        yield at


def _read_box(file: BinaryIO, at: int) -> tuple[int, bytes]:
    """Size and name of a box; a size of 0 where there is none."""
    file.seek(at)
    head = file.read(16)
    size = int.from_bytes(head[:4], "big")
    if size == 1:
        size = int.from_bytes(head[8:], "big")
    return (size, head[4:8]) if len(head) >= 8 else (0, b"")
