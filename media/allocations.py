"""What a small file may unpack to in FFmpeg's memory: one allocation, and what a PNG picture holds beside its pixels.

FFmpeg unpacks the texts and the color profile of a PNG whole: a megabyte of it becomes a gigabyte, and from there on the process ends by
signal 11. In packets they are hidden from it (`png_chunks`), so that a video of such pictures takes no more than its pixels; what an
animated PNG has before its first packet it unpacks as the file is opened.
"""

import ctypes
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import av

from tubelet.media.errors import VideoError
from tubelet.media.png_chunks import PACKED, SIGNATURE

MOST_AT_ONCE = 1 << 30  # bytes: a frame of 16,384 x 16,384 px with alpha
MOST_BESIDE = 64 << 20  # bytes that all of these unpack to
LIBRARIES = ("av.libs/*avutil-*", "av/.dylibs/libavutil*")  # where PyAV's wheels keep FFmpeg's


def bound_allocations() -> bool:
    """Have FFmpeg allocate no more than `MOST_AT_ONCE` bytes at once; PyAV has no call for it. False where PyAV uses another FFmpeg than its own."""
    folder = Path(av.__file__).parent.parent
    found = [path for pattern in LIBRARIES for path in folder.glob(pattern)]
    if not found:
        return False
    try:
        bound = ctypes.CDLL(str(found[0])).av_max_alloc
    except (OSError, AttributeError):
        return False
    bound.argtypes, bound.restype = [ctypes.c_size_t], None
    bound(MOST_AT_ONCE)
    return True


def refuse_packed_picture(path: Path) -> None:
    """Raises VideoError for a PNG file that holds more than `MOST_BESIDE` bytes beside its pixels, OSError for one that cannot be read."""
    with path.open("rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            return
        left = MOST_BESIDE
        for name, content in _read_packed(file):
            left -= _count_unpacked(name, content, left)
            if left <= 0:
                raise VideoError(
                    "open",
                    f"its texts and color profile unpack to more than {MOST_BESIDE >> 20} MB: save the picture again without them",
                )


def _read_packed(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk that may be packed."""
    while len(head := file.read(8)) == 8:
        size, name = int.from_bytes(head[:4], "big"), head[4:]
        if name in PACKED:
            content = file.read(min(size, MOST_BESIDE + 1))
            size -= len(content)
            yield name, content
        file.seek(size + 4, 1)  # and its checksum


def _count_unpacked(name: bytes, content: bytes, most: int) -> int:
    """Bytes of a chunk once unpacked, as far as `most` and one more; those of one that is as long packed."""
    if len(content) > most:
        return len(content)
    _, _, rest = content.partition(b"\0")
    if name == b"iTXt":
        flags, rest = rest[:2], rest[2:]
        text = rest.split(b"\0", 2)[-1]  # after language and translated keyword
        if flags[:1] != b"\1":
            return len(text)
        return _inflate(text, most)
    return _inflate(rest[1:], most)


def _inflate(packed: bytes, most: int) -> int:
    try:
        return len(zlib.decompressobj().decompress(packed, most + 1))
    except zlib.error:
        return 0  # FFmpeg stops there, too
