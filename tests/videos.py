"""Small real videos, made with FFmpeg through av: a textured square that moves over a textured background."""

from pathlib import Path

import av
import numpy as np


def make_video(
    path: Path, frames: int = 24, height: int = 96, width: int = 128, fps: int = 25, seed: int = 0
) -> Path:
    """Write an MP4 (H.264) of `frames` frames; another seed shows another scene."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=fps, options={"preset": "ultrafast", "crf": "20", "threads": "1"}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for pixels in scene(frames, height, width, seed):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def scene(frames: int, height: int, width: int, seed: int):
    """Yield RGB frames ``(H, W, 3)`` in uint8."""
    generator = np.random.RandomState(seed)
    background = np.kron(
        generator.randint(0, 200, (height // 8 + 1, width // 8 + 1, 3)), np.ones((8, 8, 1))
    )[:height, :width]
    square = generator.randint(60, 255, (height // 4, height // 4, 3))
    for index in range(frames):
        picture = background.copy()
        top = height // 3
        left = (3 * index + 7 * seed) % (width - height // 4)
        picture[top : top + height // 4, left : left + height // 4] = square
        yield picture.astype(np.uint8)


def make_folder(folder: Path, count: int, **arguments: int) -> Path:
    """A folder of `count` different videos."""
    for number in range(count):
        make_video(folder / f"video_{number:03d}.mp4", seed=number, **arguments)
    return folder
