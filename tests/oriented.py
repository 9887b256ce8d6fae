"""Videos of four colored quarters whose display matrix turns and mirrors them in each of the eight ways."""

from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from PIL import Image

HEIGHT, WIDTH = 96, 160  # of the stored picture
COLORS = np.array(
    [[(230, 30, 30), (30, 200, 30)], [(30, 30, 230), (235, 235, 30)]], np.uint8
)  # quarters of the stored picture
# (a, b, c, d): a stored pixel at (x, y), y downwards, is shown at (a x + c y, b x + d y), moved into view.
MATRICES = {
    "upright": (1, 0, 0, 1),
    "mirrored": (-1, 0, 0, 1),
    "upside down": (1, 0, 0, -1),
    "turned by 180": (-1, 0, 0, -1),
    "clockwise": (0, 1, -1, 0),
    "anticlockwise": (0, -1, 1, 0),
    "transposed": (0, 1, 1, 0),
    "transversed": (0, -1, -1, 0),
}


def oriented_video(path: Path, matrix: tuple[int, int, int, int], frames: int = 6) -> Path:
    return write_streams(path, [(matrix, frames)])


def write_streams(path: Path, streams: list[tuple[tuple[int, int, int, int], int]]) -> Path:
    """A file of videos, each with its matrix and number of frames; the last one is the default."""
    pixels = np.kron(COLORS, np.ones((HEIGHT // 2, WIDTH // 2, 1), np.uint8))
    with av.open(str(path), "w") as container:
        made = []
        for (a, b, c, d), _ in streams:
            stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            fixed = [number << 16 for number in (a, b, 0, c, d)]
            stream.set_display_matrix([*fixed, 0, 0, 0, 1 << 30])
            stream.disposition = Disposition(0)
            made.append(stream)
        made[-1].disposition = Disposition.default
        for stream, (_, frames) in zip(made, streams, strict=True):
            for _ in range(frames):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode(None))
    return path


def animated_picture(path: Path, orientation: int, **more: object) -> Path:
    """An animation of three equal pictures with an orientation (1 to 8) in its EXIF; the ending names the format."""
    picture = Image.fromarray(np.kron(COLORS, np.ones((HEIGHT // 2, WIDTH // 2, 1), np.uint8)))
    exif = picture.getexif()
    exif[0x0112] = orientation
    others = [picture.transpose(Image.Transpose.ROTATE_180), picture]
    picture.save(path, save_all=True, append_images=others, exif=exif, **more)
    return path


def displayed(matrix: tuple[int, int, int, int]) -> np.ndarray:
    """The quarters ``(2, 2, 3)`` where the matrix puts them, one by one."""
    a, b, c, d = matrix
    places = {(a * x + c * y, b * x + d * y): COLORS[y, x] for y in (0, 1) for x in (0, 1)}
    left, top = (min(place[axis] for place in places) for axis in (0, 1))
    shown = np.zeros_like(COLORS)
    for (x, y), color in places.items():
        shown[y - top, x - left] = color
    return shown


def quarters(pixels: np.ndarray) -> np.ndarray:
    """The color in the middle of each quarter of a picture ``(H, W, 3)``."""
    height, width = pixels.shape[:2]
    return pixels[[height // 4, 3 * height // 4]][:, [width // 4, 3 * width // 4]].astype(int)
