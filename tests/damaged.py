"""Videos with damage where it is wanted: packets overwritten in place, the file otherwise as it was."""

from collections.abc import Sequence
from pathlib import Path

import av


def find_packets(path: Path) -> list[tuple[int, int]]:
    """Where each packet of a file begins, and its bytes."""
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.video[0])
        return [(packet.pos, packet.size) for packet in packets if packet.size]


def blot_packets(path: Path, numbers: Sequence[int]) -> None:
    """Overwrite an eighth of each of these packets, in its middle."""
    places, data = find_packets(path), bytearray(path.read_bytes())
    for start, size in (places[number] for number in numbers):
        data[start + size // 2 : start + size // 2 + size // 8] = bytes(size // 8)
    path.write_bytes(data)


def damage_packets(path: Path, numbers: Sequence[int]) -> Path:
    """Overwrite packets of a file, by their number as they lie in it."""
    places = find_packets(path)
    data = bytearray(path.read_bytes())
    for number in numbers:
        start, size = places[number]
        data[start : start + size] = bytes(size)
    path.write_bytes(data)
    return path


def scratch(path: Path, every: int) -> Path:
    """Overwrite a dozen bytes of a raw stream every so many bytes, past its header: the decoder mends the frames, and marks them."""
    data = bytearray(path.read_bytes())
    for start in range(4000, len(data) - 100, every):
        data[start : start + 12] = bytes(12)
    path.write_bytes(data)
    return path
