"""PNGs of few bits per pixel, which Pillow cannot write in gray."""

import struct
import zlib

import numpy as np


def write_gray(values: np.ndarray, bits: int, clear: int | None = None) -> bytes:
    """A gray PNG ``(h, w)`` with 1, 2, 4 or 8 bits per pixel; `clear` is the value that it declares transparent."""
    height, width = values.shape
    padded = np.pad(values.astype(np.uint8), ((0, 0), (0, -width % 8)))
    spread = np.unpackbits(padded[..., None], axis=2)[..., 8 - bits :]
    packed = np.packbits(spread.reshape(height, -1), axis=1)[:, : -(-width * bits // 8)]
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    transparent = b"" if clear is None else chunk(b"tRNS", struct.pack(">H", clear))
    body = transparent + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
