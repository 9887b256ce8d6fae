"""Scenes with a known truth: a textured object on a known path over a background, with pauses, occlusion and exit.

    scene = Scene.of(seed=3)              # another seed: another background, object, path and occluder
    scene = Scene.of(3, photographs)      # over one of these pictures, (3, H, W) each
    scene.write(folder / "scene.mp4")     # as a video file
    scene.place(frame)                    # where the object's center is, in pixels
    scene.mask(frame)                     # which pixels show the object

The object has eight colored sectors around a core of its own, so that its patches differ; without photographs the background
is smooth noise of muted colors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
from scipy import ndimage

SIDE = 256  # pixels
FRAMES = 64
RADIUS = 48  # pixels
CORE = 20
HUES = np.array([(220, 40, 40), (40, 200, 60), (50, 70, 220), (230, 200, 40), (200, 50, 200), (40, 200, 210), (240, 130, 30), (240, 240, 240)])


@dataclass(frozen=True)
class Scene:
    """One scene; `path` holds the object's center a frame ``(FRAMES, 2)`` as (y, x), in pixels."""

    seed: int
    background: np.ndarray
    object: np.ndarray  # (2 * RADIUS, 2 * RADIUS, 3)
    path: np.ndarray
    occluder: tuple[int, int]  # columns it covers

    @classmethod
    def of(cls, seed: int, photographs: Sequence[np.ndarray] = ()) -> "Scene":
        rng = np.random.RandomState(seed)
        left = rng.randint(96, 140)
        drawn = cls(seed, _background(rng), _object(rng), _path(rng), (left, left + 2 * RADIUS + 24))
        return replace(drawn, background=_piece(rng, photographs[seed % len(photographs)])) if len(photographs) else drawn

    def place(self, frame: int) -> np.ndarray:
        """Center of the object (y, x), in pixels; outside the picture while it is away."""
        return self.path[frame]

    def visible(self, frame: int) -> np.ndarray:
        """Which pixels show the object, ``(SIDE, SIDE)``."""
        shown = _disc(self.path[frame])
        if self.hides(frame):
            shown[:, self.occluder[0] : self.occluder[1]] = False
        return shown

    def hides(self, frame: int) -> bool:
        """Whether the occluder stands in the picture."""
        return FRAMES // 4 <= frame < FRAMES // 2

    def picture(self, frame: int) -> np.ndarray:
        """The frame ``(SIDE, SIDE, 3)`` in uint8."""
        picture = self.background.copy()
        top, left = np.rint(self.path[frame]).astype(int) - RADIUS
        y, x = np.nonzero(self.visible(frame))
        picture[y, x] = self.object[np.clip(y - top, 0, 2 * RADIUS - 1), np.clip(x - left, 0, 2 * RADIUS - 1)]
        if self.hides(frame):
            picture[:, self.occluder[0] : self.occluder[1]] = (70, 72, 70)
        return picture

    def write(self, path: Path) -> Path:
        """Write the scene as H.264."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "12", "threads": "1"})
            stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
            for frame in range(FRAMES):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(self.picture(frame), format="rgb24")))
            container.mux(stream.encode(None))
        return path


def _background(rng: np.random.RandomState) -> np.ndarray:
    """Noise of several scales around a muted color."""
    noise = sum(ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE, 3)), (s, s, 0)) * s for s in (1, 4, 16))
    return np.clip(rng.randint(80, 150, 3) + 22 * noise / noise.std(), 20, 200).astype(np.uint8)


def _piece(rng: np.random.RandomState, photograph: np.ndarray) -> np.ndarray:
    """A square of a photograph."""
    top, left = (rng.randint(0, side - SIDE + 1) for side in photograph.shape[1:])
    return np.moveaxis(np.asarray(photograph)[:, top : top + SIDE, left : left + SIDE], 0, -1).copy()


def _object(rng: np.random.RandomState) -> np.ndarray:
    """A disc of eight sectors around a core, in shuffled hues, with a fine texture."""
    hues = HUES[rng.permutation(len(HUES))]
    y, x = np.indices((2 * RADIUS, 2 * RADIUS)) - RADIUS + 0.5
    sector = ((np.arctan2(y, x) + np.pi) / (2 * np.pi) * 7).astype(int) % 7
    colors = np.where((np.hypot(y, x) < CORE)[..., None], hues[7], hues[sector])
    return np.clip(colors + rng.randint(-25, 25, colors.shape), 0, 255).astype(np.uint8)


def _path(rng: np.random.RandomState) -> np.ndarray:
    """Left to right with a pause, behind the occluder, out on the right, and back in: a point each few frames, straight in between."""
    high, low = rng.randint(70, 110), rng.randint(140, 186)
    times = [0, 10, 16, 24, 32, 40, 46, 56, 63]
    y = [high, high, high, low, low, high, high, low, low]
    x = [60, 80, 80, 180, 200, 330, 330, 190, 150]
    frames = np.arange(FRAMES)
    return np.column_stack([np.interp(frames, times, y), np.interp(frames, times, x)])


def _disc(center: np.ndarray) -> np.ndarray:
    y, x = np.indices((SIDE, SIDE))
    top, left = np.rint(center)
    return np.hypot(y - top + 0.5, x - left + 0.5) < RADIUS
