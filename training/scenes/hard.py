"""Scenes that are harder than those of the Video page, a kind per way in which a video makes an object hard to follow.

text, checkers, noise     object and background are of one kind, so that color alone tells nothing
turning, scaling, light   the object turns once, grows from 0.6 to 1.5 of its size, or goes from dark to bright and back
twins                     a second object of the same look crosses its path
leaving                   the object leaves the picture twice

scenes = hard_scenes(photographs, 24)       # kinds in turn, every seed another scene
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from tubelet.training.scenes import motion, outlines
from tubelet.training.scenes.motion import Motion
from tubelet.training.scenes.occlusion import FRAMES, SIDE
from tubelet.training.scenes.scene import Scene, Sprite, compose, sprite, still

SEED = 2027
OBJECT = 96  # pixels, of the square around the object
LETTERS = "the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one you"
MARGIN = 0.6 * OBJECT  # pixels between the object's center and the border, where it stays inside
Pictures = Sequence[torch.Tensor]


@dataclass(frozen=True)
class HardScene:
    """One scene of a kind; its truth is that of the object that every frame shows in front."""

    kind: str
    scene: Scene

    def center(self, frame: int) -> np.ndarray:
        """Center of the object (y, x), in pixels; outside the picture while it is away."""
        return self.scene.motion.centers[frame]

    def visible(self, frame: int) -> np.ndarray:
        """Which pixels show the object, ``(SIDE, SIDE)``."""
        return self.scene.masks[frame].numpy()

    def frames(self) -> np.ndarray:
        """All frames, ``(FRAMES, SIDE, SIDE, 3)`` in uint8."""
        return self.scene.frames.permute(0, 2, 3, 1).contiguous().numpy()

    @property
    def marked_column(self) -> int:
        """A column, in pixels, whose patches are marked as background in a later slice."""
        return SIDE - 8


def hard_scenes(photographs: Pictures, count: int) -> list[HardScene]:
    """Scenes over some pictures, ``(3, H, W)`` of at least SIDE pixels each, their kinds in turn."""
    kinds = list(KINDS)
    return [make_scene(kinds[seed % len(kinds)], seed, photographs) for seed in range(count)]


def make_scene(kind: str, seed: int, photographs: Pictures) -> HardScene:
    generator = np.random.default_rng([SEED, list(KINDS).index(kind), seed])
    return HardScene(kind, KINDS[kind](generator, photographs))


def _wander(generator: np.random.Generator) -> np.ndarray:
    return motion.wandering(generator, FRAMES, SIDE, MARGIN, generator.uniform(1.5, 3.5))


def _ground(picture: torch.Tensor) -> torch.Tensor:
    return picture.float().repeat(FRAMES, 1, 1, 1)


def _of_one_pattern(draw: Callable[[np.random.Generator, int], torch.Tensor]) -> Callable:
    """Scenes whose object is drawn as the background is, by another draw."""

    def make(generator: np.random.Generator, _: Pictures) -> Scene:
        thing = Sprite(draw(generator, OBJECT).float(), outlines.disc(OBJECT))
        ground = _ground(draw(generator, SIDE))
        return compose(ground, [(thing, motion.plain(_wander(generator)))])

    return make


def _over_photographs(move: Callable[[np.random.Generator], Sequence[Motion]]) -> Callable:
    """Scenes of an object over a photograph; where it has several motions, the last is its own and the others are of its twins."""

    def make(generator: np.random.Generator, photographs: Pictures) -> Scene:
        behind, texture = (int(n) for n in generator.choice(len(photographs), 2))
        ground = still(generator, photographs[behind], FRAMES, SIDE)
        thing = sprite(generator, photographs[texture], outlines.blob(generator, OBJECT))
        return compose(ground, [(thing, one) for one in move(generator)])

    return make


def _turning(generator: np.random.Generator) -> Sequence[Motion]:
    angles = np.linspace(0, 2 * np.pi, FRAMES) * generator.choice([-1, 1])
    return [replace(motion.plain(_wander(generator)), angles=angles)]


def _scaling(generator: np.random.Generator) -> Sequence[Motion]:
    scales = np.geomspace(0.6, 1.5, FRAMES)[:: generator.choice([-1, 1])]
    return [replace(motion.plain(_wander(generator)), scales=scales.copy())]


def _light(generator: np.random.Generator) -> Sequence[Motion]:
    bright = np.exp(np.log(2.2) * np.sin(np.linspace(0, 2 * np.pi, FRAMES)))
    light = bright[:, None] * np.exp(generator.uniform(-0.2, 0.2, 3))
    return [replace(motion.plain(_wander(generator)), light=light)]


def _twins(generator: np.random.Generator) -> Sequence[Motion]:
    """Two objects that pass each other in the middle; the one that is followed is in front."""
    rows = generator.uniform(MARGIN, SIDE - MARGIN, 2)
    columns = np.linspace(MARGIN, SIDE - MARGIN, FRAMES)
    down = np.linspace(rows[0], rows[1], FRAMES)
    return [
        motion.plain(np.stack([down[::-1], columns[::-1]], 1)),
        motion.plain(np.stack([down, columns], 1)),
    ]


def _leaving(generator: np.random.Generator) -> Sequence[Motion]:
    """Out on the right and back, twice, each time in another row."""
    away, near = SIDE + OBJECT, generator.uniform(MARGIN, SIDE - MARGIN, 3)
    times = [0, 12, 18, 24, 30, 40, 46, 52, 58, FRAMES - 1]
    columns = [near[0], 160, away, away, 160, 120, away, away, 150, near[1]]
    rows = np.repeat(generator.uniform(MARGIN, SIDE - MARGIN, 3), [3, 4, 3])
    frames = np.arange(FRAMES)
    centers = np.stack([np.interp(frames, times, rows), np.interp(frames, times, columns)], 1)
    return [motion.plain(centers)]


def draw_text(generator: np.random.Generator, side: int) -> torch.Tensor:
    """Lines of words ``(3, side, side)``, dark on light."""
    page = Image.new("RGB", (side, side), tuple(int(n) for n in generator.integers(200, 256, 3)))
    pen, words, size = ImageDraw.Draw(page), LETTERS.split(), int(generator.integers(11, 18))
    ink = tuple(int(n) for n in generator.integers(0, 90, 3))
    for top in range(0, side, size + 4):
        line = " ".join(generator.choice(words, side // 16))
        place = (-int(generator.integers(0, 30)), top)
        pen.text(place, line, fill=ink, font=ImageFont.load_default(size))
    return _as_tensor(np.asarray(page))


def draw_checkers(generator: np.random.Generator, side: int) -> torch.Tensor:
    """Squares of two grays ``(3, side, side)``."""
    square, first = int(generator.integers(9, 22)), generator.integers(0, 64, 2)
    y, x = np.indices((side, side)) + first[:, None, None]
    grays = generator.integers(0, 110), generator.integers(145, 256)
    checkers = np.where((y // square + x // square) % 2, *grays).astype(np.uint8)
    return _as_tensor(np.repeat(checkers[..., None], 3, axis=2))


def draw_noise(generator: np.random.Generator, side: int) -> torch.Tensor:
    """Independent gray cells of 4 pixels ``(3, side, side)``."""
    cells = generator.integers(0, 256, (side // 4 + 1, side // 4 + 1), dtype=np.uint8)
    gray = np.kron(cells, np.ones((4, 4), np.uint8))[:side, :side]
    return _as_tensor(np.repeat(gray[..., None], 3, axis=2))


def _as_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.moveaxis(pixels, -1, 0).copy())


KINDS: Mapping[str, Callable[[np.random.Generator, Pictures], Scene]] = {
    "text": _of_one_pattern(draw_text),
    "checkers": _of_one_pattern(draw_checkers),
    "noise": _of_one_pattern(draw_noise),
    "turning": _over_photographs(_turning),
    "scaling": _over_photographs(_scaling),
    "light": _over_photographs(_light),
    "twins": _over_photographs(_twins),
    "leaving": _over_photographs(_leaving),
}
