"""Videos with damage where it is wanted: packets overwritten in place, the file otherwise as it was."""

from collections.abc import Sequence
from pathlib import Path

import av


def damage_packets(path: Path, numbers: Sequence[int]) -> Path:
    """Overwrite packets of a file, by their number as they lie in it."""
    with av.open(str(path)) as container:
        places = [
            (packet.pos, packet.size)
            for packet in container.demux(container.streams.video[0])
            if packet.size
        ]
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
