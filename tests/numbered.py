"""Videos whose frames say their own number: eight squares, white where a bit of the number is set, on the patches of a small grid."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import av
import numpy as np

HEIGHT, WIDTH = 128, 192  # pixels of a frame
SIDE, PATCHES = 96, 6  # pixels of the encoder's picture, patches of 16 px a side
WINDOW = 16  # frames of a clip
LEFT, PATCH = (
    32,
    128 / 6,
)  # pixels of the frame: where the middle that the encoder sees begins, and the side of a patch on it
BITS = 8
PLACES = [(1 + bit // 4, 1 + bit % 4) for bit in range(BITS)]  # patch (y, x) of each bit


def numbered_frame(number: int) -> np.ndarray:
    """RGB ``(128, 192, 3)``: dim outside what the encoder sees, the number's bits inside, a red corner at patch (0, 0)."""
    frame = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    frame[:, LEFT : LEFT + HEIGHT] = 100
    _fill(frame, (0, 0), (220, 40, 40))
    for bit, place in enumerate(PLACES):
        _fill(frame, place, (245,) * 3 if number >> bit & 1 else (10,) * 3)
    return frame


def numbered_video(
    path: Path, frames: int, codec: str = "libx264", fps: int = 25, **options: str
) -> Path:
    """A video of numbered frames, with frames that depend on later ones where the codec has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        quality = {"crf": "12"} if codec == "libx264" else {"b": "4000000"}
        stream = container.add_stream(codec, rate=fps, options=quality | options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(frames):
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(numbered_frame(number), format="rgb24"))
            )
        container.mux(stream.encode(None))
    return path


def ingest(folder: Path, root: Path, **arguments: int | str) -> None:
    """Encode a folder of numbered videos into the store at `root`, by the toy encoder, whose tokens are as bright as their patch."""
    from tubelet.ingest.job import (
        Job,  # takes seconds, which those who only make a video need not wait
    )

    job = Job.of(
        paths=[str(folder)],
        size=str(SIDE),
        frames=WINDOW,
        **{"encoder": "toy", "pairs": "0", **arguments},
    )
    assert not job.run(str(root)).execute(job.sources).failures


def number_in(pixels: np.ndarray, first_bit: int = 0) -> int:
    """The number that the middle of a frame, or a grid of tokens, shows from a bit on. `pixels` ``(h, w, 3)``: what the encoder sees."""
    height, width = pixels.shape[:2]
    levels = [
        pixels[int((y + 0.5) * height / PATCHES), int((x + 0.5) * width / PATCHES), 1] / 255
        for y, x in PLACES
    ]
    return number(levels, first_bit)


def number(levels: Sequence[float], first_bit: int = 0) -> int:
    """The number that the levels of the bits show, each 0 to 1, from a bit on."""
    assert all(level < 0.35 or level > 0.65 for level in levels[first_bit:]), levels
    return sum((level > 0.5) << bit for bit, level in enumerate(levels[first_bit:]))


def film(file: IO[bytes]) -> tuple[list[np.ndarray], float]:
    """The frames of an MP4 that every player opens, RGB, and its frame rate."""
    with av.open(file) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)], float(
            stream.average_rate
        )


# JavaScript: the levels of the bits, 0 to 1, in an element's pixels. `part` is a share of the element: left, top, width, height.
READ_NUMBER = f"""
(element, part) => {{
  const size = {SIDE}
  const canvas = Object.assign(document.createElement('canvas'), {{ width: size, height: size }})
  const context = canvas.getContext('2d', {{ willReadFrequently: true }})
  const wide = element.videoWidth || element.width
  const high = element.videoHeight || element.height
  context.imageSmoothingEnabled = false
  context.drawImage(element, part[0] * wide, part[1] * high, part[2] * wide, part[3] * high, 0, 0, size, size)
  const bits = {[list(place) for place in PLACES]}.map(([y, x]) => context.getImageData(x * 16 + 8, y * 16 + 8, 1, 1).data[1])
  return bits.map(level => level / 255)
}}
"""


def _fill(frame: np.ndarray, place: tuple[int, int], color: tuple[int, ...]) -> None:
    top, left = (round(n * PATCH) for n in place)
    bottom, right = (round((n + 1) * PATCH) for n in place)
    frame[top:bottom, LEFT + left : LEFT + right] = color
