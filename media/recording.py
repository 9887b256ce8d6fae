"""Frames as a file that every player opens: H.264 in an MP4, 4:2:0, at a steady rate."""

from collections.abc import Iterable
from fractions import Fraction
from typing import BinaryIO

import av
import numpy as np

from tubelet.array_types import UInt8

LARGEST_PART = 1001  # of a frame rate as a fraction: 29.97 is 30000/1001
QUALITY = "18"  # x264's constant rate factor: hard to tell from the original
THREADS = 2


def write_mp4(sink: BinaryIO, frames: Iterable[UInt8[np.ndarray, "H W 3"]], fps: float) -> int:
    """Write RGB frames ``(H, W, 3)`` in uint8, all of one size with even sides, to a seekable file; return their number."""
    count = 0
    with av.open(sink, "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264",
            rate=Fraction(fps).limit_denominator(LARGEST_PART),
            options={"crf": QUALITY, "preset": "veryfast"},
        )
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = THREADS
        for count, pixels in enumerate(frames, 1):
            if count == 1:
                stream.height, stream.width = pixels.shape[:2]
            container.mux(
                stream.encode(
                    av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                )
            )
        container.mux(stream.encode(None))
    return count
