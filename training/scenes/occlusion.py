"""Scenes of the Video page: an object over a background that moves, rests, passes behind an occluder, leaves the picture and comes back.

    scene = OcclusionScene.of(seed=3)            # another seed: another background, object, path and occluder
    scene = OcclusionScene.of(3, photographs)    # over one of these pictures, (3, H, W) each
    scene = vary(generator, photographs)       # other hues, shapes, sizes, times: for training
    scene.frames()                               # (T, SIDE, SIDE, 3)
    scene.center(frame), scene.visible(frame)    # the truth, in pixels

The object of `of` is a disc of eight sectors around a core, so that its patches differ. Tests, benchmark, evaluation and pretraining all
take their scenes from here; evaluation and pretraining never share pictures or seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from tubelet.training.scenes import outlines

SIDE = 256  # pixels
FRAMES = 64
RADIUS = 48  # pixels
CORE = 20
HUES = np.array(
    [
        (220, 40, 40),
        (40, 200, 60),
        (50, 70, 220),
        (230, 200, 40),
        (200, 50, 200),
        (40, 200, 210),
        (240, 130, 30),
        (240, 240, 240),
    ]
)
GRAY = 70, 72, 70  # of the occluder
TIMES = 0, 10, 16, 24, 32, 40, 46, 56, 63  # frames between which the path is straight
COLUMNS = 60, 80, 80, 180, 200, 330, 330, 190, 150  # where the object is at these, in pixels


@dataclass(frozen=True, kw_only=True)
class OcclusionScene:
    """One scene. `path` holds the object's center per frame ``(FRAMES, 2)`` as (y, x), in pixels; `shape` which pixels of `object` show."""

    background: np.ndarray
    object: np.ndarray  # (2 * radius, 2 * radius, 3)
    shape: np.ndarray  # (2 * radius, 2 * radius) in bool
    path: np.ndarray
    occluder: tuple[int, int]  # columns it covers
    color: Sequence[int] | np.ndarray = GRAY  # of the occluder
    standing: tuple[int, int] = (FRAMES // 4, FRAMES // 2)  # frames in which the occluder is there

    @classmethod
    def of(cls, seed: int, photographs: Sequence[np.ndarray] = ()) -> "OcclusionScene":
        rng = np.random.RandomState(seed)
        left = rng.randint(96, 140)
        drawn = cls(
            background=_background(rng),
            object=_disc_texture(rng),
            shape=_disc(RADIUS),
            path=_page_path(rng),
            occluder=(left, left + 2 * RADIUS + 24),
        )
        return (
            replace(drawn, background=_cut_square(rng, photographs[seed % len(photographs)]))
            if len(photographs)
            else drawn
        )

    @property
    def radius(self) -> int:
        return len(self.shape) // 2

    @property
    def marked_column(self) -> int:
        """A column of the occluder, in pixels, whose patches are marked as background."""
        return self.occluder[0] + self.radius

    def center(self, frame: int) -> np.ndarray:
        """Center of the object (y, x), in pixels; outside the picture while it is away."""
        return self.path[frame]

    def visible(self, frame: int) -> np.ndarray:
        """Which pixels show the object, ``(SIDE, SIDE)``."""
        shown = np.zeros((SIDE, SIDE), bool)
        inside, own = self._place(frame)
        shown[inside] = self.shape[own]
        if self.hides(frame):
            shown[:, self.occluder[0] : self.occluder[1]] = False
        return shown

    def hides(self, frame: int) -> bool:
        """Whether the occluder stands in the picture."""
        return self.standing[0] <= frame < self.standing[1]

    def picture(self, frame: int) -> np.ndarray:
        """The frame ``(SIDE, SIDE, 3)`` in uint8."""
        picture = self.background.copy()
        inside, own = self._place(frame)
        picture[inside] = np.where(self.shape[own][..., None], self.object[own], picture[inside])
        if self.hides(frame):
            picture[:, self.occluder[0] : self.occluder[1]] = self.color
        return picture

    def frames(self) -> np.ndarray:
        """All frames, ``(FRAMES, SIDE, SIDE, 3)`` in uint8."""
        return np.stack([self.picture(frame) for frame in range(FRAMES)])

    def _place(self, frame: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Rows and columns of the picture that the object's square covers, and which of its own these are."""
        corner = np.rint(self.path[frame]).astype(int) - self.radius
        first, stop = np.clip(corner, 0, SIDE), np.clip(corner + 2 * self.radius, 0, SIDE)
        return _cover(first, stop), _cover(first - corner, stop - corner)


def _cover(first: np.ndarray, stop: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns from a corner (y, x) up to another."""
    rows, columns = (slice(a, b) for a, b in zip(first, stop, strict=True))
    return rows, columns


def vary(generator: np.random.Generator, photographs: Sequence[np.ndarray]) -> OcclusionScene:
    """A scene over any of some pictures, ``(3, H, W)`` of at least SIDE pixels, whose object, path and occluder are all drawn at random."""
    rng = np.random.RandomState(int(generator.integers(2**31)))
    radius = int(generator.integers(28, 60))
    shape = (
        _disc(radius)
        if generator.random() < 0.5
        else outlines.blob(generator, 2 * radius).numpy() > 0.5
    )
    left = int(generator.integers(20, 180))
    first = int(generator.integers(0, FRAMES))
    return OcclusionScene(
        background=_cut_square(rng, photographs[int(generator.integers(len(photographs)))]),
        object=_texture(generator, radius, photographs),
        shape=shape,
        path=_path(generator, radius),
        occluder=(left, left + int(generator.integers(16, 4 * radius))),
        color=generator.integers(0, 256, 3),
        standing=(first, first + int(generator.integers(4, FRAMES // 2))),
    )


def _background(rng: np.random.RandomState) -> np.ndarray:
    """Noise of several scales around a muted color."""
    noise = sum(
        ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE, 3)), (s, s, 0)) * s
        for s in (1, 4, 16)
    )
    return np.clip(rng.randint(80, 150, 3) + 22 * noise / noise.std(), 20, 200).astype(np.uint8)


def _cut_square(rng: np.random.RandomState, photograph: np.ndarray) -> np.ndarray:
    """A square of a photograph."""
    top, left = (rng.randint(0, side - SIDE + 1) for side in photograph.shape[1:])
    return np.moveaxis(
        np.asarray(photograph)[:, top : top + SIDE, left : left + SIDE], 0, -1
    ).copy()


def _disc_texture(rng: np.random.RandomState) -> np.ndarray:
    """A disc of seven sectors around a core, in shuffled hues, with a fine texture."""
    hues = HUES[rng.permutation(len(HUES))]
    colors = _sectors(hues[:7], RADIUS, CORE, hues[7])
    return np.clip(colors + rng.randint(-25, 25, colors.shape), 0, 255).astype(np.uint8)


def _texture(
    generator: np.random.Generator, radius: int, photographs: Sequence[np.ndarray]
) -> np.ndarray:
    """Sectors of any hues around a core, a piece of a photograph, or one hue with stripes; each with some noise."""
    kind = generator.random()
    if kind < 0.4:
        hues = generator.integers(0, 256, (int(generator.integers(3, 10)), 3))
        colors = _sectors(
            hues, radius, radius * generator.uniform(0, 0.6), generator.integers(0, 256, 3)
        )
    elif kind < 0.8:
        photograph = np.asarray(photographs[int(generator.integers(len(photographs)))])
        top, left = (
            int(generator.integers(0, side - 2 * radius + 1)) for side in photograph.shape[1:]
        )
        colors = np.moveaxis(photograph[:, top : top + 2 * radius, left : left + 2 * radius], 0, -1)
    else:
        colors = _stripes(generator, radius)
    noise = int(generator.integers(2, 30))
    return np.clip(colors + generator.integers(-noise, noise, colors.shape), 0, 255).astype(
        np.uint8
    )


def _sectors(hues: np.ndarray, radius: int, core: float, middle: np.ndarray) -> np.ndarray:
    y, x = np.indices((2 * radius, 2 * radius)) - radius + 0.5
    sector = ((np.arctan2(y, x) + np.pi) / (2 * np.pi) * len(hues)).astype(int) % len(hues)
    return np.where((np.hypot(y, x) < core)[..., None], middle, hues[sector])


def _stripes(generator: np.random.Generator, radius: int) -> np.ndarray:
    y, x = np.indices((2 * radius, 2 * radius))
    angle, width = generator.uniform(0, np.pi), generator.uniform(8, 32)
    hues = generator.integers(0, 256, (2, 3))
    return hues[((y * np.sin(angle) + x * np.cos(angle)) / width).astype(int) % 2]


def _page_path(rng: np.random.RandomState) -> np.ndarray:
    """Left to right with a pause, behind the occluder, out on the right, and back in: a point each few frames, straight in between."""
    high, low = rng.randint(70, 110), rng.randint(140, 186)
    rows = high, high, high, low, low, high, high, low, low
    frames = np.arange(FRAMES)
    return np.column_stack([np.interp(frames, TIMES, rows), np.interp(frames, TIMES, COLUMNS)])


def _path(generator: np.random.Generator, radius: int) -> np.ndarray:
    """Places anywhere in the picture or beyond its border, at times of its own; the object rests at some of them for a while."""
    count = int(generator.integers(4, 9))
    times = np.sort(generator.choice(np.arange(1, FRAMES), count - 1, replace=False))
    places = generator.uniform(-radius, SIDE + radius, (count, 2)) * 0.8 + 0.1 * SIDE
    for number in np.flatnonzero(generator.random(count - 1) < 0.3):
        places[number + 1] = places[number]
    return np.column_stack([np.interp(np.arange(FRAMES), [0, *times], axis) for axis in places.T])


def _disc(radius: int) -> np.ndarray:
    y, x = np.indices((2 * radius, 2 * radius)) - radius + 0.5
    return np.hypot(y, x) < radius
