"""Side data of a decoded frame (display matrix, Dolby Vision), read so that the frame is freed at once, and freed once.

PyAV's container of side data and its frame refer to each other: a frame whose side data was read would stay in memory until Python's
garbage collector comes by. And PyAV frees the metadata of side data a second time, which ends the process: of all decoders only PNG's
has any (the name of a color profile), and `png_chunks` hides it from the decoder.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import av
from av.sidedata.sidedata import SideDataContainer, Type

NOTHING = av.VideoFrame()  # has no side data


def read_matrix(frame: av.VideoFrame) -> bytes | None:
    """The display matrix of a frame: nine fixed-point numbers, little-endian, row by row; None where it has none.

    Of two it is the first, the container's: browsers and FFmpeg pass over the one inside the stream.
    """
    with _open_side_data(frame) as found:
        parts = (found[at] for at in range(len(found)))
        return next((bytes(part) for part in parts if part.type is Type.DISPLAYMATRIX), None)


def has_any(frame: av.VideoFrame, *kinds: Type) -> bool:
    """Whether a frame carries side data of one of these kinds."""
    with _open_side_data(frame) as found:
        return any(kind in found for kind in kinds)


@contextmanager
def _open_side_data(frame: av.VideoFrame) -> Iterator[SideDataContainer]:
    """The side data of a frame; afterwards its container refers to a frame without any."""
    found: Any = frame.side_data
    _fill(found, frame)
    try:
        yield found
    finally:
        _fill(found, NOTHING)


def _fill(container: Any, frame: av.VideoFrame) -> None:
    """Have a container list the side data of a frame; PyAV has no other call that lets go of the one before."""
    container.__init__(frame)


def _name_unknown(cls: type[Type], value: int) -> Any:
    """A kind of side data that FFmpeg has and PyAV does not know, such as EXIF: without a name for it, PyAV refuses all side data of the frame."""
    kind: Any = object.__new__(cls)
    kind._name_, kind._value_ = f"UNKNOWN_{value}", value
    return kind


Type._missing_ = classmethod(_name_unknown)  # type: ignore[assignment]
