"""When frames are shown, in files whose time stamps are lacking, early or uneven."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tubelet.media.video import open_source

FPS = 25
AVERAGE = Fraction(25, 6)  # of frames with a pause among them, as a copy from MP4 writes it


def write_matroska(path: Path, stamps: list[int], rate: int | Fraction) -> None:
    """Frames at these times in milliseconds, in a file that states one duration for all of them."""
    with av.open(str(path), "w", format="matroska", options={"avoid_negative_ts": "disabled"}) as container:  # fmt: skip
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        rng = np.random.default_rng(0)
        packets = []
        for _ in stamps:
            pixels = rng.integers(0, 256, (32, 32, 3), np.uint8)
            packets += stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24"))
        packets += stream.encode(None)
        for packet, stamp in zip(packets, stamps, strict=True):
            packet.pts = packet.dts = stamp
            packet.time_base, packet.duration = Fraction(1, 1000), 0
            container.mux(packet)


def read_times(path: Path) -> tuple[list[float], float]:
    """When each frame begins, and when the last one ends."""
    with open_source(path, 1, None) as video:
        frames = list(video.frames())
    return [round(frame.time_s, 3) for frame in frames], round(frames[-1].stop_s, 3)


@pytest.mark.parametrize(
    ("stamps", "rate", "times", "end"),
    [
        ([40 * n for n in range(10)], FPS, [0.04 * n for n in range(10)], 0.4),
        ([40 * n for n in range(-5, 5)], FPS, [0.04 * n for n in range(10)], 0.4),
        (
            [40 * n + 9000 * (n > 4) for n in range(10)],
            AVERAGE,
            [0.04 * n + 9 * (n > 4) for n in range(10)],
            9.4,
        ),
    ],
)
def test_frames_before_the_clock_starts_and_after_a_pause_have_their_times(
    tmp_path: Path, stamps: list[int], rate: int | Fraction, times: list[float], end: float
) -> None:
    path = tmp_path / "x.mkv"
    write_matroska(path, stamps, rate)
    found, stop = read_times(path)
    assert found == pytest.approx(times, abs=0.002) and stop == pytest.approx(end, abs=0.01)
